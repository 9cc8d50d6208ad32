"""Who was responsible for a record and when, and the credit of each responsible person."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from core.audit.entries import EntryFilter, read_entries, read_people
from core.audit.history import require_history_access
from core.audit.queries import Period, recent_bounds
from core.audit.rendering import HistoryView, person
from core.errors import Forbidden
from core.model.entities import HISTORY, Declaration
from core.records.row_filter import plugin_conditions, where_clause
from core.runtime.context import Context

MOST_PERIODS = 1000
# A period begins or ends when the record is created or purged, or its responsible changes.
RESPONSIBLE_CHANGES = f"""
SELECT e.at, e.action, e.responsible_id, e.changes -> $4::text ->> 1 AS new_responsible
  FROM core_audit_entry e
 WHERE e.tenant_id = $1 AND e.record_id = $2 AND e.entity = $3
   AND (e.action IN ('created', 'purged') OR e.changes ? $4)
 ORDER BY e.at, e.id LIMIT {MOST_PERIODS + 1}
"""
RESPONSIBLE_NOW = """
SELECT x.created_at, x.{responsible} AS holder FROM {table} x WHERE x.tenant_id = $1 AND x.id = $2
"""
# Gained: from no to yes. Regained: the same after a loss. Lost: from yes to no.
CREDIT = """
WITH changes AS (
  SELECT {key} AS key, e.record_id, e.at, f.field,
         e.changes -> f.field ->> 0 AS old, e.changes -> f.field ->> 1 AS new
    FROM core_audit_entry e CROSS JOIN unnest($3::text[]) AS f (field) {periods}
   WHERE e.tenant_id = $1 AND e.entity = $2 AND e.credited AND e.changes ? f.field AND {where}
), counted AS (
  SELECT m.*, EXISTS (
      SELECT FROM core_audit_entry p
       WHERE p.tenant_id = $1 AND p.record_id = m.record_id AND p.entity = $2 AND p.credited
         AND p.at < m.at AND p.changes -> m.field ->> 0 = 'true'
         AND p.changes -> m.field ->> 1 = 'false') AS again
    FROM changes m
)
SELECT key, field,
       count(*) FILTER (WHERE new = 'true' AND NOT again) AS gained,
       count(*) FILTER (WHERE new = 'true' AND again) AS regained,
       count(*) FILTER (WHERE old = 'true' AND new = 'false') AS lost
  FROM counted GROUP BY key, field
"""
CREDIT_OF_PERIODS = CREDIT.format(
    key="p.number",
    periods="""
    JOIN unnest($5::timestamptz[], $6::timestamptz[], $7::uuid[]) WITH ORDINALITY
      AS p (since, until, holder, number)
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
    view, name = credit_view(ctx, entity), _responsible_field(entity)
    await require_history_access(ctx, connection, entity, id)
    key = (ctx.tenant.id, id, entity.name)
    changes = await connection.fetch(RESPONSIBLE_CHANGES, *key, name)
    state = RESPONSIBLE_NOW.format(responsible=name, table=entity.table)
    row = await connection.fetchrow(state, ctx.tenant.id, id)
    periods = list(_periods(changes[:MOST_PERIODS], row))
    values = (ctx.tenant.id, entity.name, view.credit_fields, id)
    for row in await connection.fetch(CREDIT_OF_PERIODS, *values, *_period_columns(periods)):
        periods[row["key"] - 1]["credit"][row["field"]] = _numbers(row)
    people = await read_people(ctx, connection, (period["holder"] for period in periods))
    return {
        "results": [
            {"responsible": person(period.pop("holder"), people), **period} for period in periods
        ],
        "is_whole": len(changes) <= MOST_PERIODS,
    }


def _periods(changes: list[asyncpg.Record], row: asyncpg.Record | None) -> Iterator[dict[str, Any]]:
    """Yield the periods in order; one without anybody responsible is left out.

    For a record older than its audit, the first change names who was responsible before it.
    """
    begin: datetime | None = row["created_at"] if row else None
    holder: Any = None
    if changes and changes[0]["action"] == "created":
        begin = changes[0]["at"]
    if changes:
        holder = changes[0]["responsible_id"]
        if (
            changes[0]["new_responsible"] is not None
            and str(holder) == changes[0]["new_responsible"]
        ):
            holder = None  # nobody was responsible before
    elif row is not None:
        holder = row["holder"]
    for change in changes:
        if change["action"] == "created":
            continue
        if holder is not None:
            yield {"holder": holder, "from": begin, "to": change["at"], "credit": {}}
        holder, begin = change["new_responsible"], change["at"]
    if holder is not None:
        yield {"holder": holder, "from": begin, "to": None, "credit": {}}


