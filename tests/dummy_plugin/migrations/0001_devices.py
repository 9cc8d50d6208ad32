"""Devices, readings, and the customer's rating."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from core.plugin import drop_tenant_columns, drop_tenant_table, tenant_columns, tenant_table

revision = "dummy_0001"
down_revision = None


def upgrade() -> None:
    """Make the tables and the columns."""
    tenant_table(
        "dummy_device",
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("serial", sa.String(40)),
        sa.Column("manual", sa.Text()),
        sa.Column("contact", sa.String(254)),
        sa.Column("hotline", sa.String(20)),
        sa.Column("slots", sa.Integer(), nullable=False, server_default="2"),
        sa.Column("weight", sa.BigInteger()),
        sa.Column("ratio", sa.Float()),
        sa.Column("is_loud", sa.Boolean(), nullable=False, server_default="false"),
        sa.Column("bought_on", sa.Date()),
        sa.Column("checked_at", sa.DateTime(timezone=True)),
        sa.Column("state", sa.String(50), nullable=False, server_default="new"),
        sa.Column("colour", sa.String(50)),
        sa.Column("labels", ARRAY(sa.Text()), nullable=False, server_default="{}"),
        sa.Column("extras", JSONB()),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("price", sa.BigInteger()),
        sa.Column("secret", sa.String(80)),
        sa.Column("locked", sa.String(80)),
        sa.Column("sealed", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("size", sa.Integer(), sa.Computed("slots * 10", persisted=True)),
        sa.Column("customer_id", sa.Uuid()),
        sa.Column("keeper_id", sa.Uuid()),
        keys=("name", "secret"),
        unique=("serial",),
        links={
            "customer_id": ("customers_customer", "restrict"),
            "keeper_id": ("core_user", "null"),
        },
        indexes=(("created_at",), ("state", "slots")),
    )
    tenant_table(
        "dummy_reading",
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        links={"device_id": ("dummy_device", "cascade")},
        indexes=(("created_at",),),
    )
    tenant_columns(
        "customers_customer",
        sa.Column("dummy_rating", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("dummy_remark", sa.String(80)),
    )


def downgrade() -> None:
    """Take everything away again."""
    drop_tenant_columns("customers_customer", "dummy_rating", "dummy_remark")
    drop_tenant_table("dummy_reading")
    drop_tenant_table("dummy_device")
