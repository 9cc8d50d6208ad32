"""Demo points of a tenant: the same ones on every run, explained by ledger, lots and parts."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from core.plugin import Tenant, Unit
from plugins.loyalty.services import tiers
from plugins.loyalty.settings import Settings

BATCH = 200
UNTIL = datetime(2026, 6, 30, 9, tzinfo=UTC)
EARNED = ("Purchase", "Purchase", "Purchase", "Referral", "Online order")
GIFTS = ("Welcome bonus", "Birthday bonus")
REDEEMED = ("Voucher", "Free delivery", "Gift")
REWARDS = (
    ("Coffee", 60, None, None),
    ("Free delivery", 100, None, None),
    ("Tote bag", 250, 40, "silver"),
    ("Tasting for two", 600, 12, "gold"),
    ("Weekend trip", 2500, 2, "platinum"),
)

# Demo customers have ids of version 5; whoever has points or entries is left alone.
WITHOUT = """
SELECT c.id, c.total_orders, c.created_at FROM customers_customer c
 WHERE c.tenant_id = $1 AND c.deleted_at IS NULL AND c.loyalty_points = 0
   AND substr(c.id::text, 15, 1) = '5'
   AND NOT EXISTS (SELECT 1 FROM loyalty_entry e WHERE e.tenant_id = $1 AND e.customer_id = c.id)
 ORDER BY c.id
"""
ENTRIES = """
WITH given AS (
  SELECT g.*, ($9::text[])[width_bucket(g.balance, $10::int[])] AS tier,
         ($9::text[])[width_bucket(g.balance - g.points, $10::int[])] AS before
    FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::int[], $6::int[], $7::text[],
                $8::timestamptz[]) AS g (id, customer_id, kind, points, balance, reason, at)
), written AS (
  INSERT INTO loyalty_entry (tenant_id, id, customer_id, kind, requested, points, balance_after,
                             reason, tier_before, tier_after, tier_version, created_at, updated_at)
  SELECT $1, g.id, g.customer_id, g.kind, g.points, g.points, g.balance, g.reason, g.before, g.tier,
         $11::int, g.at, g.at FROM given g
), summed AS (
  SELECT customer_id, sum(points)::int AS points FROM given GROUP BY customer_id
)
UPDATE customers_customer c
   SET loyalty_points = s.points, loyalty_tier = ($9::text[])[width_bucket(s.points, $10::int[])]
  FROM summed s WHERE c.tenant_id = $1 AND c.id = s.customer_id
"""
LOTS = """
INSERT INTO loyalty_lot (tenant_id, id, customer_id, entry_id, points, remaining, created_at)
SELECT $1, g.id, g.customer_id, g.id, g.points, g.remaining, g.at
  FROM unnest($2::uuid[], $3::uuid[], $4::int[], $5::int[], $6::timestamptz[])
    AS g (id, customer_id, points, remaining, at)
"""
PARTS = """
INSERT INTO loyalty_part (tenant_id, customer_id, entry_id, lot_id, points, created_at)
SELECT $1, g.customer_id, g.entry_id, g.lot_id, -g.points, g.at
  FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::int[], $6::timestamptz[])
    AS g (customer_id, entry_id, lot_id, points, at)
"""
OFFER = """
INSERT INTO loyalty_reward (tenant_id, id, name, points, stock, minimum_tier)
SELECT $1, g.id, g.name, g.points, g.stock, g.tier
  FROM unnest($2::uuid[], $3::text[], $4::int[], $5::int[], $6::text[])
    AS g (id, name, points, stock, tier)
ON CONFLICT (tenant_id, id) DO NOTHING
"""
Entry = tuple[UUID, UUID, str, int, int, str, datetime]


async def fill(
    unit: Unit, tenant: Tenant, scale: float, progress: Callable[[int, int], None]
) -> None:
    """Give the demo customers that have no points what their orders earned them, and rewards."""
    settings: Settings = tenant.settings("loyalty")
    number, _ = await tiers.in_force(unit, tenant)
    codes, thresholds = tiers.columns(settings)
    rewards = [(uuid5(UUID(str(tenant.id)), f"reward/{one[0]}"), *one) for one in REWARDS]
    await unit.execute(OFFER, tenant.id, *_columns(rewards))
    customers = await unit.fetch(WITHOUT, tenant.id)
    for first in range(0, len(customers), BATCH):
        some = customers[first : first + BATCH]
        entries = [entry for customer in some for entry in _entries(customer)]
        if entries:
            lots, parts = _lots(entries)
            more = (codes, thresholds, number)
            await unit.execute(ENTRIES, tenant.id, *_columns(entries), *more)
            await unit.execute(LOTS, tenant.id, *_columns(lots))
            if parts:
                await unit.execute(PARTS, tenant.id, *_columns(parts))
        progress(first + len(some), len(customers))


def _columns(rows: list[Any]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _entries(customer: Any) -> Iterator[Entry]:
    """Yield a customer's movements in time, each with the balance that it leaves."""
    id = UUID(str(customer["id"]))
    dice = random.Random(f"loyalty/{id}")  # noqa: S311 - demo data
    at, balance = customer["created_at"], 0
    steps = [("adjusted", dice.choice((10, 25, 50)), GIFTS[0])] if dice.random() < 0.6 else []
    for _ in range(customer["total_orders"]):
        steps.append(("earned", dice.randrange(5, 120), dice.choice(EARNED)))
        if dice.random() < 0.08:
            steps.append(("adjusted", 50, GIFTS[1]))
        if dice.random() < 0.12:
            steps.append(("redeemed", -dice.randrange(20, 200), dice.choice(REDEEMED)))
    pause = (UNTIL - at) / (len(steps) + 1)
    for number, (kind, points, reason) in enumerate(steps):
        at += pause * dice.uniform(0.3, 1) if pause > timedelta() else timedelta()
        if balance + points >= 0:
            balance += points
            yield uuid5(id, f"entry/{number}"), id, kind, points, balance, reason, at


def _lots(entries: list[Entry]) -> tuple[list[Any], list[Any]]:
    """Return the lots that the entries open and the parts that they take, the oldest first."""
    lots: list[list[Any]] = []
    parts: list[Any] = []
    for id, customer, _, points, _, _, at in entries:
        if points > 0:
            lots.append([id, customer, points, points, at])
        for lot in lots if points < 0 else ():
            taken = min(lot[3], -points) if lot[1] == customer else 0
            if taken:
                lot[3] -= taken
                points += taken
                parts.append((customer, id, lot[0], taken, at))
    return lots, parts
