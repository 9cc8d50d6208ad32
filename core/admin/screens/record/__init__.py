"""The page of a record."""
