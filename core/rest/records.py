"""One record: read it, create it, change it, put it in the trash and take it out."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg
import uuid_utils
from litestar import Request
from litestar.response.base import ASGIResponse

from core.database.doors import Broken, Unit
from core.entities import Declaration
from core.errors import Invalid, NotFound, PreconditionRequired, Stale
from core.hookspecs import Change
from core.rest.addresses import asked_path, base_url
from core.rest.bodies import (
    Input,
    Values,
    check_links,
    constraint_refusal,
    with_defaults,
    with_scope,
)
from core.rest.context import Context
from core.rest.decode import read_id, read_json, read_object
from core.rest.idempotency import Answer, write_once
from core.rest.parameters import read_wanted, split
from core.rest.replies import encode, etag, nothing, raw_reply, tags, wanted_version
from core.rest.rows import conditions
from core.rest.shape import Shape, Wanted, expanded, shape_of

DETAIL = Wanted(detail=True)


def new_id() -> UUID:
    """Return a UUID v7: ids of later records sort later."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


def own_parameters(request: Request[Any, Any, Any]) -> Wanted:
    """Return the shape asked of a single record; other parameters are refused."""
    if not request.scope["query_string"]:
        return DETAIL
    own, filters = split(request)
    allowed = ("fields", "omit", "expand", "mobile")
    for name in (*own, *(name for name, _ in filters)):
        if name not in allowed:
            raise Invalid.field(f"?{name}", f"Unknown parameter {name!r}.", "unknown", allowed)
    return read_wanted(own, detail=True)


async def view_record(
    ctx: Context, request: Request[Any, Any, Any], entity: Declaration
) -> ASGIResponse:
    """Answer ``GET /api/<resource>/{id}/``; 304 when the caller has this version and shape."""
    ctx.rights.require(entity.name, "view")
    id = read_id(request.path_params["id"])
    shape = shape_of(ctx.tenant, ctx.rights, entity, own_parameters(request))
    where, values = conditions(ctx, entity, "view", (), 3)
    sql = (
        f"SELECT {shape.columns('x')}, x.version AS __version FROM {entity.table} x"
        f" WHERE x.id = $2 AND {where}"
    )

    async def run(connection: asyncpg.Connection) -> tuple[dict[str, Any], int] | None:
        record = await connection.fetchrow(sql, ctx.tenant.id, id, *values)
        if record is None:
            return None
        row = shape.row(record)
        version = row.pop("__version")
        if shape.expand:
            await expanded(connection.fetch, ctx, entity, [row], shape.expand)
        return row, version

    found = await ctx.read(run)
    if found is None:
        raise NotFound
    row, version = found
    tag = etag(id, version, shape.hash)
    given = request.headers.get("if-none-match", "")
    if not shape.expand and (tag.strip('"') in tags(given) or given.strip() == "*"):
        return nothing(304, {"ETag": tag})
    return raw_reply(encode(row), 200, {"ETag": tag})


async def create_record(
    ctx: Context, request: Request[Any, Any, Any], entity: Declaration
) -> ASGIResponse:
    """Answer ``POST /api/<resource>/`` with 201, the record and its address."""
    ctx.rights.require(entity.name, "create")
    wanted = own_parameters(request)
    body = read_object(await read_json(request))
    given = Input(ctx, entity, "create").read(body, partial=False)
    home = f"{base_url(request, ctx)}{asked_path(request)}"

    async def run(unit: Unit) -> Answer:
        shape = shape_of(ctx.tenant, ctx.rights, entity, wanted)
        row = await insert_record(ctx, unit, entity, dict(given), shape)
        headers = {
            "ETag": etag(row["id"], row.pop("__version"), shape.hash),
            "Location": f"{home}/{row['id']}/",
        }
        return Answer(encode(row), 201, headers)

    return await write_once(ctx, request, run)


async def insert_record(
    ctx: Context, unit: Unit, entity: Declaration, values: Values, shape: Shape
) -> dict[str, Any]:
    """Insert one record inside the caller's scope; return its row, with ``__version``."""
    values = with_scope(ctx, entity, "create", with_defaults(ctx, entity, values))
    await check_links(ctx, unit, entity, values)
    id = new_id()
    await hook(ctx, unit, entity, "create", (id,), values)
    names = ["tenant_id", "id", *values]
    marks = ", ".join(f"${place}" for place in range(1, len(names) + 1))
    sql = (
        f"INSERT INTO {entity.table} AS x ({', '.join(names)}) VALUES ({marks})"
        f" RETURNING {shape.columns('x')}, x.version AS __version"
    )
    try:
        record = await unit.fetchrow(sql, ctx.tenant.id, id, *values.values())
    except asyncpg.IntegrityConstraintViolationError as error:
        raise constraint_refusal(entity, Broken(error)) from error
    row = shape.row(record or {})
    if shape.expand:
        await expanded(unit.fetch, ctx, entity, [row], shape.expand)
    return row


