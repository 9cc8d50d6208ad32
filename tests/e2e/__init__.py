"""Stories from the outside: whole systems, real data."""
