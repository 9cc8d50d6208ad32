"""Plugins and what they declare: found, loaded, resolved, checked and frozen; and their hooks."""
