"""Notes."""

import sqlalchemy as sa

from core.schema.sql.tables import drop_tenant_table, tenant_table

revision = "evil_bad_migration_0001"
down_revision = None


def upgrade() -> None:
    tenant_table("evil_bad_migration_note", sa.Column("code", sa.String(20), nullable=False))


def downgrade() -> None:
    drop_tenant_table("evil_bad_migration_note")
