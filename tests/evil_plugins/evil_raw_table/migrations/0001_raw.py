"""A table without a tenant."""

import sqlalchemy as sa
from alembic import op

revision = "evil_raw_table_0001"
down_revision = None


def upgrade() -> None:
    op.create_table("evil_raw_table_note", sa.Column("id", sa.Uuid(), primary_key=True))


def downgrade() -> None:
    op.drop_table("evil_raw_table_note")
