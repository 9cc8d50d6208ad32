"""The board of an entity."""
