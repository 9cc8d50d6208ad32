"""Evil: misspells a hook, which would never be called."""
