"""Tenants: switching their plugins, and what their people edit."""
