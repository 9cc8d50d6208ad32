"""The history of a record, and the tenant's audit log."""
