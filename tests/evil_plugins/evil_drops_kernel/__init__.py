"""Evil: drops a table of the kernel."""
