"""The history of one record, its figures, and the tenant's whole log."""

from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from core.access.rights import ADMIN
from core.audit.entries import EntryFilter, People, read_entries, read_people
from core.audit.queries import (
    HistoryQuery,
    LogQuery,
    period_bounds,
    read_cursor,
    recent_bounds,
    write_cursor,
)
from core.audit.rendering import HistoryView
from core.errors import Invalid, NotFound
from core.model.entities import HISTORY, Declaration
from core.records.projection import Projection, Row
from core.records.row_filter import plugin_conditions, where_clause
from core.runtime.context import Context

PURGED_CURRENCY = """
SELECT changes -> 'currency' ->> 0 FROM core_audit_entry
 WHERE tenant_id = $1 AND record_id = $2 AND entity = $3 AND action = 'purged'
 ORDER BY at DESC LIMIT 1
"""
STATS = """
WITH visible AS (
  SELECT e.at, e.action, e.changes, r.principal_id FROM core_audit_entry e
    LEFT JOIN core_audit_request r ON r.tenant_id = e.tenant_id AND r.id = e.request_id
   WHERE e.tenant_id = $1 AND e.record_id = $2 AND e.entity = $3
     AND (e.action <> 'updated' OR e.changes ?| $4)
)
SELECT count(*) AS total, min(at) AS first_at, max(at) AS last_at,
       count(DISTINCT principal_id) AS people,
       (SELECT coalesce(jsonb_object_agg(action, n), '{}') FROM (
          SELECT action, count(*) AS n FROM visible GROUP BY action) AS a) AS actions,
       (SELECT coalesce(jsonb_object_agg(field, n), '{}') FROM (
          SELECT k AS field, count(*) AS n FROM visible, jsonb_object_keys(changes) AS k
           WHERE action = 'updated' AND k = ANY ($4) GROUP BY k) AS f) AS fields
  FROM visible
"""
AUTHORS = """
SELECT DISTINCT r.principal_id FROM core_audit_entry e
  JOIN core_audit_request r ON r.tenant_id = e.tenant_id AND r.id = e.request_id
 WHERE e.tenant_id = $1 AND e.record_id = $2 AND e.entity = $3 AND r.principal_id IS NOT NULL
   AND (e.action <> 'updated' OR e.changes ?| $4)
 LIMIT 100
"""


class HistoryPage(msgspec.Struct, frozen=True):
    """A page of a history; ``currency`` is that of the amounts in it."""

    entries: list[dict[str, Any]]
    next_cursor: str | None
    currency: str

    def to_json(self) -> dict[str, Any]:
        """Return the page as the API answers it."""
        return {"next_cursor": self.next_cursor, "results": self.entries}


async def read_history(
    ctx: Context, connection: asyncpg.Connection, entity: Declaration, id: UUID, query: HistoryQuery
) -> HistoryPage:
    """Return the newest changes of a record that the caller may see, or those after a cursor.

    Those of a record in the trash, or purged, are for holders of ``trash`` alone (ruling 29).
    """
    view = HistoryView(ctx, entity)
    _check_field(view, query)
    since, until = period_bounds(ctx.tenant, query)
    currency = await require_history_access(ctx, connection, entity, id)
    where = _record_filter(ctx, view, id)
    where.add_query(query, since, until)
    rows = await read_entries(connection, where, read_cursor(query.cursor), query.page_size)
    return await _page(ctx, connection, {entity.name: view}, rows, query.page_size, currency)


async def read_history_stats(
    ctx: Context, connection: asyncpg.Connection, entity: Declaration, id: UUID
) -> dict[str, Any]:
    """Return how often what was changed, by how many people, and when first and last."""
    await require_history_access(ctx, connection, entity, id)
    names = HistoryView(ctx, entity).field_names
    row = await connection.fetchrow(STATS, ctx.tenant.id, id, entity.name, names)
    return {
        "total_changes": row["total"],
        "by_action": row["actions"],
        "by_field": row["fields"],
        "people": row["people"],
        "first_at": row["first_at"],
        "last_at": row["last_at"],
    }


async def read_authors(
    ctx: Context, connection: asyncpg.Connection, entity: Declaration, id: UUID
) -> People:
    """Return the people whose changes of a record the caller sees.

    The caller has passed ``require_history_access``.
    """
    names = HistoryView(ctx, entity).field_names
    rows = await connection.fetch(AUTHORS, ctx.tenant.id, id, entity.name, names)
    return await read_people(ctx, connection, (row["principal_id"] for row in rows))


def log_views(ctx: Context) -> dict[str, HistoryView]:
    """Return the entities whose whole history the caller may read."""
    return {
        name: HistoryView(ctx, entity)
        for name, entity in ctx.tenant.entities.items()
        if ctx.rights.scopes(name, HISTORY) == ("all",)
    }


async def read_log(ctx: Context, connection: asyncpg.Connection, query: LogQuery) -> HistoryPage:
    """Return the newest changes of all records, by default of the last 30 days."""
    ctx.rights.require("core.setting", HISTORY)
    views = log_views(ctx)
    if query.entity is not None and query.entity not in views:
        raise Invalid.field(
            "?entity", f"There is no entity {query.entity!r}.", "unknown", sorted(views)
        )
    chosen = views if query.entity is None else {query.entity: views[query.entity]}
    if query.field is not None and not any(query.field in v.fields for v in chosen.values()):
        raise Invalid.field("?field", f"There is no field {query.field!r}.", "unknown")
    since, until = recent_bounds(ctx.tenant, query)
    where = _log_filter(ctx, chosen, query)
    where.add_query(query, since, until)
    rows = await read_entries(connection, where, read_cursor(query.cursor), query.page_size)
    currency = ctx.tenant.config.currency
    return await _page(ctx, connection, chosen, rows, query.page_size, currency)


