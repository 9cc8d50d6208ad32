"""Evil: writes a hook as plain def that the kernel awaits."""
