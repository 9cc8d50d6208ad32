"""What people of a tenant edit: settings per plugin and dictionaries, laid over the file."""

from typing import Annotated, Any

import msgspec
from litestar import Request
from litestar.response.base import ASGIResponse
from msgspec import Meta

from core.model.struct_values import read_object, read_values
from core.registry.registry import Choice
from core.rest.operation_doc import OperationDoc
from core.rest.request.context import open_context
from core.rest.request.decode import read_json
from core.rest.responses import reply
from core.rest.route import PATCH, PUT, READ, Methods, Route
from core.runtime.tenant import Tenant
from core.tenancy.edits import (
    edit_dictionary,
    edit_settings,
    require_dictionary,
    require_settings_plugin,
)

AnyRequest = Request[Any, Any, Any]
MOST_CHOICES = 200

Short = Annotated[str, Meta(min_length=1, max_length=50)]


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One choice as it is sent; a retired one is kept by records and no longer offered."""

    code: Short
    label: Short
    order: Annotated[int, Meta(ge=-(10**6), le=10**6)] = 0
    retired: bool = False


class Choices(msgspec.Struct, frozen=True):
    """The choices of one dictionary, whole."""

    choices: Annotated[list[Entry], Meta(min_length=1, max_length=MOST_CHOICES)]


def settings_of(tenant: Tenant) -> dict[str, Any]:
    """Return, per enabled plugin that has settings, their type."""
    plugins = tenant.registry.plugins
    return {n: plugins[n].settings for n in sorted(tenant.enabled) if plugins[n].settings}


def dictionaries_of(tenant: Tenant) -> dict[str, Any]:
    """Return the dictionaries of the enabled plugins."""
    known = sorted(tenant.registry.dictionaries)
    return {name: Choices for name in known if name.partition(".")[0] in tenant.enabled}


async def show_settings(request: AnyRequest) -> ASGIResponse:
    """Answer the settings of one plugin, as they are in force."""
    ctx = await open_context(request)
    ctx.rights.require("core.setting", "view")
    await ctx.fetchval("SELECT 1")
    return reply(ctx.tenant.settings(require_settings_plugin(ctx, request.path_params["name"])))


async def change_settings(request: AnyRequest) -> ASGIResponse:
    """Lay the sent settings over the file's; the plugin's own struct judges the whole."""
    ctx = await open_context(request)
    ctx.rights.require("core.setting", "update")
    name = require_settings_plugin(ctx, request.path_params["name"])
    body = read_object(await read_json(request))
    return reply(await edit_settings(ctx, name, body))


async def show_dictionary(request: AnyRequest) -> ASGIResponse:
    """Answer the choices of one dictionary, in order."""
    ctx = await open_context(request)
    ctx.rights.require("core.setting", "view")
    await ctx.fetchval("SELECT 1")
    return reply(
        {"choices": ctx.tenant.dictionary(require_dictionary(ctx, request.path_params["name"]))}
    )


async def change_dictionary(request: AnyRequest) -> ASGIResponse:
    """Replace the choices of one dictionary. Codes are stored in records, so none may go away."""
    ctx = await open_context(request)
    ctx.rights.require("core.setting", "update")
    name = require_dictionary(ctx, request.path_params["name"])
    body = read_object(await read_json(request))
    given: Choices = read_values(Choices, body)
    choices = [Choice(c.code, c.label, c.order, c.retired) for c in given.choices]
    return reply({"choices": await edit_dictionary(ctx, name, choices)})


def tenancy_routes() -> list[Route]:
    """Return the routes of settings and dictionaries."""

    def route(path: str, methods: Methods, right: str, fn: Any, doc: OperationDoc) -> Route:
        return Route(path, methods, {"permission": f"core.setting.{right}", "doc": doc}, fn)

    settings: dict[str, Any] = {"tag": "Settings", "each": settings_of}
    words: dict[str, Any] = {"tag": "Dictionaries", "each": dictionaries_of}
    showing = OperationDoc(id="settings_get", summary="The settings in force", **settings)
    changing = OperationDoc(
        id="settings_patch", summary="Change some settings", body=Any, **settings
    )
    asking = OperationDoc(id="dictionaries_get", summary="The choices, in order", **words)
    replacing = OperationDoc(
        id="dictionaries_put",
        summary="Replace the choices",
        description="Codes are stored in records, so none may go away.",
        body=Any,
        **words,
    )
    return [
        route("/api/settings/{name:str}", READ, "view", show_settings, showing),
        route("/api/settings/{name:str}", PATCH, "update", change_settings, changing),
        route("/api/dictionaries/{name:str}", READ, "view", show_dictionary, asking),
        route("/api/dictionaries/{name:str}", PUT, "update", change_dictionary, replacing),
    ]
