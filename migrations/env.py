"""Alembic's entry: runs one plugin's chain on the connection that the kernel opened."""

from alembic import context

options = context.config.attributes
context.configure(
    connection=options["connection"],
    version_table=options["version_table"],
    target_metadata=None,
    transaction_per_migration=True,
    on_version_apply=options.get("after_revision", ()),
)
with context.begin_transaction():
    context.run_migrations()
