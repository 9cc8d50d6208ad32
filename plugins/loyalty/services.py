"""The rules of points: the only code that writes the ledger and the balances."""

import re
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import msgspec

from core.plugin import Change, Conflict, Context, Invalid, NotFound, Rejected, Tenant, Unit
from plugins.loyalty.models import Kind
from plugins.loyalty.settings import Settings

MOST_POINTS = 2**31 - 1
_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,12}\s*", re.ASCII)


def _said(message: str, **bounds: Any) -> Any:
    """Return bounds whose violation is told in ``message``."""
    return msgspec.Meta(extra={"message": message}, **bounds)


Amount = Annotated[int, _said("Points must be a whole number, 1 or more", ge=1, le=MOST_POINTS)]
Reason = Annotated[
    str, _said("Reason must be text of 1 to 200 characters", min_length=1, max_length=200)
]
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class Earning(msgspec.Struct, frozen=True):
    """Points that a customer earns. What carries the same ``key`` counts once."""

    points: Amount
    reason: Reason
    key: Annotated[Key | None, _said("Key must be text of 1 to 100 characters")] = None


class Redemption(msgspec.Struct, frozen=True):
    """Points that a customer gives for something."""

    points: Amount
    reason: Reason


class Adjustment(msgspec.Struct, frozen=True):
    """A change by hand, up or down; a number in quotes is taken as well."""

    points: Annotated[int | float | str, _said("Invalid points value")]
    reason: Annotated[
        str, _said("Reason must be text of at most 200 characters", max_length=200)
    ] = ""


class NotEnoughPoints(Conflict):
    """The customer has fewer points than the movement takes."""

    code, detail = "not_enough_points", "The customer does not have enough points."


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger is to say: ``points`` are applied, of those that were ``requested``."""

    kind: Kind
    requested: int
    points: int
    reason: str
    key: str | None = None


# One statement, so that balance, tier and ledger can never disagree: the row is changed within
# its bounds, whatever others do meanwhile, and only a changed row makes an entry.
MOVE = """
WITH moved AS (
  UPDATE customers_customer c
     SET loyalty_points = c.loyalty_points + $5::int8,
         loyalty_tier = (SELECT t.code FROM unnest($8::text[], $9::int[]) AS t (code, least)
                          WHERE t.least <= c.loyalty_points + $5::int8
                          ORDER BY t.least DESC LIMIT 1)
   WHERE c.tenant_id = $1 AND c.id = $2 AND c.deleted_at IS NULL
     AND c.loyalty_points + $5::int8 BETWEEN 0 AND 2147483647
  RETURNING c.id, c.loyalty_points
)
INSERT INTO loyalty_entry
       (tenant_id, customer_id, kind, requested, points, balance_after, reason, key)
SELECT $1, m.id, $3, $4, $5, m.loyalty_points, $6, $7 FROM moved m
RETURNING balance_after
"""
SAME_KEY = """
SELECT e.customer_id, e.kind, e.requested FROM loyalty_entry e
 WHERE e.tenant_id = $1 AND e.key = $2
"""
LEFT = """
SELECT c.loyalty_points FROM customers_customer c
 WHERE c.tenant_id = $1 AND c.id = $2 AND c.deleted_at IS NULL
"""
HOLDERS = """
SELECT count(*) FROM customers_customer c
 WHERE c.tenant_id = $1 AND c.id = ANY ($2) AND c.loyalty_points > 0
"""


async def move_points(unit: Unit, tenant: Tenant, customer_id: UUID, movement: Movement) -> int:
    """Change a customer's balance and tier, write the ledger, return the new balance.

    Refuses with ``NotEnoughPoints`` below zero, and with ``Invalid`` beyond what can be stored.
    """
    settings: Settings = tenant.settings("loyalty")
    balance = await unit.fetchval(
        MOVE,
        tenant.id,
        customer_id,
        movement.kind.value,
        movement.requested,
        movement.points,
        movement.reason,
        movement.key,
        [tier.code for tier in settings.tiers],
        [tier.points for tier in settings.tiers],
    )
    if balance is None:
        raise await _refusal(unit, tenant, customer_id, movement)
    return int(balance)


async def _refusal(unit: Unit, tenant: Tenant, customer_id: UUID, movement: Movement) -> Exception:
    """Return why nothing moved."""
    left = await unit.fetchval(LEFT, tenant.id, customer_id)
    if left is None:
        return NotFound()
    if movement.points < 0:
        return NotEnoughPoints()
    detail = f"A customer cannot have more than {MOST_POINTS} points"
    return Invalid.field("#/points", detail, "maximum")


async def earn(ctx: Context, unit: Unit, record: Mapping[str, Any], values: Earning) -> None:
    """Add points; an event that was counted already changes nothing."""
    movement = Movement(
        kind=Kind.EARNED,
        requested=values.points,
        points=values.points,
        reason=values.reason,
        key=values.key,
    )
    if not await _counted(unit, ctx.tenant, record["id"], movement):
        await move_points(unit, ctx.tenant, record["id"], movement)


async def _counted(unit: Unit, tenant: Tenant, customer_id: UUID, movement: Movement) -> bool:
    """Return whether the event is in the ledger; refuses a key that names another event."""
    if movement.key is None:
        return False
    entry = await unit.fetchrow(SAME_KEY, tenant.id, movement.key)
    if entry is None:
        return False
    if (entry["customer_id"], entry["kind"], entry["requested"]) != (
        customer_id,
        movement.kind.value,
        movement.requested,
    ):
        raise Conflict("This key names another entry already.", code="key_used")
    return True


async def redeem_points(
    ctx: Context, unit: Unit, record: Mapping[str, Any], values: Redemption
) -> None:
    """Take points for something; never below zero."""
    movement = Movement(
        kind=Kind.REDEEMED, requested=-values.points, points=-values.points, reason=values.reason
    )
    await move_points(unit, ctx.tenant, record["id"], movement)


async def update_points(
    ctx: Context, unit: Unit, record: Mapping[str, Any], values: Adjustment
) -> None:
    """Add or take points by hand; what would go below zero is clamped or refused, as set."""
    settings: Settings = ctx.tenant.settings("loyalty")
    points = requested = read_points(values.points)
    if settings.below_zero == "clamp":
        # The record is locked, so the balance stays what it is until the movement is written.
        points = max(requested, -record["loyalty_points"])
    movement = Movement(
        kind=Kind.ADJUSTED, requested=requested, points=points, reason=values.reason
    )
    await move_points(unit, ctx.tenant, record["id"], movement)


def read_points(value: float | str) -> int:
    """Return a number of points, up or down; a text of digits is one too."""
    number: int | None = None
    if isinstance(value, str):
        number = int(value) if _INTEGER.fullmatch(value) else None
    elif value == value // 1:  # neither a fraction, nor infinite, nor NaN
        number = int(value)
    if number is None or abs(number) > MOST_POINTS:
        raise Invalid.field("#/points", "Invalid points value", "invalid")
    return number


async def refuse_purge_with_points(unit: Unit, tenant: Tenant, change: Change) -> None:
    """Refuse to erase customers who still have points: redeem or adjust them first."""
    if await unit.fetchval(HOLDERS, tenant.id, list(change.ids)):
        raise Rejected("A customer who still has points cannot be purged.", code="has_points")
