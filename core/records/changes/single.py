"""One record: read it, create it, change it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg

from core.database.connections import Broken, Unit
from core.errors import Invalid, NotFound
from core.model.entities import Declaration
from core.model.parsing import JSON_BYTES
from core.records.changes.input_validation import (
    Input,
    Values,
    constraint_refusal,
    stay_in_scope,
    with_defaults,
    with_scope,
)
from core.records.changes.links import check_changed_links, check_links
from core.records.changes.writing import call_before_write, lock_record, new_id, returning_clause
from core.records.projection import FieldSelection, Projection, Row, expand_links, projection_of
from core.records.row_filter import where_clause
from core.runtime.context import Context

DETAIL = FieldSelection(detail=True)


async def read_record(
    ctx: Context, entity: Declaration, id: UUID, projection: Projection
) -> tuple[Row, int]:
    """Return the record as the caller may see it, and its version."""
    found = await ctx.read(lambda c: read_row(ctx, c, entity, id, projection, "view"), keyed=True)
    if found is None:
        raise NotFound
    return found


async def read_row(
    ctx: Context,
    connection: asyncpg.Connection,
    entity: Declaration,
    id: UUID,
    projection: Projection,
    right: str,
) -> tuple[Row, int] | None:
    """Return the record and its version where ``right`` reaches it, else None."""
    where, values = where_clause(ctx, entity, right, (), 3)
    record = await connection.fetchrow(
        f"SELECT {projection.columns('x')}, x.version AS __version FROM {entity.table} x"
        f" WHERE x.id = $2 AND {where}",
        ctx.tenant.id,
        id,
        *values,
    )
    if record is None:
        return None
    row = projection.row(record)
    version = row.pop("__version")
    if projection.expand:
        await expand_links(connection.fetch, ctx, entity, [row], projection.expand)
    return row, version


def read_new_values(ctx: Context, entity: Declaration, body: Mapping[str, Any]) -> Values:
    """Return the values of a new record: what was sent, the defaults, and the creator's scope."""
    given = Input(ctx, entity, "create").read(body, partial=False)
    return with_scope(ctx, entity, with_defaults(ctx, entity, given))


async def insert_record(
    ctx: Context, unit: Unit, entity: Declaration, values: Values, projection: Projection
) -> tuple[UUID, asyncpg.Record | None]:
    """Write a new record; return its id, and what ``read_written`` takes."""
    await check_links(ctx, unit, entity, values)
    id, values = new_id(), dict(values)  # plugins may lay more over them, in each attempt anew
    await call_before_write(ctx, unit, entity, "create", (id,), values)
    names = ["tenant_id", "id", *values]
    marks = ", ".join(f"${place}" for place in range(1, len(names) + 1))
    listed, more = returning_clause(ctx, entity, projection, len(names) + 1)
    sql = (
        f"INSERT INTO {entity.table} AS x ({', '.join(names)}) VALUES ({marks}) RETURNING {listed}"
    )
    try:
        return id, await unit.fetchrow(sql, ctx.tenant.id, id, *values.values(), *more)
    except asyncpg.IntegrityConstraintViolationError as error:
        raise constraint_refusal(entity, Broken(error)) from error


async def update_record(
    ctx: Context,
    unit: Unit,
    entity: Declaration,
    id: UUID,
    body: Mapping[str, Any],
    *,
    projection: Projection,
    version: int | None,
    partial: bool,
) -> asyncpg.Record | None:
    """Write a body over a record; return what ``read_written`` takes."""
    values = await _validate_update(ctx, unit, entity, id, body, version=version, partial=partial)
    return await _update(
        ctx, unit, entity, id, values, projection=projection, version=version, partial=partial
    )


async def _validate_update(
    ctx: Context,
    unit: Unit,
    entity: Declaration,
    id: UUID,
    body: Mapping[str, Any],
    *,
    version: int | None,
    partial: bool,
) -> Values:
    """Return the values to write, after every check and hook that may refuse them."""
    given = Input(ctx, entity, "update")
    stored = None
    if given.needs_stored(body):
        whole = projection_of(ctx.tenant, ctx.rights, entity, DETAIL)
        record = await lock_record(
            ctx, unit, entity, "update", id, version, columns=whole.columns("x")
        )
        stored = whole.row(record)
    values = given.read(body, partial=partial, stored=stored)
    stay_in_scope(ctx, entity, values)
    await check_changed_links(ctx, unit, entity, id, values)
    if ctx.tenant.hooks.watching("before_write", entity.name, "update"):
        await lock_record(ctx, unit, entity, "update", id, version, columns="x.id")
        await call_before_write(ctx, unit, entity, "update", (id,), values)
    return values


def assignments(values: Values, first: int, *, merge: bool) -> tuple[str, str]:
    """Return the SET list of ``values`` from ``$first`` on, and whether it changes a row ``x``.

    With ``merge`` the keys sent in ``custom`` are laid over the stored ones; null takes one away.
    """
    sets, changed = [], []
    for place, name in enumerate(values, start=first):
        value = f"${place}"
        if name == "custom" and merge:
            gone = f"SELECT k.key FROM jsonb_each({value}::jsonb) k WHERE k.value = 'null'"
            value = f"((x.custom || {value}::jsonb) - ARRAY({gone}))"
        sets.append(f"{name} = {value}")
        changed.append(f"x.{name} IS DISTINCT FROM {value}")
    return ", ".join(sets), "(" + " OR ".join(changed) + ")"


async def _update(
    ctx: Context,
    unit: Unit,
    entity: Declaration,
    id: UUID,
    values: Values,
    *,
    projection: Projection,
    version: int | None,
    partial: bool,
) -> asyncpg.Record | None:
    """Write what differs; None when nothing does, so that the version stays."""
    record = None
    if values:
        sets, changed = assignments(values, 3, merge=partial)
        where, more = where_clause(ctx, entity, "update", (), 3 + len(values))
        given = [ctx.tenant.id, id, *values.values(), *more, version]
        listed, last = returning_clause(ctx, entity, projection, len(given) + 1)
        sql = (
            f"UPDATE {entity.table} x SET {sets} WHERE x.id = $2 AND {where} AND {changed}"
            f" AND x.version = coalesce(${len(given)}::int, x.version) RETURNING {listed}"
        )
        try:
            record = await unit.fetchrow(sql, *given, *last)
        except asyncpg.IntegrityConstraintViolationError as error:
            raise constraint_refusal(entity, Broken(error)) from error
    if record is None:
        await lock_record(ctx, unit, entity, "update", id, version, columns="x.id")
    elif "custom" in values:
        await refuse_large(ctx, unit, entity, [id])
    return record


async def refuse_large(ctx: Context, unit: Unit, entity: Declaration, ids: list[UUID]) -> None:
    """Refuse when ``custom`` has grown beyond its bound, key by key."""
    large = await unit.fetchval(
        f"SELECT count(*) FROM {entity.table} x WHERE x.tenant_id = $1 AND x.id = ANY ($2)"
        f" AND octet_length(x.custom::text) > {2 * JSON_BYTES}",
        ctx.tenant.id,
        ids,
    )
    if large:
        detail = f"Custom would be larger than {JSON_BYTES // 1024} KiB."
        raise Invalid.field("#/custom", detail, "too_large")
