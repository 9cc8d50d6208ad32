"""The history of one record, its figures, and the tenant's whole log."""

from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from core.access.rights import ADMIN
from core.audit.queries import Asked, AskedOfAll, bounds, month, read_place, write_place
from core.audit.rendering import View
from core.audit.rows import People, Where, newest, people
from core.errors import Invalid, NotFound
from core.model.entities import HISTORY, Declaration
from core.records.projection import Projection, Row
from core.records.row_filter import plugin_conditions, where_clause
from core.runtime.context import Context

PURGED = """
SELECT changes -> 'currency' ->> 0 FROM core_audit_entry
 WHERE tenant_id = $1 AND record_id = $2 AND entity = $3 AND action = 'purged'
 ORDER BY at DESC LIMIT 1
"""
FIGURES = """
WITH told AS (
  SELECT e.at, e.action, e.changes, r.principal_id FROM core_audit_entry e
    LEFT JOIN core_audit_request r ON r.tenant_id = e.tenant_id AND r.id = e.request_id
   WHERE e.tenant_id = $1 AND e.record_id = $2 AND e.entity = $3
     AND (e.action <> 'updated' OR e.changes ?| $4)
)
SELECT count(*) AS total, min(at) AS first_at, max(at) AS last_at,
       count(DISTINCT principal_id) AS people,
       (SELECT coalesce(jsonb_object_agg(action, n), '{}') FROM (
          SELECT action, count(*) AS n FROM told GROUP BY action) AS a) AS actions,
       (SELECT coalesce(jsonb_object_agg(field, n), '{}') FROM (
          SELECT k AS field, count(*) AS n FROM told, jsonb_object_keys(changes) AS k
           WHERE action = 'updated' AND k = ANY ($4) GROUP BY k) AS f) AS fields
  FROM told
"""
AUTHORS = """
SELECT DISTINCT r.principal_id FROM core_audit_entry e
  JOIN core_audit_request r ON r.tenant_id = e.tenant_id AND r.id = e.request_id
 WHERE e.tenant_id = $1 AND e.record_id = $2 AND e.entity = $3 AND r.principal_id IS NOT NULL
   AND (e.action <> 'updated' OR e.changes ?| $4)
 LIMIT 100
"""


class Told(msgspec.Struct, frozen=True):
    """A page of a history; ``currency`` is that of the amounts in it."""

    entries: list[dict[str, Any]]
    next_cursor: str | None
    currency: str

    def answer(self) -> dict[str, Any]:
        """Return the page as REST answers it."""
        return {"next_cursor": self.next_cursor, "results": self.entries}


async def read_history(
    ctx: Context, connection: asyncpg.Connection, entity: Declaration, id: UUID, asked: Asked
) -> Told:
    """Return the newest changes of a record that the caller may see, or those behind a cursor.

    Those of a record in the trash, or purged, are for holders of ``trash`` alone (ruling 29).
    """
    view = View(ctx, entity)
    _check_field(view, asked)
    since, until = bounds(ctx.tenant, asked)
    currency = await seen(ctx, connection, entity, id)
    where = _of_record(ctx, view, id)
    where.asked(asked, since, until)
    rows = await newest(connection, where, read_place(asked.cursor), asked.page_size)
    return await _page(ctx, connection, {entity.name: view}, rows, asked.page_size, currency)


async def read_figures(
    ctx: Context, connection: asyncpg.Connection, entity: Declaration, id: UUID
) -> dict[str, Any]:
    """Return how often what was changed, by how many people, and when first and last."""
    await seen(ctx, connection, entity, id)
    names = View(ctx, entity).names
    row = await connection.fetchrow(FIGURES, ctx.tenant.id, id, entity.name, names)
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
    """Return the people whose changes of a record the caller sees; he has been let in already."""
    names = View(ctx, entity).names
    rows = await connection.fetch(AUTHORS, ctx.tenant.id, id, entity.name, names)
    return await people(ctx, connection, (row["principal_id"] for row in rows))


def logged(ctx: Context) -> dict[str, View]:
    """Return the entities whose whole history the caller may read."""
    return {
        name: View(ctx, entity)
        for name, entity in ctx.tenant.entities.items()
        if ctx.rights.scopes(name, HISTORY) == ("all",)
    }


async def read_log(ctx: Context, connection: asyncpg.Connection, asked: AskedOfAll) -> Told:
    """Return the newest changes of all records, by default of the last 30 days."""
    ctx.rights.require("core.setting", HISTORY)
    views = logged(ctx)
    if asked.entity is not None and asked.entity not in views:
        raise Invalid.field(
            "?entity", f"There is no entity {asked.entity!r}.", "unknown", sorted(views)
        )
    chosen = views if asked.entity is None else {asked.entity: views[asked.entity]}
    if asked.field is not None and not any(asked.field in v.fields for v in chosen.values()):
        raise Invalid.field("?field", f"There is no field {asked.field!r}.", "unknown")
    since, until = month(ctx.tenant, asked)
    where = _of_all(ctx, chosen, asked)
    where.asked(asked, since, until)
    rows = await newest(connection, where, read_place(asked.cursor), asked.page_size)
    currency = ctx.tenant.config.currency
    return await _page(ctx, connection, chosen, rows, asked.page_size, currency)


