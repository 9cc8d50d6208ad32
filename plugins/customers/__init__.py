"""Customers, the companies that sell to them, and who sells to whom."""
