"""Who may do what: principals, and the rights of roles, compiled once per tenant."""
