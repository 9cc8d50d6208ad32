"""The ledger: every movement of points. Whoever calls holds the lock of the customers' rows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from core.plugin import Conflict, Context, Invalid, NotFound, Tenant, Unit, conditions
from plugins.loyalty.models import Kind
from plugins.loyalty.schemas import MOST_POINTS, Expired, Posted
from plugins.loyalty.services import ledger_sql, tiers
from plugins.loyalty.settings import Settings

Customer = Mapping[str, Any]
MOST_AT_ONCE = 10_000
CUSTOMER = "customers.customer"
LOCK = """
SELECT x.* FROM customers_customer x WHERE {where} AND x.id = ANY ($2)
 ORDER BY x.id FOR UPDATE OF x
"""
LOCK_ANY = LOCK.format(where="x.tenant_id = $1 AND x.deleted_at IS NULL")
STANDING = """
SELECT c.loyalty_points AS points, (
         SELECT v.tiers = $3::jsonb FROM loyalty_tier_version v WHERE v.tenant_id = $1
          ORDER BY v.number DESC LIMIT 1) AS current
  FROM customers_customer c WHERE c.tenant_id = $1 AND c.id = $2 AND c.deleted_at IS NULL
"""
DUE = """
SELECT c.id FROM customers_customer c
 WHERE c.tenant_id = $1 AND c.deleted_at IS NULL AND c.id > $4
   AND c.id IN (SELECT l.customer_id FROM loyalty_lot l WHERE l.tenant_id = $1
                   AND l.deleted_at IS NULL AND l.remaining > 0
                   AND l.expires_at <= $2)
 ORDER BY c.id LIMIT $3 FOR UPDATE OF c
"""


class NotEnoughPoints(Conflict):
    """The customer has fewer points than the movement takes."""

    code, detail = "not_enough_points", "The customer does not have enough points. Take fewer."


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger is to say of a movement, besides its points."""

    kind: Kind
    reason: str
    requested: int | None = None
    key: str | None = None
    transfer: str | None = None
    reverses: UUID | None = None


async def lock(unit: Unit, tenant: Tenant, *ids: UUID) -> dict[UUID, Customer]:
    """Lock customers that are not in the trash, in one order for all; return those that exist."""
    return {row["id"]: row for row in await unit.fetch(LOCK_ANY, tenant.id, list(ids))}


async def lock_allowed(ctx: Context, unit: Unit, action: str, *ids: UUID) -> dict[UUID, Customer]:
    """Lock customers as ``lock`` does; return those on whom the caller may do ``action``."""
    where, values = conditions(ctx, ctx.tenant.entities[CUSTOMER], action, (), 3)
    sql = LOCK.format(where=where)
    return {row["id"]: row for row in await unit.fetch(sql, ctx.tenant.id, list(ids), *values)}


async def give(
    unit: Unit,
    tenant: Tenant,
    customer: Customer,
    entry: Entry,
    *lots: tuple[int, datetime | None],
    months: int | None = None,
) -> Posted:
    """Open ``lots`` of points, each with its end; those without one end in ``months``, or never."""
    points, ends = [lot[0] for lot in lots], [lot[1] for lot in lots]
    return await _post(unit, tenant, ledger_sql.GIVE, entry, customer["id"], points, ends, months)


async def take(
    unit: Unit,
    tenant: Tenant,
    customer: Customer,
    entry: Entry,
    points: int,
    *,
    first: UUID | None = None,
) -> Posted:
    """Take points from the lots that end first; those that the entry ``first`` opened before all.

    ``customer`` is the row as it was locked: whoever moves twice locks twice. Refuses with
    ``NotEnoughPoints``, and then nothing has changed.
    """
    if points > customer["loyalty_points"]:
        raise NotEnoughPoints
    return await _post(unit, tenant, ledger_sql.TAKE, entry, customer["id"], points, first)


async def put_back(
    unit: Unit, tenant: Tenant, customer: Customer, entry: Entry, points: int
) -> Posted:
    """Put points back into the lots from which the reversed entry took them, ends unchanged."""
    return await _post(
        unit, tenant, ledger_sql.RETURN, entry, customer["id"], points, entry.reverses
    )


async def expire(unit: Unit, tenant: Tenant, at: datetime | None = None) -> Expired:
    """Take what remains of every lot that has ended by ``at`` (now); exact and repeatable.

    Customers in the trash keep theirs until the next expiry after they are back.
    """
    await unit.execute(tiers.PATIENCE)
    at = at or await unit.fetchval("SELECT now()")
    _, current = await tiers.in_force(unit, tenant)
    values = _values(tenant, Entry(kind=Kind.EXPIRED, reason="Points expired"), current)
    customers = points = 0
    ids = [UUID(int=0)]
    # Some may have spent what was due while their lock was waited for: the lots are read anew.
    while due := await unit.fetch(DUE, tenant.id, at, MOST_AT_ONCE, ids[-1]):
        ids = [row["id"] for row in due]
        row = await unit.fetchrow(ledger_sql.EXPIRE, *values, ids, at)
        if row is not None:
            customers, points = customers + row["customers"], points + row["points"]
    return Expired(customers, points)


def _values(tenant: Tenant, entry: Entry, current: str) -> list[Any]:
    """Return the values that every movement has; see ``ledger_sql``."""
    settings: Settings = tenant.settings("loyalty")
    codes, thresholds = tiers.columns(settings)
    return [
        tenant.id,
        entry.kind.value,
        entry.requested,
        entry.reason,
        entry.key,
        codes,
        thresholds,
        current,
        entry.transfer,
        entry.reverses,
    ]


async def _post(
    unit: Unit, tenant: Tenant, sql: str, entry: Entry, customer_id: UUID, *more: Any
) -> Posted:
    """Run a movement of one customer; again when the tiers in force were not yet a version."""
    current = tiers.as_json(tenant.settings("loyalty"))
    row = await unit.fetchrow(sql, *_values(tenant, entry, current), customer_id, *more)
    if row is None:
        standing = await unit.fetchrow(STANDING, tenant.id, customer_id, current)
        if standing is None:
            raise NotFound
        if not standing["current"]:
            _, current = await tiers.in_force(unit, tenant)
        # Also when somebody else made the version between the two statements.
        row = await unit.fetchrow(sql, *_values(tenant, entry, current), customer_id, *more)
    if row is None:
        if sql == ledger_sql.TAKE:
            raise NotEnoughPoints
        if sql == ledger_sql.RETURN:
            detail = "What this entry took is not known. Adjust the points by hand."
            raise Conflict(detail, code="not_reversible")
        detail = f"A customer cannot have more than {MOST_POINTS} points. Give fewer."
        raise Invalid.field("#/points", detail, "maximum")
    return Posted(**row)
