"""Who was responsible for a record and when, and what happened under whose care."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from core.audit.queries import Period, month
from core.audit.rendering import View, person
from core.audit.rows import Where, newest, people
from core.audit.timeline import seen
from core.errors import Forbidden
from core.model.entities import HISTORY, Declaration
from core.records.row_filter import plugin_conditions, where_clause
from core.runtime.context import Context

MOST_PERIODS = 1000
# What makes a period begin or end: the record's own days and each change of the responsible.
CHANGES_OF_HANDS = f"""
SELECT e.at, e.action, e.responsible_id, e.changes -> $4::text ->> 1 AS taker
  FROM core_audit_entry e
 WHERE e.tenant_id = $1 AND e.record_id = $2 AND e.entity = $3
   AND (e.action IN ('created', 'purged') OR e.changes ? $4)
 ORDER BY e.at, e.id LIMIT {MOST_PERIODS + 1}
"""
STATE = """
SELECT x.created_at, x.{responsible} AS holder FROM {table} x WHERE x.tenant_id = $1 AND x.id = $2
"""
# Gained: from no to yes. Regained: so, after it had been lost. Lost: from yes to no.
MOVES = """
WITH moved AS (
  SELECT {key} AS key, e.record_id, e.at, f.field,
         e.changes -> f.field ->> 0 AS old, e.changes -> f.field ->> 1 AS new
    FROM core_audit_entry e CROSS JOIN unnest($3::text[]) AS f (field) {periods}
   WHERE e.tenant_id = $1 AND e.entity = $2 AND e.credited AND e.changes ? f.field AND {where}
), told AS (
  SELECT m.*, EXISTS (
      SELECT FROM core_audit_entry p
       WHERE p.tenant_id = $1 AND p.record_id = m.record_id AND p.entity = $2 AND p.credited
         AND p.at < m.at AND p.changes -> m.field ->> 0 = 'true'
         AND p.changes -> m.field ->> 1 = 'false') AS again
    FROM moved m
)
SELECT key, field,
       count(*) FILTER (WHERE new = 'true' AND NOT again) AS gained,
       count(*) FILTER (WHERE new = 'true' AND again) AS regained,
       count(*) FILTER (WHERE old = 'true' AND new = 'false') AS lost
  FROM told GROUP BY key, field
