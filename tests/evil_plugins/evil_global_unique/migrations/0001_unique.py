"""A unique key without the tenant."""

import sqlalchemy as sa
from alembic import op

from core.schema.sql.tables import drop_tenant_table, tenant_table

revision = "evil_global_unique_0001"
down_revision = None


def upgrade() -> None:
    tenant_table("evil_global_unique_note", sa.Column("code", sa.String(20), nullable=False))
    op.execute("CREATE UNIQUE INDEX evil_global_unique_code ON evil_global_unique_note (code)")


def downgrade() -> None:
    drop_tenant_table("evil_global_unique_note")
