"""Lots that expire, versions of the tiers, rewards, and receipts of repeated requests."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from core.plugin import drop_tenant_table, tenant_table

revision = "loyalty_0002"
down_revision = "loyalty_0001"

CUSTOMER = ("customers_customer", "cascade")
STAMP = sa.DateTime(timezone=True)
FORMER = {
    "kind_known": "kind IN ('earned', 'redeemed', 'adjusted')",
    "sign_fits_kind": "CASE kind WHEN 'earned' THEN points >= 0"
    " WHEN 'redeemed' THEN points <= 0 ELSE true END",
    "points_within_request": "points BETWEEN least(requested, 0) AND greatest(requested, 0)"
    " OR kind <> 'adjusted'",
}
CHECKS = {
    "kind_known": "kind IN ('earned', 'redeemed', 'adjusted', 'expired', 'reversed', 'transferred',"
    " 'retiered')",
    "sign_fits_kind": "CASE kind WHEN 'earned' THEN points >= 0 WHEN 'redeemed' THEN points <= 0"
    " WHEN 'expired' THEN points <= 0 WHEN 'retiered' THEN points = 0 ELSE true END",
    "points_within_request": "points BETWEEN least(requested, 0) AND greatest(requested, 0)"
    " OR kind NOT IN ('adjusted', 'reversed')",
}
ADDED = ("tier_before", "tier_after", "tier_version", "transfer", "reverses_id")
# All that a customer ever got is one lot that never ends, and each entry that took points took
# them from there: what is reversed later finds what it took.
OPENING_LOTS = """
INSERT INTO loyalty_lot (tenant_id, customer_id, points, remaining, created_at)
SELECT c.tenant_id, c.id, c.loyalty_points + coalesce(t.points, 0), c.loyalty_points, c.created_at
  FROM customers_customer c
  LEFT JOIN (SELECT e.tenant_id, e.customer_id, -sum(e.points) AS points FROM loyalty_entry e
              WHERE e.points < 0 GROUP BY e.tenant_id, e.customer_id) t
    ON t.tenant_id = c.tenant_id AND t.customer_id = c.id
 WHERE c.loyalty_points > 0 OR t.points > 0
"""
OPENING_PARTS = """
INSERT INTO loyalty_part (tenant_id, customer_id, entry_id, lot_id, points, created_at)
SELECT e.tenant_id, e.customer_id, e.id, l.id, e.points, e.created_at
  FROM loyalty_entry e
  JOIN loyalty_lot l ON l.tenant_id = e.tenant_id AND l.customer_id = e.customer_id
 WHERE e.points < 0
"""
OPENING_RECEIPTS = """
INSERT INTO loyalty_receipt (tenant_id, customer_id, key, request, created_at)
SELECT e.tenant_id, e.customer_id, e.key,
       concat_ws(' ', 'earn', e.customer_id, e.requested, e.reason), e.created_at
  FROM loyalty_entry e WHERE e.key IS NOT NULL
