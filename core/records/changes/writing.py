"""What every write shares: the lock, the plugins' hooks, and the record as its writer sees it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg
import uuid_utils

from core.database.connections import Unit
from core.errors import NotFound, Stale
from core.model.entities import Declaration
from core.records.projection import Row, Shape, expanded
from core.records.row_filter import conditions, looking, seen
from core.registry.hookspecs import Change
from core.runtime.context import Context


def new_id() -> UUID:
    """Return a UUID v7: ids of later records sort later."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


async def hook(
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


async def locked(
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
    where, values = conditions(ctx, entity, action, (), 3, trash=trash)
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


def returning(ctx: Context, entity: Declaration, shape: Shape, first: int) -> tuple[str, list[Any]]:
    """Return the list behind RETURNING for an answer, and its values from ``first``."""
    sql, values = seen(ctx, entity, first)
    return f"{shape.columns('x')}, x.version AS __version, {sql} AS __seen", values


async def read_written(
    ctx: Context,
    unit: Unit,
    entity: Declaration,
    id: UUID,
    shape: Shape,
    record: Mapping[str, Any] | None = None,
) -> tuple[Row, int] | None:
    """Return the record as its writer may see it and its version; None where they may not.

    ``record`` is what ``returning`` gave; without it the record is read again.
    """
    record = record or await _read_back(ctx, unit, entity, id, shape)
    if record is None or not record["__seen"]:
        return None
    row: Row = shape.row(record)
    del row["__seen"]
    version = row.pop("__version")
    if shape.expand:
        await expanded(unit.fetch, ctx, entity, [row], shape.expand)
    return row, version


async def _read_back(
    ctx: Context, unit: Unit, entity: Declaration, id: UUID, shape: Shape
) -> asyncpg.Record | None:
    where, values = conditions(ctx, entity, looking(ctx, entity), (), 3)
    return await unit.fetchrow(
        f"SELECT {shape.columns('x')}, x.version AS __version, true AS __seen"
        f" FROM {entity.table} x WHERE x.id = $2 AND {where}",
        ctx.tenant.id,
        id,
        *values,
    )
