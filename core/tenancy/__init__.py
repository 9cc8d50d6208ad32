"""Tenants: who they are, what they have enabled, and how a request finds its own."""
