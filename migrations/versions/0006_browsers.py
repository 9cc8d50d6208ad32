"""Sessions of browsers, which end when they lie idle, and what people prefer on their screens."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import INTERVAL, JSONB

from core.schema.sql.tables import drop_tenant_table, tenant_table

revision = "core_0006"
down_revision = "core_0005"


def upgrade() -> None:
    """Let a session name the time after which it ends unused; make the table of preferences."""
    op.add_column("core_session", sa.Column("idle", INTERVAL()))
    tenant_table(
        "core_preference",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", JSONB(), nullable=False),
        unique=(("user_id", "name"),),
        links={"user_id": ("core_user", "cascade")},
    )


def downgrade() -> None:
    """Drop the preferences, and the sessions of browsers with their column."""
    drop_tenant_table("core_preference")
    op.execute("DELETE FROM core_session WHERE idle IS NOT NULL")
    op.drop_column("core_session", "idle")
