"""Evil: takes the wall of its table down."""
