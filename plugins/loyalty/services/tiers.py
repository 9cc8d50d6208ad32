"""Tiers: the versions of their thresholds, a customer's way to the next one, all of them anew."""

from collections.abc import Mapping
from typing import Any

import msgspec

from core.plugin import Connection, Context, Tenant, Unit
from plugins.loyalty.schemas import Once, Progress, Retiered, TierChange
from plugins.loyalty.services.receipts import once
from plugins.loyalty.settings import Settings

MOST_CHANGES = 100
# For seconds after an edit another process may still hold the former thresholds. It must not
# bring them back as a version of their own.
LATEST = """
SELECT v.number, v.tiers, v.tiers = $2::jsonb AS same, v.valid_from > now() - interval '5 seconds'
       AND $2::jsonb = (SELECT f.tiers FROM loyalty_tier_version f WHERE f.tenant_id = $1
           AND f.number < v.number ORDER BY f.number DESC LIMIT 1) AS superseded
  FROM loyalty_tier_version v WHERE v.tenant_id = $1 ORDER BY v.number DESC LIMIT 1
"""
PUBLISH = """
INSERT INTO loyalty_tier_version (tenant_id, number, tiers, valid_from)
SELECT $1, coalesce(max(v.number), 0) + 1, $2::jsonb, clock_timestamp()
  FROM loyalty_tier_version v WHERE v.tenant_id = $1
ON CONFLICT (tenant_id, number) WHERE deleted_at IS NULL DO NOTHING
"""
# Locked in the order of their ids, as whoever moves points of several customers does; what is
# locked is read anew, so the tier follows from the points that stand then.
RECALCULATE = """
WITH wrong AS (
  SELECT c.id, c.loyalty_points, c.loyalty_tier FROM customers_customer c
   WHERE c.tenant_id = $1
     AND c.loyalty_tier <> ($2::text[])[width_bucket(c.loyalty_points, $3::int[])]
   ORDER BY c.id FOR UPDATE
), moved AS (
  UPDATE customers_customer c
     SET loyalty_tier = ($2::text[])[width_bucket(w.loyalty_points, $3::int[])]
    FROM wrong w WHERE c.tenant_id = $1 AND c.id = w.id
  RETURNING c.id, w.loyalty_points AS balance, w.loyalty_tier AS before, c.loyalty_tier AS tier,
            clock_timestamp() AS at
), entry AS (
  INSERT INTO loyalty_entry (tenant_id, customer_id, kind, requested, points, balance_after, reason,
                             tier_before, tier_after, tier_version, created_at, updated_at)
  SELECT $1, m.id, 'retiered', 0, 0, m.balance, 'Tiers recalculated', m.before, m.tier, $4::int,
         m.at, m.at FROM moved m
  RETURNING id
)
SELECT count(*) FROM entry
"""
CHANGES = """
SELECT e.created_at AS at, e.tier_before AS before, e.tier_after AS after, e.kind, e.points,
       e.reason, e.tier_version AS version
  FROM loyalty_entry e WHERE e.tenant_id = $1 AND e.customer_id = $2
   AND e.tier_before <> e.tier_after AND e.deleted_at IS NULL
 ORDER BY e.created_at DESC, e.id DESC LIMIT $3
"""
# For statements that reach every customer of a tenant. Where the tables were never analysed, nested
# loops would compare each customer with each.
PATIENCE = "SET LOCAL statement_timeout = '120s'; SET LOCAL enable_nestloop = off"


def columns(settings: Settings) -> tuple[list[str], list[int]]:
    """Return codes and thresholds, ascending."""
    return [tier.code for tier in settings.tiers], [tier.points for tier in settings.tiers]


def as_json(settings: Settings) -> str:
    """Return the tiers as they are stored in a version."""
    return msgspec.json.encode(settings.tiers).decode()


async def in_force(unit: Unit, tenant: Tenant) -> tuple[int, str]:
    """Return number and tiers of the latest version; makes one when the setting has changed."""
    wanted = as_json(tenant.settings("loyalty"))
    while True:
        latest = await unit.fetchrow(LATEST, tenant.id, wanted)
        if latest is not None and (latest["same"] or latest["superseded"]):
            return latest["number"], msgspec.json.encode(latest["tiers"]).decode()
        await unit.execute(PUBLISH, tenant.id, wanted)


async def recalculate(ctx: Context, unit: Unit, record: None, values: Once) -> Retiered:
    """Apply the tiers in force to all customers, also those in the trash; the ledger tells whom."""

    async def act() -> Retiered:
        await unit.execute(PATIENCE)
        number, _ = await in_force(unit, ctx.tenant)
        tiers = columns(ctx.tenant.settings("loyalty"))
        count = await unit.fetchval(RECALCULATE, ctx.tenant.id, *tiers, number)
        return Retiered(number, count)

    return await once(ctx, unit, values.key, ("recalculate",), act, Retiered)


async def progress(
    ctx: Context, connection: Connection, record: Mapping[str, Any], values: None
) -> Progress:
    """Answer where a customer stands, and how they got there."""
    settings: Settings = ctx.tenant.settings("loyalty")
    points = record["loyalty_points"]
    rows = await connection.fetch(CHANGES, ctx.tenant.id, record["id"], MOST_CHANGES)
    reached = max(tier.points for tier in settings.tiers if tier.points <= points)
    following = next((tier for tier in settings.tiers if tier.points > points), None)
    return Progress(
        tier=record["loyalty_tier"],
        points=points,
        next_tier=following.code if following else None,
        next_tier_at=following.points if following else None,
        points_needed=following.points - points if following else 0,
        percent=100 * (points - reached) // (following.points - reached) if following else 100,
        tier_since=rows[0]["at"] if rows else record["created_at"],
        history=[TierChange(**row) for row in rows],
    )
