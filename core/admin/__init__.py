"""The generated web UI: screens from the registry, one look for all plugins."""
