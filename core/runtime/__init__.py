"""The running product of one configuration: platform, tenants, contexts of requests."""
