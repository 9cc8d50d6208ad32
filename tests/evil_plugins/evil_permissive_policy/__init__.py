"""Evil: adds a policy of its own that lets everything in."""
