"""What a plugin declares: fields and entities, and how values are parsed, converted and stored."""
