"""A well-behaved plugin that extends another one's entity."""