def _record_filter(ctx: Context, view: HistoryView, id: UUID) -> EntryFilter:
    """Return the filter of one record; changes of hidden fields alone are left out."""
    where = EntryFilter(ctx)
    where.add("e.record_id = {}", id)
    where.add("e.entity = {}", view.entity.name)
    where.add("(e.action <> 'updated' OR e.changes ?| {})", view.field_names)
    return where


def _log_filter(ctx: Context, views: dict[str, HistoryView], query: LogQuery) -> EntryFilter:
    where = EntryFilter(ctx)
    if query.record is not None:
        where.add("e.record_id = {}", query.record)
    parts, values = [], []
    for name, view in views.items():
        parts.append("(e.entity = {} AND (e.action <> 'updated' OR e.changes ?| {}))")
        values += [name, view.field_names]
    if query.field is not None:
        parts, values = [], []
        for name, view in views.items():
            if query.field in view.fields:
                parts.append("e.entity = {}")
                values.append(name)
    where.add(f"({' OR '.join(parts)})", *values)
    if query.request is not None:
        where.add("e.request_id = {}", query.request)
    if query.q:
        _add_text_filter(where, views, query.q)
    return where


def _add_text_filter(where: EntryFilter, views: dict[str, HistoryView], text: str) -> None:
    """Add the condition that a visible value holds a text; hidden values are never compared."""
    written = msgspec.json.encode(text).decode()[1:-1]
    like = "".join(f"\\{letter}" if letter in "\\%_" else letter for letter in written)
    parts, values = [], []
    for name, view in views.items():
        parts.append(
            "(e.entity = {} AND EXISTS (SELECT 1 FROM jsonb_each(e.changes) c (name, pair)"
            " WHERE c.name = ANY ({}) AND c.pair::text ILIKE {}))"
        )
        values += [name, view.field_names, f"%{like}%"]
    where.add(f"({' OR '.join(parts)})", *values)


async def _page(
    ctx: Context,
    connection: asyncpg.Connection,
    views: dict[str, HistoryView],
    rows: list[asyncpg.Record],
    size: int,
    currency: str,
) -> HistoryPage:
    shown = rows[:size]
    people = await read_people(
        ctx, connection, (id for row in shown for id in views[row["entity"]].people_ids(row))
    )
    more = len(rows) > size
    return HistoryPage(
        entries=[views[row["entity"]].render(row, people, currency) for row in shown],
        next_cursor=write_cursor(shown[-1]["at"], shown[-1]["id"]) if more else None,
        currency=currency,
    )


async def require_history_access(
    ctx: Context, connection: asyncpg.Connection, entity: Declaration, id: UUID
) -> str:
    """Return the currency of a record; refuses who may not read its history as if it were none."""
    tenant = ctx.tenant
    currency = "x.currency" if "currency" in entity.fields else "NULL"
    right = _right_on_deleted(ctx, entity)
    for trash in (False, True) if right else (False,):
        where, values = where_clause(ctx, entity, HISTORY, (), 3, trash=trash)
        scope = ctx.rights.predicate(entity, right, "x") if trash else "true"
        found = await connection.fetchrow(
            f"SELECT {currency} FROM {entity.table} x WHERE x.id = $2 AND {where} AND {scope}",
            tenant.id,
            id,
            *values,
        )
        if found is not None:
            return found[0] or tenant.config.currency
    return await _purged_currency(ctx, connection, entity, id)


async def read_with_deleted(
    ctx: Context, connection: asyncpg.Connection, entity: Declaration, id: UUID, shape: Projection
) -> tuple[Row | None, bool]:
    """Return a record, also one in the trash, and whether it is deleted or gone."""
    where, values = where_clause(ctx, entity, HISTORY, (), 3, trash=None)
    record = await connection.fetchrow(
        f"SELECT {shape.columns('x')}, x.deleted_at AS __deleted FROM {entity.table} x"
        f" WHERE x.id = $2 AND {where}",
        ctx.tenant.id,
        id,
        *values,
    )
    if record is None:
        return None, True
    return shape.row(record), record["__deleted"] is not None


def _right_on_deleted(ctx: Context, entity: Declaration) -> str:
    """Return the right by which the caller reads the history of deleted records, or nothing.

    Entities without a trash leave it to administrators.
    """
    if "trash" not in entity.verbs and ADMIN in ctx.rights.roles:
        return HISTORY
    return "trash" if ctx.rights.may(entity.name, "trash") else ""


async def _purged_currency(
    ctx: Context, connection: asyncpg.Connection, entity: Declaration, id: UUID
) -> str:
    """Return the currency of a purged record; without a row, only the scope ``all`` covers it."""
    rights = (_right_on_deleted(ctx, entity), HISTORY)
    scopes = (ctx.rights.scopes(entity.name, right) for right in rights)
    if any(held != ("all",) for held in scopes) or plugin_conditions(ctx, entity):
        raise NotFound
    found = await connection.fetchrow(PURGED_CURRENCY, ctx.tenant.id, id, entity.name)
    if found is None:
        raise NotFound
    return found[0] or ctx.tenant.config.currency


def _check_field(view: HistoryView, query: HistoryQuery) -> None:
    if query.field is not None and query.field not in view.fields:
        detail = f"There is no field {query.field!r}."
        raise Invalid.field("?field", detail, "unknown", view.field_names)
