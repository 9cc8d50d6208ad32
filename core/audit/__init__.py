"""Reading the history: what changed, who changed it, and who was responsible, through rights."""
