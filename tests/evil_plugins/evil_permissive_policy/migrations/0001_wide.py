"""A table with a policy that is not the kernel's."""

import sqlalchemy as sa
from alembic import op

from core.schema.sql.tables import drop_tenant_table, tenant_table

revision = "evil_permissive_policy_0001"
down_revision = None


def upgrade() -> None:
    tenant_table("evil_permissive_policy_note", sa.Column("code", sa.String(20), nullable=False))
    op.execute(
        "CREATE POLICY evil_permissive_policy_all ON evil_permissive_policy_note"
        " TO crm_app USING (true)"
    )


def downgrade() -> None:
    drop_tenant_table("evil_permissive_policy_note")
