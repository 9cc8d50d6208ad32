"""A plugin that uses each extension point once."""
