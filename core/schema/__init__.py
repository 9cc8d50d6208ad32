"""The schema: migrations, lints, drafts of migrations, and all generated SQL."""
