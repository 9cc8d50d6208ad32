"""Customers are found by their telephone number, and sorted by it."""

from alembic import op

revision = "customers_0003"
down_revision = "customers_0002"


def upgrade() -> None:
    op.execute(
        "CREATE INDEX customers_customer_phone_by ON customers_customer (tenant_id, phone, id)"
        " WHERE deleted_at IS NULL"
    )


def downgrade() -> None:
    op.execute("DROP INDEX customers_customer_phone_by")
