"""Evil: has a second revision that fails half-way."""
