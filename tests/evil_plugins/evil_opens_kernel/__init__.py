"""Evil: takes a wall of the kernel down and puts a nicer one up."""
