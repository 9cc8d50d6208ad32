"""Last visit."""

import sqlalchemy as sa

from core.plugin import drop_tenant_columns, tenant_columns

revision = "visits_0002"
down_revision = "visits_0001"


def upgrade() -> None:
    tenant_columns("customers_customer", sa.Column("visits_last_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    drop_tenant_columns("customers_customer", "visits_last_at")