def _of_record(ctx: Context, view: View, id: UUID) -> Where:
    """A change of hidden fields alone is not there at all."""
    where = Where(ctx)
    where.add("e.record_id = {}", id)
    where.add("e.entity = {}", view.entity.name)
    where.add("(e.action <> 'updated' OR e.changes ?| {})", view.names)
    return where


def _of_all(ctx: Context, views: dict[str, View], asked: AskedOfAll) -> Where:
    where = Where(ctx)
    if asked.record is not None:
        where.add("e.record_id = {}", asked.record)
    parts, values = [], []
    for name, view in views.items():
        parts.append("(e.entity = {} AND (e.action <> 'updated' OR e.changes ?| {}))")
        values += [name, view.names]
    if asked.field is not None:
        parts, values = [], []
        for name, view in views.items():
            if asked.field in view.fields:
                parts.append("e.entity = {}")
                values.append(name)
    where.add(f"({' OR '.join(parts)})", *values)
    if asked.request is not None:
        where.add("e.request_id = {}", asked.request)
    if asked.q:
        _holding(where, views, asked.q)
    return where


def _holding(where: Where, views: dict[str, View], text: str) -> None:
    """Demand a text in a value that the caller may see; what is hidden is never looked at."""
    written = msgspec.json.encode(text).decode()[1:-1]
    like = "".join(f"\\{letter}" if letter in "\\%_" else letter for letter in written)
    parts, values = [], []
    for name, view in views.items():
        parts.append(
            "(e.entity = {} AND EXISTS (SELECT 1 FROM jsonb_each(e.changes) c (name, pair)"
            " WHERE c.name = ANY ({}) AND c.pair::text ILIKE {}))"
        )
        values += [name, view.names, f"%{like}%"]
    where.add(f"({' OR '.join(parts)})", *values)


async def _page(
    ctx: Context,
    connection: asyncpg.Connection,
    views: dict[str, View],
    rows: list[asyncpg.Record],
    size: int,
    currency: str,
) -> Told:
    shown = rows[:size]
    who = await people(
        ctx, connection, (id for row in shown for id in views[row["entity"]].mentioned(row))
    )
    more = len(rows) > size
    return Told(
        entries=[views[row["entity"]].entry(row, who, currency) for row in shown],
        next_cursor=write_place(shown[-1]["at"], shown[-1]["id"]) if more else None,
        currency=currency,
    )


async def seen(ctx: Context, connection: asyncpg.Connection, entity: Declaration, id: UUID) -> str:
    """Return the currency of the record whose history the caller may read; refuses as if none."""
    tenant = ctx.tenant
    currency = "x.currency" if "currency" in entity.fields else "NULL"
    held = _deleted(ctx, entity)
    for trash in (False, True) if held else (False,):
        where, values = where_clause(ctx, entity, HISTORY, (), 3, trash=trash)
        scope = ctx.rights.predicate(entity, held, "x") if trash else "true"
        found = await connection.fetchrow(
            f"SELECT {currency} FROM {entity.table} x WHERE x.id = $2 AND {where} AND {scope}",
            tenant.id,
            id,
            *values,
        )
        if found is not None:
            return found[0] or tenant.config.currency
    return await _purged(ctx, connection, entity, id)


async def read_kept(
    ctx: Context, connection: asyncpg.Connection, entity: Declaration, id: UUID, shape: Projection
) -> tuple[Row | None, bool]:
    """Return what is left of a record that has a history, and whether it is deleted."""
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


def _deleted(ctx: Context, entity: Declaration) -> str:
    """Return the right by which the caller reads of deleted records, or nothing.

    Where nobody can look into a trash, it is an administrator's business.
    """
    if "trash" not in entity.verbs and ADMIN in ctx.rights.roles:
        return HISTORY
    return "trash" if ctx.rights.may(entity.name, "trash") else ""


async def _purged(
    ctx: Context, connection: asyncpg.Connection, entity: Declaration, id: UUID
) -> str:
    """A purged record has no row that a scope could look at: only ``all`` reaches it."""
    rights = (_deleted(ctx, entity), HISTORY)
    scopes = (ctx.rights.scopes(entity.name, right) for right in rights)
    if any(held != ("all",) for held in scopes) or plugin_conditions(ctx, entity):
        raise NotFound
    found = await connection.fetchrow(PURGED, ctx.tenant.id, id, entity.name)
    if found is None:
        raise NotFound
    return found[0] or ctx.tenant.config.currency


def _check_field(view: View, asked: Asked) -> None:
    if asked.field is not None and asked.field not in view.fields:
        detail = f"There is no field {asked.field!r}."
        raise Invalid.field("?field", detail, "unknown", view.names)
