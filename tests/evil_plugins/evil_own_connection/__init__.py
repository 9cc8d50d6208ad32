"""Evil: connects to the database by itself, with whatever the environment offers."""
