"""Visits."""

import sqlalchemy as sa

from core.plugin import drop_tenant_table, tenant_table

revision = "visits_0001"
down_revision = None


def upgrade() -> None:
    tenant_table(
        "visits_visit",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(200), nullable=False),
        sa.Column("planned_for", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True)),
        sa.Column("report", sa.Text()),
        keys=("purpose",),
        links={"customer_id": ("customers_customer", "cascade")},
        indexes=(("planned_for",), ("customer_id", "planned_for")),
    )


def downgrade() -> None:
    drop_tenant_table("visits_visit")