"""


def upgrade() -> None:
    for name in ADDED[:2]:
        op.add_column("loyalty_entry", sa.Column(name, sa.String(50)))
    op.add_column("loyalty_entry", sa.Column("tier_version", sa.Integer()))
    op.add_column("loyalty_entry", sa.Column("transfer", sa.String(36)))
    op.add_column("loyalty_entry", sa.Column("reverses_id", sa.Uuid()))
    op.execute(
        "ALTER TABLE loyalty_entry ADD CONSTRAINT loyalty_entry_reverses_id_link"
        " FOREIGN KEY (tenant_id, reverses_id) REFERENCES loyalty_entry (tenant_id, id)"
        " ON DELETE CASCADE"
    )
    op.execute(
        "CREATE INDEX loyalty_entry_reverses_id_link ON loyalty_entry (tenant_id, reverses_id)"
        " WHERE reverses_id IS NOT NULL"
    )
    _check(CHECKS)
    op.execute(
        "CREATE UNIQUE INDEX loyalty_entry_reversed_once ON loyalty_entry (tenant_id, reverses_id)"
        " WHERE kind = 'reversed'"
    )
    tenant_table(
        "loyalty_tier_version",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("tiers", JSONB(), nullable=False),
        sa.Column("valid_from", STAMP, nullable=False),
        unique=("number",),
        append_only=True,
    )
    _lots()
    _rewards()
    tenant_table(
        "loyalty_receipt",
        sa.Column("customer_id", sa.Uuid()),
        sa.Column("key", sa.String(100), nullable=False),
        sa.Column("owner", sa.String(36), nullable=False, server_default=""),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("result", JSONB()),
        unique=(("key", "owner"),),
        links={"customer_id": CUSTOMER},
    )
    for sql in (OPENING_LOTS, OPENING_PARTS, OPENING_RECEIPTS):
        op.execute(sql)


def _check(checks: dict[str, str]) -> None:
    for why, sql in checks.items():
        op.drop_constraint(f"loyalty_entry_{why}", "loyalty_entry")
        op.create_check_constraint(f"loyalty_entry_{why}", "loyalty_entry", sa.text(sql))


def _lots() -> None:
    tenant_table(
        "loyalty_lot",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid()),
        sa.Column("remaining", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("expires_at", STAMP),
        links={"customer_id": CUSTOMER, "entry_id": ("loyalty_entry", "cascade")},
        indexes=(("expires_at",), ("customer_id", "expires_at")),
        checks={"remaining_within_points": "remaining BETWEEN 0 AND points"},
    )
    # Movements and the expiry look at open lots only, however many are used up.
    op.execute(
        "CREATE INDEX loyalty_lot_open ON loyalty_lot (tenant_id, customer_id, expires_at)"
        " WHERE remaining > 0"
    )
    op.execute(
        "CREATE INDEX loyalty_lot_due ON loyalty_lot (tenant_id, expires_at) WHERE remaining > 0"
    )
    tenant_table(
        "loyalty_part",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        links={
            "customer_id": CUSTOMER,
            "entry_id": ("loyalty_entry", "cascade"),
            "lot_id": ("loyalty_lot", "cascade"),
        },
        append_only=True,
    )


def _rewards() -> None:
    tenant_table(
        "loyalty_reward",
        sa.Column("name", sa.String(150), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("stock", sa.Integer()),
        sa.Column("is_active", sa.Boolean(), nullable=False, server_default="true"),
        sa.Column("valid_from", STAMP),
        sa.Column("valid_until", STAMP),
        sa.Column("minimum_tier", sa.String(50)),
        keys=("name",),
        indexes=(("points",), ("is_active", "points")),
        checks={"points_positive": "points >= 1", "stock_not_negative": "stock >= 0"},
    )
    tenant_table(
        "loyalty_redemption",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("reward_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(50), nullable=False, server_default="issued"),
        sa.Column("voucher", sa.String(20), nullable=False),
        unique=("voucher",),
        links={
            "customer_id": CUSTOMER,
            "reward_id": ("loyalty_reward", "restrict"),
            "entry_id": ("loyalty_entry", "cascade"),
        },
        indexes=(("created_at",), ("status", "created_at")),
        checks={"status_known": "status IN ('issued', 'fulfilled', 'cancelled')"},
    )


def downgrade() -> None:
    for table in ("receipt", "redemption", "reward", "part", "lot", "tier_version"):
        drop_tenant_table(f"loyalty_{table}")
    op.execute("DROP INDEX loyalty_entry_reversed_once")
    op.execute("DELETE FROM loyalty_entry WHERE kind = 'retiered'")
    op.execute(
        "UPDATE loyalty_entry SET kind = 'adjusted', requested = points"
        " WHERE kind IN ('expired', 'reversed', 'transferred')"
    )
    _check(FORMER)
    for name in ADDED:
        op.drop_column("loyalty_entry", name)
