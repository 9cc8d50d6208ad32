"""Customers are sorted by city, and by when they changed, as programs ask that keep step."""

from alembic import op

revision = "customers_0004"
down_revision = "customers_0003"
COLUMNS = ("updated_at", "city_key")


def upgrade() -> None:
    for column in COLUMNS:
        op.execute(
            f"CREATE INDEX customers_customer_{column}_by ON customers_customer"
            f" (tenant_id, {column}, id) WHERE deleted_at IS NULL"
        )


def downgrade() -> None:
    for column in COLUMNS:
        op.execute(f"DROP INDEX customers_customer_{column}_by")
