"""A table whose tenant policy is gone."""

import sqlalchemy as sa
from alembic import op

from core.schema.sql.tables import drop_tenant_table, tenant_table

revision = "evil_missing_policy_0001"
down_revision = None


def upgrade() -> None:
    tenant_table("evil_missing_policy_note", sa.Column("code", sa.String(20), nullable=False))
    op.execute("DROP POLICY evil_missing_policy_note_tenant ON evil_missing_policy_note")


def downgrade() -> None:
    drop_tenant_table("evil_missing_policy_note")
