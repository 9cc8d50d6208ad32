"""Who may do what: grants, scopes and field rules, compiled once per tenant and set of roles."""
