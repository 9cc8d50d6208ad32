"""A well-behaved plugin: links, scopes, money, keys and a ledger."""
