"""Many records changed at once, undone, exported, or in the trash."""
