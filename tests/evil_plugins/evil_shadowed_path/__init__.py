"""Evil: takes a path that the kernel serves."""
