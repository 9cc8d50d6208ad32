"""From the registry to routes: closures per entity and operation."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request
from litestar.response.base import ASGIResponse

from core.errors import NotFound
from core.model.entities import HISTORY, Declaration
from core.model.struct_values import read_object
from core.registry.registry import Action, Registry
from core.rest.entity import actions, bulk, figures, history, lists, options, records, trash
from core.rest.request.context import open_context
from core.rest.request.decode import read_json
from core.rest.route import DELETE, PATCH, POST, PUT, READ, Methods, Route
from core.runtime.context import Context

AnyRequest = Request[Any, Any, Any]
Answer = Callable[[Context, AnyRequest, Declaration], Awaitable[ASGIResponse]]


def route(path: str, methods: Methods, entity: Declaration, right: str, answer: Answer) -> Route:
    """Return one row: it opens the context, finds the tenant's view of the entity, answers."""

    async def handle(request: AnyRequest) -> ASGIResponse:
        ctx = await open_context(request)
        return await answer(ctx, request, ctx.tenant.entities[entity.name])

    opt = {"permission": f"{entity.name}.{right}", "plugin": entity.plugin, "entity": entity.name}
    return Route(f"/api/{entity.resource}{path}", methods, opt, handle)


async def _trash(ctx: Context, request: AnyRequest, entity: Declaration) -> ASGIResponse:
    return await lists.list_records(ctx, request, entity, trash=True)


async def _query(ctx: Context, request: AnyRequest, entity: Declaration) -> ASGIResponse:
    ctx.rights.require(entity.name, "list")
    return await lists.query_records(ctx, request, entity, read_object(await read_json(request)))


async def _put(ctx: Context, request: AnyRequest, entity: Declaration) -> ASGIResponse:
    return await records.change_record(ctx, request, entity, partial=False)


async def _patch(ctx: Context, request: AnyRequest, entity: Declaration) -> ASGIResponse:
    return await records.change_record(ctx, request, entity, partial=True)


async def _options(ctx: Context, request: AnyRequest, entity: Declaration) -> ASGIResponse:
    return await options.options(ctx, entity)


# (verb that must exist, path, methods, right, answer). Static segments win over {id}.
GENERATED: tuple[tuple[str, str, Methods, str, Answer], ...] = (
    ("list", "/", READ, "list", lists.list_records),
    ("create", "/", POST, "create", records.create_record),
    ("create", "/batch", POST, "create", bulk.batch_create),
    ("list", "/query", POST, "list", _query),
    ("trash", "/trash", READ, "trash", _trash),
    ("list", "/options", READ, "list", _options),
    ("update", "/bulk", POST, "update", bulk.bulk_change),
    ("view", "/{id:str}", READ, "view", records.view_record),
    ("update", "/{id:str}", PUT, "update", _put),
    ("update", "/{id:str}", PATCH, "update", _patch),
    ("delete", "/{id:str}", DELETE, "delete", trash.delete_record),
    ("restore", "/{id:str}/restore", POST, "restore", trash.restore_record),
    ("purge", "/{id:str}/purge", POST, "purge", trash.purge_record),
)
# Every entity has a history, whatever its verbs.
HISTORIES: tuple[tuple[str, Answer], ...] = (
    ("/{id:str}/history", history.record_history),
    ("/{id:str}/history/stats", history.history_stats),
)
# Where somebody is responsible for a record, it tells who was and what they achieved.
RESPONSIBILITY = (
    *HISTORIES,
    ("/{id:str}/attribution", history.attribution),
    ("/credit", history.credit),
)


def _action(entity: Declaration, action: Action) -> Route:
    async def answer(ctx: Context, request: AnyRequest, declared: Declaration) -> ASGIResponse:
        if action.plugin not in ctx.tenant.enabled:
            raise NotFound
        if action.method == "GET":
            return await actions.answer_get(ctx, request, declared, action)
        return await actions.answer_post(ctx, request, declared, action)

    path = f"/{action.name}" if action.on == "collection" else f"/{{id:str}}/{action.name}"
    methods = READ if action.method == "GET" else POST
    made = route(path, methods, entity, action.right, answer)
    made.opt["plugin"] = action.plugin
    return made


def entity_routes(registry: Registry, entity: Declaration) -> list[Route]:
    """Return all routes of one entity."""
    handlers = [
        route(path, methods, entity, right, answer)
        for verb, path, methods, right, answer in GENERATED
        if verb in entity.verbs
    ]
    handlers += [
        route(path, READ, entity, HISTORY, answer)
        for path, answer in (HISTORIES if entity.responsible is None else RESPONSIBILITY)
    ]
    if entity.aggregates and "list" in entity.verbs:
        handlers.append(route("/stats", READ, entity, "list", figures.statistics))
    handlers += [_action(entity, action) for action in registry.actions.get(entity.name, ())]
    return handlers
