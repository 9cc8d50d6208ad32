"""The routes of a record's history and of the credit of the people responsible for it."""

from typing import Any

import asyncpg
from litestar.response.base import ASGIResponse

from core.audit.credit import credit_view, read_attribution, read_credit
from core.audit.history import read_history, read_history_stats
from core.audit.queries import HistoryQuery, Period
from core.model.entities import HISTORY, Declaration
from core.rest.request.decode import read_id
from core.rest.request.query_string import read_parameters
from core.rest.responses import reply
from core.rest.route import AnyRequest
from core.runtime.context import Context


async def record_history(ctx: Context, request: AnyRequest, entity: Declaration) -> ASGIResponse:
    """Answer ``GET /api/<resource>/{id}/history/``: who changed what, when, from where and why."""
    ctx.rights.require(entity.name, HISTORY)
    id = read_id(request.path_params["id"])
    query = read_parameters(HistoryQuery, request)

    async def run(connection: asyncpg.Connection) -> dict[str, Any]:
        return (await read_history(ctx, connection, entity, id, query)).to_json()

    return reply(await ctx.read(run))


async def history_stats(ctx: Context, request: AnyRequest, entity: Declaration) -> ASGIResponse:
    """Answer ``GET /api/<resource>/{id}/history/stats/``: how often what was changed."""
    ctx.rights.require(entity.name, HISTORY)
    id = read_id(request.path_params["id"])
    read_parameters(None, request)
    return reply(await ctx.read(lambda c: read_history_stats(ctx, c, entity, id)))


async def attribution(ctx: Context, request: AnyRequest, entity: Declaration) -> ASGIResponse:
    """Answer ``GET /api/<resource>/{id}/attribution/``: everyone who was responsible, and when."""
    credit_view(ctx, entity)
    id = read_id(request.path_params["id"])
    read_parameters(None, request)
    return reply(await ctx.read(lambda c: read_attribution(ctx, c, entity, id)))


async def credit(ctx: Context, request: AnyRequest, entity: Declaration) -> ASGIResponse:
    """Answer ``GET /api/<resource>/credit/?from=&to=``: what each responsible person achieved."""
    credit_view(ctx, entity)
    query = read_parameters(Period, request)
    return reply(await ctx.read(lambda c: read_credit(ctx, c, entity, query)))
