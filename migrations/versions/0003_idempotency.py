"""Answers of finished requests, kept for a day so that a retry has one effect."""

import sqlalchemy as sa

from core.schema.sql.tables import drop_tenant_table, tenant_table

revision = "core_0003"
down_revision = "core_0002"


def upgrade() -> None:
    """Make the table of stored answers."""
    tenant_table(
        "core_idempotency",
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        unique=(("principal", "route", "key"),),
    )


def downgrade() -> None:
    """Drop the stored answers."""
    drop_tenant_table("core_idempotency")
