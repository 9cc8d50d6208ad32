"""Dashboards and their cards."""
