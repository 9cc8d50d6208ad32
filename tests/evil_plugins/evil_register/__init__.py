"""Evil: raises while the kernel asks what it registers."""