def _period_columns(periods: list[dict[str, Any]]) -> list[list[Any]]:
    """Return the periods as the three arrays that ``CREDIT_OF_PERIODS`` joins."""
    return [[period[name] for period in periods] for name in ("from", "to", "holder")]


def _numbers(row: asyncpg.Record) -> dict[str, int]:
    return {name: row[name] for name in NUMBERS}


async def read_credit(
    ctx: Context, connection: asyncpg.Connection, entity: Declaration, period: Period
) -> dict[str, Any]:
    """Return what each responsible person achieved in a period, most gained first.

    Counts the changes of the entity's ``credit`` fields, by default of the last 30 days, for the
    person who was responsible at that time (HIS-08, HIS-09).
    """
    view = credit_view(ctx, entity)
    since, until = recent_bounds(ctx.tenant, period)
    scope, values = _scope_condition(ctx, entity, 6)
    where = f"e.at >= $4 AND e.at < $5 AND {scope}"
    sql = CREDIT.format(key="e.responsible_id", periods="", where=where)
    rows = await connection.fetch(
        sql, ctx.tenant.id, entity.name, view.credit_fields, since, until, *values
    )
    people = await read_people(ctx, connection, (row["key"] for row in rows))
    found: dict[Any, dict[str, Any]] = {}
    for row in rows:
        id = row["key"]
        line = found.setdefault(id, {"responsible": person(id, people), "credit": {}})
        line["credit"][row["field"]] = _numbers(row)
    labels = {name: entity.fields[name].label for name in view.credit_fields}
    results = sorted(found.values(), key=_most_gained_first)
    return {"from": since, "to": until, "fields": labels, "results": results}


async def read_credit_entries(
    ctx: Context,
    connection: asyncpg.Connection,
    entity: Declaration,
    period: Period,
    holder: UUID,
    size: int,
) -> tuple[list[dict[str, Any]], bool]:
    """Return the changes that make up a person's credit in a period, and whether these are all."""
    view = credit_view(ctx, entity)
    since, until = recent_bounds(ctx.tenant, period)
    where = EntryFilter(ctx)
    where.add("e.entity = {} AND e.credited", entity.name)
    where.add("e.responsible_id = {}", holder)
    where.add("e.at >= {} AND e.at < {}", since, until)
    where.add("e.changes ?| {}", view.credit_fields)
    scope, values = _scope_condition(ctx, entity, len(where.values) + 1)
    where.conditions.append(scope)
    where.values += values
    rows = await read_entries(connection, where, None, size)
    shown = rows[:size]
    people = await read_people(
        ctx, connection, (id for row in shown for id in view.people_ids(row))
    )
    currency = ctx.tenant.config.currency
    return [view.render(row, people, currency) for row in shown], len(rows) <= size


def _most_gained_first(line: dict[str, Any]) -> tuple[int, str]:
    """Sort key: who gained most comes first."""
    gained = sum(n["gained"] + n["regained"] for n in line["credit"].values())
    return -gained, json.dumps(line["responsible"], default=str)


def _scope_condition(ctx: Context, entity: Declaration, first: int) -> tuple[str, list[Any]]:
    """Return what limits entries to records in the caller's scope, in the trash or not."""
    if ctx.rights.scopes(entity.name, HISTORY) == ("all",) and not plugin_conditions(ctx, entity):
        return "true", []
    where, values = where_clause(ctx, entity, HISTORY, (), first, trash=None)
    return f"EXISTS (SELECT 1 FROM {entity.table} x WHERE x.id = e.record_id AND {where})", values


def _responsible_field(entity: Declaration) -> str:
    field = entity.field(entity.responsible or "")
    assert field is not None  # the route exists for such entities alone
    return field.name


def credit_view(ctx: Context, entity: Declaration) -> HistoryView:
    """Return the caller's view; refuses who may not see who is responsible."""
    ctx.rights.require(entity.name, HISTORY)
    view = HistoryView(ctx, entity)
    if not view.shows_responsible:
        raise Forbidden
    return view
