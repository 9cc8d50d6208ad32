"""REST, generated: one tree of routes out of the registry."""
