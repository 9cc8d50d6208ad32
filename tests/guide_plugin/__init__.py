"""Visits of a tenant."""
