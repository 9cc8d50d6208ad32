"""The run-time ways to the database: connections, units of work, repository, mapped models."""
