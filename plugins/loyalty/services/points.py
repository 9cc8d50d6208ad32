"""What people do with points: earn, redeem, adjust, reverse, transfer, expire."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from core.plugin import Change, Conflict, Context, Invalid, Rejected, Tenant, Unit
from plugins.loyalty.models import Kind
from plugins.loyalty.schemas import (
    Adjustment,
    Expired,
    Movement,
    Once,
    Posted,
    Reversal,
    Transfer,
    Transferred,
    read_link,
    read_points,
    unknown,
)
from plugins.loyalty.services import ledger
from plugins.loyalty.services.ledger import Entry
from plugins.loyalty.services.receipts import once, visible_key
from plugins.loyalty.settings import Settings

Customer = Mapping[str, Any]
REVERSIBLE = (Kind.EARNED, Kind.REDEEMED, Kind.ADJUSTED)
FIND = """
SELECT e.id, e.kind, e.points,
       EXISTS (SELECT 1 FROM loyalty_entry r WHERE r.tenant_id = $1 AND r.reverses_id = e.id
                  AND r.kind = 'reversed') AS reversed,
       EXISTS (SELECT 1 FROM loyalty_redemption d WHERE d.tenant_id = $1 AND d.entry_id = e.id)
         AS rewarded
  FROM loyalty_entry e WHERE e.tenant_id = $1 AND e.id = $2 AND e.customer_id = $3
   AND e.deleted_at IS NULL
"""
# One lot per end: lots that end together and are of one age would have no order.
TAKEN = """
SELECT -sum(p.points)::int AS points, l.expires_at
  FROM loyalty_part p JOIN loyalty_lot l ON l.tenant_id = $1 AND l.id = p.lot_id
 WHERE p.tenant_id = $1 AND p.entry_id = $2 GROUP BY l.expires_at ORDER BY l.expires_at
"""
HOLDERS = """
SELECT count(*) FROM customers_customer c
 WHERE c.tenant_id = $1 AND c.id = ANY ($2) AND c.loyalty_points > 0
