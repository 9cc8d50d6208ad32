"""Statements: what a customer's points did over a period, and which of them end soon."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from core.plugin import Connection, Context, Invalid, Tenant
from plugins.loyalty.schemas import Ending, Line, Period, Statement

MOST_LINES = 10_000
MOST_ENDINGS = 100
BALANCES = """
SELECT coalesce((SELECT e.balance_after FROM loyalty_entry e
          WHERE e.tenant_id = $1 AND e.customer_id = $2 AND e.deleted_at IS NULL
            AND e.created_at < $3
          ORDER BY e.created_at DESC, e.id DESC LIMIT 1), 0) AS opening,
       coalesce((SELECT e.balance_after FROM loyalty_entry e
          WHERE e.tenant_id = $1 AND e.customer_id = $2 AND e.deleted_at IS NULL
            AND ($4::timestamptz IS NULL OR e.created_at < $4)
          ORDER BY e.created_at DESC, e.id DESC LIMIT 1), 0) AS closing
"""
LINES = """
SELECT e.id, e.created_at AS at, e.kind, e.points, e.balance_after AS balance, e.reason,
       e.tier_after AS tier
  FROM loyalty_entry e WHERE e.tenant_id = $1 AND e.customer_id = $2
   AND e.deleted_at IS NULL
   AND ($3::timestamptz IS NULL OR e.created_at >= $3)
   AND ($4::timestamptz IS NULL OR e.created_at < $4)
 ORDER BY e.created_at, e.id LIMIT $5 OFFSET $6
"""
ENDINGS = """
SELECT l.expires_at, l.remaining AS points, sum(l.remaining) OVER () AS total
  FROM loyalty_lot l WHERE l.tenant_id = $1 AND l.customer_id = $2 AND l.remaining > 0
   AND l.deleted_at IS NULL AND l.expires_at <= now() + make_interval(days => $3)
 ORDER BY l.expires_at, l.created_at, l.id LIMIT $4
"""


async def statement(
    ctx: Context, connection: Connection, record: Mapping[str, Any], values: Period
) -> Statement:
    """Answer one page of a statement; the balances are those of the whole period."""
    if values.page * values.page_size > MOST_LINES:
        raise Invalid.field("?page", "Ask for a shorter period.", "too_far")
    start, end = _midnight(ctx.tenant, values.since), _midnight(ctx.tenant, values.until, days=1)
    if start and end and start >= end:
        raise Invalid.field("?to", "to is before from.", "range")
    place = (ctx.tenant.id, record["id"])
    skip = (values.page - 1) * values.page_size
    balances = await connection.fetchrow(BALANCES, *place, start, end)
    rows = await connection.fetch(LINES, *place, start, end, values.page_size + 1, skip)
    endings = await connection.fetch(ENDINGS, *place, values.expiring_days, MOST_ENDINGS)
    return Statement(
        since=values.since,
        until=values.until,
        opening_balance=balances["opening"],
        closing_balance=balances["closing"],
        entries=[Line(**row) for row in rows[: values.page_size]],
        next_page=values.page + 1 if len(rows) > values.page_size else None,
        expiring_days=values.expiring_days,
        expiring_points=endings[0]["total"] if endings else 0,
        expiring=[Ending(row["expires_at"], row["points"]) for row in endings],
    )


def _midnight(tenant: Tenant, day: date | None, days: int = 0) -> datetime | None:
    """Return the moment at which a day begins, or some ``days`` after it."""
    if day is None:
        return None
    try:
        return tenant.start_of(day + timedelta(days=days))
    except OverflowError:  # beyond the first or the last moment that there is
        return None
