"""Saved views: filters, columns, order and sort of a list under one name."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from core.schema.sql.tables import drop_tenant_table, tenant_table

revision = "core_0007"
down_revision = "core_0006"


def upgrade() -> None:
    """Make the table of saved views; at most one per entity is what everybody sees first."""
    tenant_table(
        "core_view",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("role", sa.Text()),
        sa.Column("is_default", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("state", JSONB(), nullable=False),
        links={"user_id": ("core_user", "cascade")},
        indexes=(("entity", "name"),),
        checks={
            "audience": "audience IN ('private', 'team', 'tenant')",
            "team": "(audience = 'team') = (role IS NOT NULL)",
            "first": "audience = 'tenant' OR NOT is_default",
        },
    )
    op.execute(
        "CREATE UNIQUE INDEX core_view_first ON core_view (tenant_id, entity)"
        " WHERE is_default AND deleted_at IS NULL"
    )


def downgrade() -> None:
    """Drop the saved views."""
    drop_tenant_table("core_view")
