"""Contacts, addresses and counted orders; whose company a customer is; the status of an account."""

import sqlalchemy as sa
from alembic import op

from core.plugin import drop_tenant_columns, drop_tenant_table, tenant_columns, tenant_table

revision = "customers_0002"
down_revision = "customers_0001"

# ``is_active`` and ``status`` are two words for one thing. Whichever is written, the other follows,
# whoever writes; if both are, the status counts.
KEEP_STATUS = """
CREATE FUNCTION customers_keep_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.status <> OLD.status THEN
    NEW.is_active := NEW.status = 'active';
  ELSIF TG_OP = 'INSERT' AND NEW.is_active THEN
    NEW.is_active := false;
  ELSE
    NEW.status := CASE WHEN NEW.is_active THEN 'active' ELSE 'inactive' END;
  END IF;
  RETURN NEW;
END $$
"""
TRIGGER = """
CREATE TRIGGER customers_customer_status BEFORE INSERT OR UPDATE OF is_active, status
    ON customers_customer FOR EACH ROW WHEN (NEW.is_active <> (NEW.status = 'active'))
    EXECUTE FUNCTION customers_keep_status()
"""
STATUSES = "'active', 'inactive', 'suspended', 'closed'"


def upgrade() -> None:
    tenant_columns(
        "customers_company",
        sa.Column("kind", sa.String(50), nullable=False, server_default="seller"),
        checks={"kind_known": "kind IN ('seller', 'customer')"},
    )
    tenant_columns(
        "customers_customer",
        sa.Column("company_id", sa.Uuid()),
        sa.Column("status", sa.String(50), nullable=False, server_default="active"),
        links={"company_id": ("customers_company", "null")},
    )
    _give_status()
    tenant_table(
        "customers_address",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(50), nullable=False, server_default="shipping"),
        sa.Column("line1", sa.String(200), nullable=False),
        sa.Column("line2", sa.String(200)),
        sa.Column("city", sa.String(100)),
        sa.Column("province", sa.String(100)),
        sa.Column("postal_code", sa.String(16)),
        sa.Column("country", sa.String(2), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False, server_default="false"),
        sa.Column("latitude", sa.Float()),
        sa.Column("longitude", sa.Float()),
        sa.Column("is_validated", sa.Boolean(), nullable=False, server_default="false"),
        keys=("city", "province", "country"),
        links={"customer_id": ("customers_customer", "cascade")},
        indexes=(("created_at",), ("customer_id", "created_at"), ("country", "city_key")),
    )
    _one_of("customers_address", "is_default", "customer_id, kind")
    tenant_table(
        "customers_contact",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("position", sa.String(100)),
        sa.Column("email", sa.String(254)),
        sa.Column("phone", sa.String(20)),
        sa.Column("is_primary", sa.Boolean(), nullable=False, server_default="false"),
        sa.Column("notes", sa.Text()),
        keys=("name",),
        unique=(("customer_id", "email"),),
        links={"customer_id": ("customers_customer", "cascade")},
        indexes=(("created_at",), ("name_key",), ("customer_id", "name_key")),
    )
    _one_of("customers_contact", "is_primary", "customer_id")
    tenant_table(
        "customers_purchase",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(100)),
        unique=("key",),
        links={"customer_id": ("customers_customer", "cascade")},
        indexes=(("created_at",), ("ordered_at",), ("customer_id", "ordered_at")),
        checks={"total_not_negative": "total >= 0"},
        append_only=True,
    )


def _give_status() -> None:
    """Give each customer the status that follows from what is known; nobody has changed him."""
    op.execute("ALTER TABLE customers_customer DISABLE TRIGGER USER")
    op.execute("UPDATE customers_customer SET status = 'inactive' WHERE NOT is_active")
    op.execute("ALTER TABLE customers_customer ENABLE TRIGGER USER")
    op.create_check_constraint(
        "customers_customer_status_known", "customers_customer", f"status IN ({STATUSES})"
    )
    op.create_check_constraint(
        "customers_customer_status_fits", "customers_customer", "is_active = (status = 'active')"
    )
    op.execute(KEEP_STATUS)
    op.execute("REVOKE ALL ON FUNCTION customers_keep_status() FROM PUBLIC")
    op.execute(TRIGGER)


def _one_of(table: str, flag: str, columns: str) -> None:
    """Let the flag be set on at most one live row of those that share ``columns``."""
    op.execute(
        f"CREATE UNIQUE INDEX {table}_{flag}_unique ON {table} (tenant_id, {columns})"
        f" WHERE {flag} AND deleted_at IS NULL"
    )


def downgrade() -> None:
    drop_tenant_table("customers_purchase")
    drop_tenant_table("customers_contact")
    drop_tenant_table("customers_address")
    op.execute("DROP TRIGGER customers_customer_status ON customers_customer")
    op.execute("DROP FUNCTION customers_keep_status()")
    drop_tenant_columns("customers_customer", "company_id", "status")
    drop_tenant_columns("customers_company", "kind")
