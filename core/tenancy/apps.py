"""Apps: the plugins that are installed, and switching them on and off for a tenant."""

import asyncio
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request
from litestar.response.base import ASGIResponse

from core.auth import events
from core.database.connections import Unit
from core.errors import NotFound
from core.rest.context import open_context
from core.rest.operation_doc import Doc
from core.rest.responses import reply
from core.rest.route import POST, READ, Methods, Route
from core.runtime.context import Context

AnyRequest = Request[Any, Any, Any]


class App(msgspec.Struct, frozen=True):
    """One installed plugin, as an administrator sees it."""

    name: str
    title: str
    summary: str
    version: str
    requires: tuple[str, ...]
    enabled: bool
    has_settings: bool


class Apps(msgspec.Struct, frozen=True):
    """Every plugin that this server can serve."""

    apps: tuple[App, ...]


class Switched(msgspec.Struct, frozen=True):
    """What a switch changed: the plugin itself and, when enabling, what it requires."""

    changed: tuple[str, ...]
    enabled: tuple[str, ...]


def installed(ctx: Context) -> tuple[App, ...]:
    """Return the plugins that the server has loaded, and whether the tenant has them on."""
    found = []
    for name, plugin in sorted(ctx.platform.registry.plugins.items()):
        if name != "core":
            manifest = plugin.manifest
            found.append(
                App(
                    name=name,
                    title=manifest.title,
                    summary=manifest.summary,
                    version=manifest.version,
                    requires=manifest.requires,
                    enabled=name in ctx.tenant.enabled,
                    has_settings=plugin.settings is not None,
                )
            )
    return tuple(found)


async def show_apps(request: AnyRequest) -> ASGIResponse:
    """Answer the installed plugins."""
    ctx = await open_context(request)
    ctx.rights.require("core.setting", "view")
    await ctx.fetchval("SELECT 1")
    return reply(Apps(installed(ctx)))


async def switch(ctx: Context, name: str, *, on: bool) -> Switched:
    """Edit the configuration file, take it over in this worker and record who did it."""
    ctx.rights.require("core.setting", "update")
    # The credential is judged by the database before a file is touched.
    await ctx.fetchval("SELECT 1")
    if name not in ctx.platform.registry.plugins or name == "core":
        raise NotFound
    # The file is locked and written: nothing else waits for that.
    file = ctx.platform.file
    changed = await asyncio.to_thread(file.switch_plugin, ctx.tenant.slug, name, on)
    await ctx.platform.refresh()
    if changed:
        await _record(ctx, changed, on=on)
    enabled = ctx.platform.by_id[ctx.tenant.id].enabled - {"core"}
    return Switched(changed, tuple(sorted(enabled)))


async def _switch(request: AnyRequest, *, on: bool) -> ASGIResponse:
    ctx = await open_context(request)
    return reply(await switch(ctx, str(request.path_params["name"]), on=on))


async def _record(ctx: Context, changed: tuple[str, ...], *, on: bool) -> None:
    kind = "plugin_enabled" if on else "plugin_disabled"
    user = UUID(ctx.principal.id) if ctx.principal.id else None

    async def run(unit: Unit) -> None:
        for name in changed:
            await events.note(unit, ctx.tenant.id, kind, user, plugin=name)

    await ctx.write(run)


async def enable_app(request: AnyRequest) -> ASGIResponse:
    """Enable a plugin, and what it requires, for the tenant."""
    return await _switch(request, on=True)


async def disable_app(request: AnyRequest) -> ASGIResponse:
    """Disable a plugin for the tenant; its data stays."""
    return await _switch(request, on=False)


def app_routes() -> list[Route]:
    """Return the routes of the installed plugins."""

    def route(path: str, methods: Methods, right: str, fn: Any, doc: Doc) -> Route:
        return Route(path, methods, {"permission": f"core.setting.{right}", "doc": doc}, fn)

    listed = Doc(id="apps_list", summary="The installed plugins", tag="Apps", answer=Apps)
    switched: dict[str, Any] = {"tag": "Apps", "answer": Switched, "refuses": (404, 409)}
    on = Doc(
        id="apps_enable",
        summary="Enable a plugin for the tenant",
        description="Plugins that it requires are enabled too. 409: the file is read-only.",
        **switched,
    )
    off = Doc(
        id="apps_disable",
        summary="Disable a plugin for the tenant",
        description="Its data stays. 409: another enabled plugin requires it.",
        **switched,
    )
    return [
        route("/api/apps", READ, "view", show_apps, listed),
        route("/api/apps/{name:str}/enable", POST, "update", enable_app, on),
        route("/api/apps/{name:str}/disable", POST, "update", disable_app, off),
    ]
