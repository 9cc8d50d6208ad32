"""Scripts of the repository that no installation needs."""
