"""The ledger of points, and balance and tier on the customer."""

import sqlalchemy as sa

from core.plugin import drop_tenant_columns, drop_tenant_table, tenant_columns, tenant_table

revision = "loyalty_0001"
down_revision = None


def upgrade() -> None:
    tenant_columns(
        "customers_customer",
        sa.Column("loyalty_points", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("loyalty_tier", sa.String(50), nullable=False, server_default="bronze"),
        indexes=(("loyalty_points",), ("loyalty_tier", "created_at")),
        checks={"loyalty_points_not_negative": "loyalty_points >= 0"},
    )
    tenant_table(
        "loyalty_entry",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(50), nullable=False),
        sa.Column("requested", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("balance_after", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False, server_default=""),
        sa.Column("key", sa.String(100)),
        unique=("key",),
        links={"customer_id": ("customers_customer", "cascade")},
        indexes=(("created_at",), ("customer_id", "created_at")),
        checks={
            "kind_known": "kind IN ('earned', 'redeemed', 'adjusted')",
            "sign_fits_kind": "CASE kind WHEN 'earned' THEN points >= 0"
            " WHEN 'redeemed' THEN points <= 0 ELSE true END",
            # Zero points are an adjustment that found nothing to take.
            "points_within_request": "points BETWEEN least(requested, 0) AND greatest(requested, 0)"
            " OR kind <> 'adjusted'",
            "balance_not_negative": "balance_after >= 0",
        },
        append_only=True,
    )


def downgrade() -> None:
    drop_tenant_table("loyalty_entry")
    drop_tenant_columns("customers_customer", "loyalty_points", "loyalty_tier")
