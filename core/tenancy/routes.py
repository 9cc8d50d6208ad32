"""What people of a tenant edit: settings per plugin and dictionaries, laid over the file."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from litestar import HttpMethod, Request
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from msgspec import Meta

from core.database.doors import Unit
from core.errors import Invalid, NotFound
from core.registry import Choice
from core.rest.actions import read_values
from core.rest.context import Context, open_context
from core.rest.decode import read_json, read_object
from core.rest.doc import Doc
from core.rest.replies import encode, reply
from core.tenancy.tenant import Tenant

AnyRequest = Request[Any, Any, Any]
MOST_CHOICES = 200
STORED = """
SELECT value FROM core_setting
 WHERE tenant_id = $1 AND kind = $2 AND name = $3 AND deleted_at IS NULL
"""
LAY = """
INSERT INTO core_setting (tenant_id, kind, name, value) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant_id, kind, name) WHERE deleted_at IS NULL DO UPDATE SET value = excluded.value
"""


Short = Annotated[str, Meta(min_length=1, max_length=50)]


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One choice as it is sent."""

    code: Short
    label: Short
    order: Annotated[int, Meta(ge=-(10**6), le=10**6)] = 0


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


async def _lay(ctx: Context, kind: str, name: str, change: Callable[[Any], Any]) -> None:
    """Store an edit and take it over in this worker at once; the others follow within 2 s.

    ``change`` gets what is stored, or None, and returns what shall be: two people who edit at
    once take turns.
    """

    async def run(unit: Unit) -> None:
        await unit.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"{kind}:{name}"
        )
        stored = await unit.fetchval(STORED, ctx.tenant.id, kind, name)
        await unit.execute(LAY, ctx.tenant.id, kind, name, encode(change(stored)).decode())

    await ctx.write(run)
    await ctx.platform.renew(ctx.tenant)


def _plugin(ctx: Context, name: str) -> str:
    if name not in ctx.tenant.enabled or ctx.platform.registry.plugins[name].settings is None:
        raise NotFound
    return name


async def show_settings(request: AnyRequest) -> ASGIResponse:
    """Answer the settings of one plugin, as they are in force."""
    ctx = await open_context(request)
    ctx.rights.require("core.setting", "view")
    await ctx.fetchval("SELECT 1")
    return reply(ctx.tenant.settings(_plugin(ctx, request.path_params["name"])))


async def change_settings(request: AnyRequest) -> ASGIResponse:
    """Lay the sent settings over the file's; the plugin's own struct judges the whole."""
    ctx = await open_context(request)
    ctx.rights.require("core.setting", "update")
    name = _plugin(ctx, request.path_params["name"])
    body = read_object(await read_json(request))
    struct = ctx.platform.registry.plugins[name].settings
    defaults = ctx.tenant.config.settings.get(name, {})

    def laid(stored: Any) -> dict[str, Any]:
        edited = {**(stored or {}), **body}
        read_values(struct, {**defaults, **edited})
        return edited

    await _lay(ctx, "settings", name, laid)
    return reply(ctx.platform.by_id[ctx.tenant.id].settings(name))


async def show_dictionary(request: AnyRequest) -> ASGIResponse:
    """Answer the choices of one dictionary, in order."""
    ctx = await open_context(request)
    ctx.rights.require("core.setting", "view")
    await ctx.fetchval("SELECT 1")
    return reply({"choices": ctx.tenant.dictionary(_dictionary(ctx, request))})


def _dictionary(ctx: Context, request: AnyRequest) -> str:
    name = str(request.path_params["name"])
    known = ctx.platform.registry.dictionaries
    if name not in known or name.partition(".")[0] not in ctx.tenant.enabled:
        raise NotFound
    return name


async def change_dictionary(request: AnyRequest) -> ASGIResponse:
    """Replace the choices of one dictionary. Codes are stored in records, so none may go away."""
    ctx = await open_context(request)
    ctx.rights.require("core.setting", "update")
    name = _dictionary(ctx, request)
    body = read_object(await read_json(request))
    given: Choices = read_values(Choices, body)
    choices = [Choice(c.code, c.label, c.order) for c in given.choices]

    def laid(stored: Any) -> list[Choice]:
        known = msgspec.convert(stored, list[Choice]) if stored else ctx.tenant.dictionary(name)
        _check_choices(choices, {choice.code for choice in known})
        return choices

    await _lay(ctx, "dictionary", name, laid)
    return reply({"choices": ctx.platform.by_id[ctx.tenant.id].dictionary(name)})


def _check_choices(choices: list[Choice], stored: set[str]) -> None:
    for place, choice in enumerate(choices):
        for text in (choice.code, choice.label):
            if not text.strip():
                raise Invalid.field(f"#/choices/{place}", "A choice needs a word.", "required")
    codes = [choice.code for choice in choices]
    if len(set(codes)) != len(codes):
        raise Invalid.field("#/choices", "A code stands twice.", "unique")
    if gone := stored - set(codes):
        raise Invalid.field("#/choices", f"Codes stay: {', '.join(sorted(gone))}.", "removed")


def tenancy_routes() -> list[HTTPRouteHandler]:
    """Return the routes of settings and dictionaries."""

    def route(
        path: str, methods: list[HttpMethod], right: str, fn: Any, doc: Doc
    ) -> HTTPRouteHandler:
        opt = {"permission": f"core.setting.{right}", "doc": doc}
        return HTTPRouteHandler(path, http_method=methods, opt=opt, include_in_schema=False)(fn)

    read, patch, put = [HttpMethod.GET, HttpMethod.HEAD], [HttpMethod.PATCH], [HttpMethod.PUT]
    settings: dict[str, Any] = {"tag": "Settings", "each": settings_of}
    words: dict[str, Any] = {"tag": "Dictionaries", "each": dictionaries_of}
    showing = Doc(id="settings_get", summary="The settings in force", **settings)
    changing = Doc(id="settings_patch", summary="Change some settings", body=Any, **settings)
    asking = Doc(id="dictionaries_get", summary="The choices, in order", **words)
    replacing = Doc(
        id="dictionaries_put",
        summary="Replace the choices",
        description="Codes are stored in records, so none may go away.",
        body=Any,
        **words,
    )
    return [
        route("/api/settings/{name:str}", read, "view", show_settings, showing),
        route("/api/settings/{name:str}", patch, "update", change_settings, changing),
        route("/api/dictionaries/{name:str}", read, "view", show_dictionary, asking),
        route("/api/dictionaries/{name:str}", put, "update", change_dictionary, replacing),
    ]