"""


async def earn(ctx: Context, unit: Unit, record: Customer, values: Movement) -> None:
    """Add points in a lot of their own; an event that was counted already changes nothing."""
    entry = Entry(kind=Kind.EARNED, reason=values.reason, key=values.key)
    asked = ("earn", record["id"], values.points, values.reason)

    async def act() -> None:
        months = ctx.tenant.settings("loyalty").expiry_months
        lot = (values.points, None)
        await ledger.give(unit, ctx.tenant, record, entry, lot, months=months)

    await once(ctx, unit, values.key, asked, act)


async def redeem_points(ctx: Context, unit: Unit, record: Customer, values: Movement) -> None:
    """Take points for something; never below zero."""
    entry = Entry(kind=Kind.REDEEMED, reason=values.reason, key=visible_key(ctx, values.key))
    asked = ("redeem_points", record["id"], values.points, values.reason)

    async def act() -> None:
        await ledger.take(unit, ctx.tenant, record, entry, values.points)

    await once(ctx, unit, values.key, asked, act)


async def update_points(ctx: Context, unit: Unit, record: Customer, values: Adjustment) -> None:
    """Add or take points by hand; what would go below zero is clamped or refused, as set."""
    settings: Settings = ctx.tenant.settings("loyalty")
    requested = read_points(values.points)
    entry = Entry(kind=Kind.ADJUSTED, reason=values.reason, requested=requested, key=values.key)

    async def act() -> None:
        if requested >= 0:
            lots = [(requested, None)] if requested else []
            months = settings.expiry_months
            await ledger.give(unit, ctx.tenant, record, entry, *lots, months=months)
            return
        # The record is locked, so the balance stays what it is until the movement is written.
        most = record["loyalty_points"] if settings.below_zero == "clamp" else -requested
        await ledger.take(unit, ctx.tenant, record, entry, min(-requested, most))

    asked = ("update_points", record["id"], requested, values.reason)
    await once(ctx, unit, values.key, asked, act)


async def reverse_points(ctx: Context, unit: Unit, record: Customer, values: Reversal) -> Posted:
    """Take an entry back, once: what it took returns to its lots, what it gave is taken."""

    async def act() -> Posted:
        id = read_link(values.entry_id, "#/entry_id", "Entry")
        entry = await unit.fetchrow(FIND, ctx.tenant.id, id, record["id"])
        if entry is None:
            raise unknown("#/entry_id", "Entry")
        if entry["rewarded"]:
            detail = "A reward was taken with these points. Cancel the redemption instead."
            raise Conflict.over("#/entry_id", detail, "not_reversible")
        return await reverse(unit, ctx.tenant, record, entry, values)

    amount = "all" if values.points is None else values.points
    asked = ("reverse_points", record["id"], values.entry_id, amount, values.reason)
    return await once(ctx, unit, values.key, asked, act, Posted)


async def reverse(
    unit: Unit, tenant: Tenant, customer: Customer, original: Mapping[str, Any], values: Reversal
) -> Posted:
    """Take the entry ``original`` back. Of points that are spent, see the setting ``spent``."""
    if original["kind"] not in REVERSIBLE or original["points"] == 0:
        detail = "This entry cannot be reversed. Choose another, or adjust the points."
        raise Conflict.over("#/entry_id", detail, "not_reversible")
    if original["reversed"]:
        detail = "This entry is reversed already. Choose another."
        raise Conflict.over("#/entry_id", detail, "already_reversed")
    whole = abs(original["points"])
    amount = values.points or whole
    if amount > whole:
        detail = f"The entry moved {whole} points. Take back as many or fewer."
        raise Invalid.field("#/points", detail, "maximum")
    gave = original["points"] > 0
    entry = Entry(
        kind=Kind.REVERSED,
        reason=values.reason,
        requested=-amount if gave else amount,
        key=values.key,
        reverses=original["id"],
    )
    if not gave:
        return await ledger.put_back(unit, tenant, customer, entry, amount)
    if tenant.settings("loyalty").spent == "clamp":
        amount = min(amount, customer["loyalty_points"])
    return await ledger.take(unit, tenant, customer, entry, amount, first=original["id"])


async def transfer_points(ctx: Context, unit: Unit, record: None, values: Transfer) -> Transferred:
    """Move points from one customer to another, whom the caller must both be allowed to reach."""
    giver_id, receiver_id = values.from_customer_id, values.to_customer_id
    if giver_id == receiver_id:
        detail = "Giver and receiver are the same. Choose another receiver."
        raise Invalid.field("#/to_customer_id", detail, "same")
    found = await ledger.lock_allowed(ctx, unit, "transfer_points", giver_id, receiver_id)
    for field, id in (("from_customer_id", giver_id), ("to_customer_id", receiver_id)):
        if id not in found:
            raise unknown(f"#/{field}", "Customer")
    asked = ("transfer_points", giver_id, receiver_id, values.points, values.reason)

    async def act() -> Transferred:
        return await _transfer(unit, ctx.tenant, found[giver_id], found[receiver_id], values)

    return await once(ctx, unit, values.key, asked, act, Transferred)


async def _transfer(
    unit: Unit, tenant: Tenant, giver: Customer, receiver: Customer, values: Transfer
) -> Transferred:
    name = str(uuid4())
    there = Entry(kind=Kind.TRANSFERRED, reason=values.reason, transfer=name)
    here = Entry(kind=Kind.TRANSFERRED, reason=values.reason, transfer=name, key=values.key)
    gone = await ledger.take(unit, tenant, giver, here, values.points)
    lots = [tuple(row) for row in await unit.fetch(TAKEN, tenant.id, gone.entry_id)]
    return Transferred(name, gone, await ledger.give(unit, tenant, receiver, there, *lots))


async def expire_points(ctx: Context, unit: Unit, record: None, values: Once) -> Expired:
    """Take what remains of every lot that has ended."""

    async def act() -> Expired:
        return await ledger.expire(unit, ctx.tenant)

    return await once(ctx, unit, values.key, ("expire",), act, Expired)


async def refuse_purge_with_points(unit: Unit, tenant: Tenant, change: Change) -> None:
    """Refuse to erase customers who still have points: redeem or adjust them first."""
    if await unit.fetchval(HOLDERS, tenant.id, list(change.ids)):
        raise Rejected("A customer who still has points cannot be purged.", code="has_points")
