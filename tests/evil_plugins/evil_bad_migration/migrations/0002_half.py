"""A data step that fails after its first half."""

import sqlalchemy as sa
from alembic import op

revision = "evil_bad_migration_0002"
down_revision = "evil_bad_migration_0001"


def upgrade() -> None:
    op.add_column("evil_bad_migration_note", sa.Column("half", sa.Text()))
    op.execute("UPDATE core_tenant SET place = 'elsewhere'")
    op.execute("SELECT 1 / 0")


def downgrade() -> None:
    op.drop_column("evil_bad_migration_note", "half")
