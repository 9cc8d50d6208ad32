"""The audit: what changed, who changed it and who was responsible, below every way to write."""