async def hook(
    ctx: Context,
    unit: Unit,
    entity: Declaration,
    verb: str,
    ids: tuple[UUID, ...],
    values: Mapping[str, Any],
) -> None:
    """Ask the enabled plugins whether the write may go on; one call for all its records."""
    hooks = ctx.tenant.hooks
    if not hooks.implementations("before_write"):
        return
    change = Change(entity=entity.name, verb=verb, ids=ids, values=dict(values))
    await hooks.before(
        "before_write", tenant=ctx.tenant, actor=ctx.principal, change=change, unit=unit
    )


def demanded_version(ctx: Context, request: Request[Any, Any, Any], id: UUID) -> int | None:
    """Return the version of If-Match; refuses a missing one where the tenant demands it."""
    header = request.headers.get("if-match")
    if header is None and ctx.tenant.config.require_if_match:
        raise PreconditionRequired
    return wanted_version(header, id)


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


async def change_record(
    ctx: Context, request: Request[Any, Any, Any], entity: Declaration, *, partial: bool
) -> ASGIResponse:
    """Answer PUT and PATCH. PUT demands the required fields; what is left out stays."""
    ctx.rights.require(entity.name, "update")
    wanted = own_parameters(request)
    id = read_id(request.path_params["id"])
    version = demanded_version(ctx, request, id)
    body = read_object(await read_json(request))
    shape = shape_of(ctx.tenant, ctx.rights, entity, wanted)

    async def run(unit: Unit) -> Answer:
        row = await update_record(
            ctx, unit, entity, id, body, shape=shape, version=version, partial=partial
        )
        tag = etag(id, row.pop("__version"), shape.hash)
        return Answer(encode(row), 200, {"ETag": tag})

    return (await ctx.write(run)).response()


async def update_record(
    ctx: Context,
    unit: Unit,
    entity: Declaration,
    id: UUID,
    body: Mapping[str, Any],
    *,
    shape: Shape,
    version: int | None,
    partial: bool,
) -> dict[str, Any]:
    """Write a body onto one record; return its row in ``shape``, with ``__version``."""
    given = Input(ctx, entity, "update")
    stored = None
    if given.needs_stored(body):
        whole = shape_of(ctx.tenant, ctx.rights, entity, DETAIL)
        record = await locked(ctx, unit, entity, "update", id, version, columns=whole.columns("x"))
        stored = whole.row(record)
    values = given.read(body, partial=partial, stored=stored)
    _stay_in_scope(ctx, entity, values)
    await check_links(ctx, unit, entity, values)
    if ctx.tenant.hooks.implementations("before_write"):
        await locked(ctx, unit, entity, "update", id, version, columns="x.id")
        await hook(ctx, unit, entity, "update", (id,), values)
    if not values:
        record = await locked(ctx, unit, entity, "update", id, version, columns=shape.columns("x"))
    else:
        record = await _update(ctx, unit, entity, id, values, shape, version, partial=partial)
    row = shape.row(record)
    if shape.expand:
        await expanded(unit.fetch, ctx, entity, [row], shape.expand)
    return row


def _stay_in_scope(ctx: Context, entity: Declaration, values: Values) -> None:
    """Refuse to move a record out of the writer's own scope."""
    scopes = ctx.rights.scopes(entity.name, "update")
    if "all" in scopes:
        return
    for scope in scopes:
        column = entity.scopes.get(scope)
        if isinstance(column, str) and column in values:
            with_scope(ctx, entity, "update", values)


def _assignment(name: str, mark: str, *, partial: bool) -> str:
    if name == "custom" and partial:
        return f"custom = jsonb_strip_nulls(x.custom || {mark})"
    return f"{name} = {mark}"


async def _update(
    ctx: Context,
    unit: Unit,
    entity: Declaration,
    id: UUID,
    values: Values,
    shape: Shape,
    version: int | None,
    *,
    partial: bool,
) -> asyncpg.Record:
    sets = ", ".join(
        _assignment(name, f"${place}", partial=partial)
        for place, name in enumerate(values, start=3)
    )
    where, more = conditions(ctx, entity, "update", (), 3 + len(values))
    given = [ctx.tenant.id, id, *values.values(), *more]
    guard = ""
    if version is not None:
        guard = f" AND x.version = ${len(given) + 1}"
        given.append(version)
    sql = (
        f"UPDATE {entity.table} x SET {sets} WHERE x.id = $2 AND {where}{guard}"
        f" RETURNING {shape.columns('x')}, x.version AS __version"
    )
    try:
        record = await unit.fetchrow(sql, *given)
    except asyncpg.IntegrityConstraintViolationError as error:
        raise constraint_refusal(entity, Broken(error)) from error
    if record is None:
        await locked(ctx, unit, entity, "update", id, version, columns="x.id")
        raise NotFound
    return record
