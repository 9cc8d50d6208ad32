"""Changes of records: validated, checked by plugins, idempotent, one transaction each."""
