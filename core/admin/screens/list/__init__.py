"""The list of an entity."""
