"""Everything that speaks to PostgreSQL: the embedded server, its roles, connections and backups."""
