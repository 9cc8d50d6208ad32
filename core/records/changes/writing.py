"""What every write shares: the lock, the plugins' hooks, and the record as its writer sees it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg
import uuid_utils

from core.database.connections import Unit
from core.errors import NotFound, Stale
from core.model.entities import Declaration
from core.records.projection import Projection, Row, expand_links
from core.records.row_filter import read_action, visible_predicate, where_clause
from core.registry.hookspecs import Change
from core.runtime.context import Context


def new_id() -> UUID:
    """Return a UUID v7: ids of later records sort later."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


async def call_before_write(
    ctx: Context,
    unit: Unit,
    entity: Declaration,
    verb: str,
    ids: tuple[UUID, ...],
    values: dict[str, Any],
) -> None:
    """Ask the enabled plugins whether the write may go on; one call for all its records.

    What they lay over ``values`` is written too.
    """
    hooks = ctx.tenant.hooks
    if not hooks.watching("before_write", entity.name, verb):
        return
    change = Change(entity=entity.name, verb=verb, ids=ids, values=values)
    known = set(values)
    await hooks.before("before_write", change, tenant=ctx.tenant, actor=ctx.principal, unit=unit)
    strange = [name for name in values.keys() - known if not _writable(entity, name)]
    if strange:
        raise LookupError(f"a plugin wrote {strange}, which {entity.name} has not")


def _writable(entity: Declaration, name: str) -> bool:
    """Return whether a plugin may lay a value on the field: one that is stored as it is."""
    field = entity.fields.get(name)
    return field is not None and not field.system and field.sql is None


async def lock_record(
    ctx: Context,
    unit: Unit,
    entity: Declaration,
    action: str,
    id: UUID,
    version: int | None,
    *,
    columns: str = "x.*",
    trash: bool = False,
) -> asyncpg.Record:
    """Return the record that ``action`` may touch, locked until the transaction ends.

    Refuses with ``NotFound`` outside the scope and with ``Stale`` for another version.
    """
    where, values = where_clause(ctx, entity, action, (), 3, trash=trash)
    record = await unit.fetchrow(
        f"SELECT {columns}, x.version AS __version FROM {entity.table} x"
        f" WHERE x.id = $2 AND {where} FOR UPDATE OF x",
        ctx.tenant.id,
        id,
        *values,
    )
    if record is None:
        raise NotFound
    if version is not None and record["__version"] != version:
        raise Stale
    return record


def returning_clause(
    ctx: Context, entity: Declaration, projection: Projection, first: int
) -> tuple[str, list[Any]]:
    """Return the list behind RETURNING for an answer, and its values from ``first``."""
    sql, values = visible_predicate(ctx, entity, first)
    return f"{projection.columns('x')}, x.version AS __version, {sql} AS __seen", values


async def read_written(
    ctx: Context,
    unit: Unit,
    entity: Declaration,
    id: UUID,
    projection: Projection,
    record: Mapping[str, Any] | None = None,
) -> tuple[Row, int] | None:
    """Return the record as its writer may see it and its version; None where they may not.

    ``record`` is what a statement with ``returning_clause`` gave; without it the record is read.
    """
    record = record or await _read_back(ctx, unit, entity, id, projection)
    if record is None or not record["__seen"]:
        return None
    row: Row = projection.row(record)
    del row["__seen"]
    version = row.pop("__version")
    if projection.expand:
        await expand_links(unit.fetch, ctx, entity, [row], projection.expand)
    return row, version


async def _read_back(
    ctx: Context, unit: Unit, entity: Declaration, id: UUID, projection: Projection
) -> asyncpg.Record | None:
    where, values = where_clause(ctx, entity, read_action(ctx, entity), (), 3)
    return await unit.fetchrow(
        f"SELECT {projection.columns('x')}, x.version AS __version, true AS __seen"
        f" FROM {entity.table} x WHERE x.id = $2 AND {where}",
        ctx.tenant.id,
        id,
        *values,
    )
