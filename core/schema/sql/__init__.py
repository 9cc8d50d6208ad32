"""SQL made from declarations: tables, policies, scopes, triggers and functions."""
