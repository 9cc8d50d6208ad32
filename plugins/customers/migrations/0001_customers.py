"""Companies, customers, the links between them, and the user's attributes."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from core.plugin import drop_tenant_columns, drop_tenant_table, tenant_columns, tenant_table

revision = "customers_0001"
down_revision = None


def upgrade() -> None:
    tenant_table(
        "customers_company",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("email", sa.String(254)),
        sa.Column("phone", sa.String(20)),
        sa.Column("address", sa.Text()),
        sa.Column("city", sa.String(100)),
        sa.Column("province", sa.String(100)),
        sa.Column("postal_code", sa.String(10)),
        sa.Column("is_active", sa.Boolean(), nullable=False, server_default="true"),
        keys=("name", "city", "province"),
        indexes=(("name_key",), ("created_at",)),
    )
    tenant_table(
        "customers_customer",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("phone", sa.String(20)),
        sa.Column("address", sa.Text()),
        sa.Column("city", sa.String(100)),
        sa.Column("province", sa.String(100)),
        sa.Column("postal_code", sa.String(10)),
        sa.Column("type", sa.String(50), nullable=False, server_default="individual"),
        sa.Column("is_vip", sa.Boolean(), nullable=False, server_default="false"),
        sa.Column("salesperson_id", sa.Uuid()),
        sa.Column("tags", ARRAY(sa.Text()), nullable=False, server_default="{}"),
        sa.Column("notes", sa.Text()),
        sa.Column("is_active", sa.Boolean(), nullable=False, server_default="true"),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("total_orders", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("total_spent", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("last_order_date", sa.DateTime(timezone=True)),
        keys=("name", "city", "province"),
        unique=("email",),
        links={"salesperson_id": ("core_user", "null")},
        indexes=(
            ("created_at",),
            ("name_key",),
            ("is_active", "created_at"),
            ("city", "created_at"),
            ("type", "created_at"),
            ("salesperson_id", "created_at"),
            ("total_orders",),
            ("total_spent",),
            ("-last_order_date",),
        ),
        checks={"totals_not_negative": "total_orders >= 0 AND total_spent >= 0"},
    )
    tenant_table(
        "customers_company_link",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("company_id", sa.Uuid(), nullable=False),
        unique=(("customer_id", "company_id"),),
        links={
            "customer_id": ("customers_customer", "cascade"),
            "company_id": ("customers_company", "cascade"),
        },
    )
    tenant_columns(
        "core_user",
        sa.Column("customers_company_id", sa.Uuid()),
        sa.Column("customers_customer_id", sa.Uuid()),
        links={
            "customers_company_id": ("customers_company", "restrict"),
            "customers_customer_id": ("customers_customer", "null"),
        },
    )


def downgrade() -> None:
    drop_tenant_columns("core_user", "customers_company_id", "customers_customer_id")
    for table in ("customers_company_link", "customers_customer", "customers_company"):
        drop_tenant_table(table)
