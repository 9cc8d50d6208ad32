"""Evil: wants the path of another entity or of the kernel."""
