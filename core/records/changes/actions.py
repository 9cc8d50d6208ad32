"""Declared actions: guard, decode, lock, run and answer are the same for all of them."""

from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from litestar import Request
from litestar.response.base import ASGIResponse

from core.database.connections import Broken, Unit
from core.errors import Invalid, NotFound
from core.model.encoding import encode
from core.model.entities import Declaration
from core.model.struct_values import read_query, read_values
from core.records.changes.idempotency import Answer, write_once
from core.records.changes.input_validation import constraint_refusal
from core.records.changes.single import own_parameters
from core.records.changes.writing import answer, demanded_version, hook, locked
from core.records.lists.list_query import split
from core.records.projection import shape_of
from core.records.row_filter import conditions
from core.registry.registry import Action
from core.rest.decode import read_id, read_json, read_object
from core.rest.responses import reply
from core.runtime.context import Context


async def run_action(
    ctx: Context, request: Request[Any, Any, Any], entity: Declaration, action: Action
) -> ASGIResponse:
    """Answer a POST action: one transaction, the record locked, the hooks of the write asked."""
    ctx.rights.require(entity.name, action.right)
    record_id = read_id(request.path_params["id"]) if action.on == "record" else None
    version = demanded_version(ctx, request, record_id) if record_id is not None else None
    wanted = own_parameters(request)
    values = read_given(action, read_object(await read_json(request)))
    ctx.reason = getattr(values, "reason", None) or ctx.reason

    async def run(unit: Unit) -> Answer:
        result = await act(ctx, unit, entity, action, record_id, version, values)
        if result is not None or record_id is None:
            return Answer(encode(result if result is not None else {}))
        await unit.finish()
        shape = shape_of(ctx.tenant, ctx.rights, entity, wanted)
        return await answer(ctx, unit, entity, record_id, shape)

    if action.secret:
        return (await ctx.write(run, keyed=True)).response()
    return await write_once(ctx, request, run, keyed=record_id is not None)


def read_given(action: Action, body: dict[str, Any]) -> Any:
    """Return the body of an action as its struct, None where it takes none."""
    if action.values is not None:
        return read_values(action.values, body)
    if body:
        raise Invalid.field("#", "This action takes no body.", "unknown")
    return None


async def act(
    ctx: Context,
    unit: Unit,
    entity: Declaration,
    action: Action,
    id: UUID | None,
    version: int | None,
    values: Any,
) -> Any:
    """Do an action, on a record that the caller may do it on; return what it answers."""
    record = None
    if id is not None:
        record = await locked(ctx, unit, entity, action.right, id, version)
    given = {} if values is None else msgspec.structs.asdict(values)
    await hook(ctx, unit, entity, action.name, () if id is None else (id,), given)
    try:
        return await action.run(ctx, unit, record, values)
    except asyncpg.IntegrityConstraintViolationError as error:
        raise constraint_refusal(entity, Broken(error)) from error


async def ask_action(
    ctx: Context, request: Request[Any, Any, Any], entity: Declaration, action: Action
) -> ASGIResponse:
    """Answer a GET action in a READ ONLY transaction; its parameters are the struct's fields."""
    ctx.rights.require(entity.name, action.right)
    values = read_asked(action.values, request)

    async def run(connection: asyncpg.Connection) -> Any:
        record = None
        if action.on == "record":
            record = await seen_record(ctx, connection, entity, action, request)
        return await action.run(ctx, connection, record, values)

    return reply(await ctx.read(run))


def read_asked(struct: Any, request: Request[Any, Any, Any]) -> Any:
    """Return a request's query as ``struct``; refuses unknown parameters and wrong values."""
    own, filters = split(request)
    return read_query(struct, {**own, **dict(filters)})


async def seen_record(
    ctx: Context,
    connection: asyncpg.Connection,
    entity: Declaration,
    action: Action,
    request: Request[Any, Any, Any],
) -> asyncpg.Record:
    """Return the record that a GET action reads, if it is in the caller's scope."""
    where, values = conditions(ctx, entity, action.right, (), 3)
    record = await connection.fetchrow(
        f"SELECT x.* FROM {entity.table} x WHERE x.id = $2 AND {where}",
        ctx.tenant.id,
        read_id(request.path_params["id"]),
        *values,
    )
    if record is None:
        raise NotFound
    return record