"""
OF_PERIODS = MOVES.format(
    key="p.place",
    periods="""
    JOIN unnest($5::timestamptz[], $6::timestamptz[], $7::uuid[]) WITH ORDINALITY
      AS p (since, until, holder, place)
      ON e.responsible_id = p.holder AND e.at >= p.since
     AND (p.until IS NULL OR e.at <= p.until)""",
    where="e.record_id = $4",
)
NUMBERS = ("gained", "regained", "lost")


async def read_attribution(
    ctx: Context, connection: asyncpg.Connection, entity: Declaration, id: UUID
) -> dict[str, Any]:
    """Return the periods of everyone who was responsible for a record.

    Each period tells what was gained, regained and lost in it (HIS-07).
    """
    view, name = credit_view(ctx, entity), _responsible(entity)
    await seen(ctx, connection, entity, id)
    given = (ctx.tenant.id, id, entity.name)
    hands = await connection.fetch(CHANGES_OF_HANDS, *given, name)
    state = STATE.format(responsible=name, table=entity.table)
    row = await connection.fetchrow(state, ctx.tenant.id, id)
    periods = list(_periods(hands[:MOST_PERIODS], row))
    values = (ctx.tenant.id, entity.name, view.credit, id)
    for row in await connection.fetch(OF_PERIODS, *values, *_columns(periods)):
        periods[row["key"] - 1]["credit"][row["field"]] = _numbers(row)
    who = await people(ctx, connection, (period["holder"] for period in periods))
    return {
        "results": [
            {"responsible": person(period.pop("holder"), who), **period} for period in periods
        ],
        "is_whole": len(hands) <= MOST_PERIODS,
    }


def _periods(hands: list[asyncpg.Record], row: asyncpg.Record | None) -> Iterator[dict[str, Any]]:
    """Yield the periods in order; one without anybody responsible is left out.

    A record older than its audit is held from its creation by whom its first change took it from.
    """
    begin: datetime | None = row["created_at"] if row else None
    holder: Any = None
    if hands and hands[0]["action"] == "created":
        begin = hands[0]["at"]
    if hands:
        holder = hands[0]["responsible_id"]
        if hands[0]["taker"] is not None and str(holder) == hands[0]["taker"]:
            holder = None  # nobody was responsible before
    elif row is not None:
        holder = row["holder"]
    for change in hands:
        if change["action"] == "created":
            continue
        if holder is not None:
            yield {"holder": holder, "from": begin, "to": change["at"], "credit": {}}
        holder, begin = change["taker"], change["at"]
    if holder is not None:
        yield {"holder": holder, "from": begin, "to": None, "credit": {}}


def _columns(periods: list[dict[str, Any]]) -> list[list[Any]]:
    """Return the periods as the three arrays that ``OF_PERIODS`` joins."""
    return [[period[name] for period in periods] for name in ("from", "to", "holder")]


def _numbers(row: asyncpg.Record) -> dict[str, int]:
    return {name: row[name] for name in NUMBERS}


async def read_credit(
    ctx: Context, connection: asyncpg.Connection, entity: Declaration, asked: Period
) -> dict[str, Any]:
    """Return what each responsible person achieved in a period, who gained most first.

    Counts the changes of the entity's ``credit`` fields, by default of the last 30 days, for the
    person who was responsible at that time (HIS-08, HIS-09).
    """
    view = credit_view(ctx, entity)
    since, until = month(ctx.tenant, asked)
    scope, values = _scope(ctx, entity, 6)
    where = f"e.at >= $4 AND e.at < $5 AND {scope}"
    sql = MOVES.format(key="e.responsible_id", periods="", where=where)
    rows = await connection.fetch(
        sql, ctx.tenant.id, entity.name, view.credit, since, until, *values
    )
    who = await people(ctx, connection, (row["key"] for row in rows))
    found: dict[Any, dict[str, Any]] = {}
    for row in rows:
        id = row["key"]
        line = found.setdefault(id, {"responsible": person(id, who), "credit": {}})
        line["credit"][row["field"]] = _numbers(row)
    labels = {name: entity.fields[name].label for name in view.credit}
    results = sorted(found.values(), key=_weight)
    return {"from": since, "to": until, "fields": labels, "results": results}


async def read_credited(
    ctx: Context,
    connection: asyncpg.Connection,
    entity: Declaration,
    asked: Period,
    holder: UUID,
    size: int,
) -> tuple[list[dict[str, Any]], bool]:
    """Return the changes that a person's credit in a period is made of, and whether all of them."""
    view = credit_view(ctx, entity)
    since, until = month(ctx.tenant, asked)
    where = Where(ctx)
    where.add("e.entity = {} AND e.credited", entity.name)
    where.add("e.responsible_id = {}", holder)
    where.add("e.at >= {} AND e.at < {}", since, until)
    where.add("e.changes ?| {}", view.credit)
    scope, values = _scope(ctx, entity, len(where.values) + 1)
    where.parts.append(scope)
    where.values += values
    rows = await newest(connection, where, None, size)
    shown = rows[:size]
    who = await people(ctx, connection, (id for row in shown for id in view.mentioned(row)))
    currency = ctx.tenant.config.currency
    return [view.entry(row, who, currency) for row in shown], len(rows) <= size


def _weight(line: dict[str, Any]) -> tuple[int, str]:
    """Who gained most comes first."""
    gained = sum(n["gained"] + n["regained"] for n in line["credit"].values())
    return -gained, json.dumps(line["responsible"], default=str)


def _scope(ctx: Context, entity: Declaration, first: int) -> tuple[str, list[Any]]:
    """Return what limits entries to records in the caller's scope, in the trash or not."""
    if ctx.rights.scopes(entity.name, HISTORY) == ("all",) and not plugin_conditions(ctx, entity):
        return "true", []
    where, values = where_clause(ctx, entity, HISTORY, (), first, trash=None)
    return f"EXISTS (SELECT 1 FROM {entity.table} x WHERE x.id = e.record_id AND {where})", values


def _responsible(entity: Declaration) -> str:
    field = entity.field(entity.responsible or "")
    assert field is not None  # the route exists for such entities alone
    return field.name


def credit_view(ctx: Context, entity: Declaration) -> View:
    """Return the caller's view; refuses who may not see who is responsible."""
    ctx.rights.require(entity.name, HISTORY)
    view = View(ctx, entity)
    if not view.responsible:
        raise Forbidden
    return view
