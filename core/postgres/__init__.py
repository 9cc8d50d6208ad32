"""The PostgreSQL server: the embedded one, its roles, backup and restore."""
