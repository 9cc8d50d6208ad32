"""Many records at once: queries, pages, figures, boards and options."""
