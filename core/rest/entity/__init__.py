"""The generated routes of entities."""
