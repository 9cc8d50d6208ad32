"""Evil: calls its route public."""
