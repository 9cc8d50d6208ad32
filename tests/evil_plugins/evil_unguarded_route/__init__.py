"""Evil: adds a route that names no permission."""
