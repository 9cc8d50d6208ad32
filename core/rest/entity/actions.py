"""The routes of declared actions: a POST writes in one transaction, a GET reads."""

from typing import Any

import asyncpg
from litestar.response.base import ASGIResponse

from core.database.connections import Unit
from core.model.encoding import encode
from core.model.entities import Declaration
from core.model.struct_values import read_object
from core.records.changes.actions import fetch_record, perform_action, read_action_values
from core.records.changes.idempotency import StoredAnswer
from core.records.projection import projection_of
from core.registry.registry import Action
from core.rest.entity.records import record_answer
from core.rest.request.decode import read_id, read_json
from core.rest.request.etags import required_version
from core.rest.request.idempotency import response, write_once
from core.rest.request.query_string import read_parameters, read_selection
from core.rest.responses import reply
from core.rest.route import AnyRequest
from core.runtime.context import Context


async def answer_post(
    ctx: Context, request: AnyRequest, entity: Declaration, action: Action
) -> ASGIResponse:
    """Answer a POST action: one transaction, the record locked, the hooks of the write asked."""
    ctx.rights.require(entity.name, action.right)
    record_id = read_id(request.path_params["id"]) if action.on == "record" else None
    version = required_version(ctx, request, record_id) if record_id is not None else None
    wanted = read_selection(request)
    values = read_action_values(action, read_object(await read_json(request)))
    ctx.reason = getattr(values, "reason", None) or ctx.reason

    async def run(unit: Unit) -> StoredAnswer:
        result = await perform_action(ctx, unit, entity, action, record_id, version, values)
        if result is not None or record_id is None:
            return StoredAnswer(encode(result if result is not None else {}))
        await unit.finish()
        projection = projection_of(ctx.tenant, ctx.rights, entity, wanted)
        return await record_answer(ctx, unit, entity, record_id, projection)

    if action.secret:
        return response(await ctx.write(run, keyed=True))
    return await write_once(ctx, request, run, keyed=record_id is not None)


async def answer_get(
    ctx: Context, request: AnyRequest, entity: Declaration, action: Action
) -> ASGIResponse:
    """Answer a GET action in a READ ONLY transaction; its parameters are the struct's fields."""
    ctx.rights.require(entity.name, action.right)
    values = read_parameters(action.values, request)

    async def run(connection: asyncpg.Connection) -> Any:
        record = None
        if action.on == "record":
            id = read_id(request.path_params["id"])
            record = await fetch_record(ctx, connection, entity, action, id)
        return await action.run(ctx, connection, record, values)

    return reply(await ctx.read(run))
