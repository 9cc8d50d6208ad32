"""Demo points of a tenant: the same ones on every run, explained by the ledger."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from core.plugin import Tenant, Unit
from plugins.loyalty.settings import Settings

BATCH = 200
UNTIL = datetime(2026, 6, 30, 9, tzinfo=UTC)
EARNED = ("Purchase", "Purchase", "Purchase", "Referral", "Online order")
GIFTS = ("Welcome bonus", "Birthday bonus")
REDEEMED = ("Voucher", "Free delivery", "Gift")

# Demo customers have ids of version 5; whoever has points or entries is left alone.
WITHOUT = """
SELECT c.id, c.total_orders, c.created_at FROM customers_customer c
 WHERE c.tenant_id = $1 AND c.deleted_at IS NULL AND c.loyalty_points = 0
   AND substr(c.id::text, 15, 1) = '5'
   AND NOT EXISTS (SELECT 1 FROM loyalty_entry e WHERE e.tenant_id = $1 AND e.customer_id = c.id)
 ORDER BY c.id
"""
FILL = """
WITH written AS (
  INSERT INTO loyalty_entry (tenant_id, id, customer_id, kind, requested, points, balance_after,
                             reason, created_at, updated_at)
  SELECT $1, g.id, g.customer_id, g.kind, g.points, g.points, g.balance, g.reason, g.at, g.at
    FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::int[], $6::int[], $7::text[],
                $8::timestamptz[]) AS g (id, customer_id, kind, points, balance, reason, at)
  RETURNING customer_id, points
), summed AS (
  SELECT customer_id, sum(points)::int AS points FROM written GROUP BY customer_id
)
UPDATE customers_customer c
   SET loyalty_points = s.points,
       loyalty_tier = (SELECT t.code FROM unnest($9::text[], $10::int[]) AS t (code, least)
                        WHERE t.least <= s.points ORDER BY t.least DESC LIMIT 1)
  FROM summed s WHERE c.tenant_id = $1 AND c.id = s.customer_id
"""
Entry = tuple[UUID, UUID, str, int, int, str, datetime]


async def fill(
    unit: Unit, tenant: Tenant, scale: float, progress: Callable[[int, int], None]
) -> None:
    """Give the demo customers that have no points what their orders earned them."""
    settings: Settings = tenant.settings("loyalty")
    tiers = ([tier.code for tier in settings.tiers], [tier.points for tier in settings.tiers])
    customers = await unit.fetch(WITHOUT, tenant.id)
    for first in range(0, len(customers), BATCH):
        some = customers[first : first + BATCH]
        entries = [entry for customer in some for entry in _entries(customer)]
        if entries:
            columns = [list(column) for column in zip(*entries, strict=True)]
            await unit.execute(FILL, tenant.id, *columns, *tiers)
        progress(first + len(some), len(customers))


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
