"""The routes of the installed plugins, and of switching them on and off for a tenant."""

from typing import Any

from litestar.response.base import ASGIResponse

from core.rest.operation_doc import OperationDoc
from core.rest.request.context import open_context
from core.rest.responses import reply
from core.rest.route import POST, READ, AnyRequest, Methods, Route
from core.tenancy.apps import Apps, Switched, installed_apps, switch_app


async def show_apps(request: AnyRequest) -> ASGIResponse:
    """Answer the installed plugins."""
    ctx = await open_context(request)
    ctx.rights.require("core.setting", "view")
    await ctx.fetchval("SELECT 1")
    return reply(Apps(installed_apps(ctx)))


async def enable_app(request: AnyRequest) -> ASGIResponse:
    """Enable a plugin, and what it requires, for the tenant."""
    return await _switch(request, on=True)


async def disable_app(request: AnyRequest) -> ASGIResponse:
    """Disable a plugin for the tenant; its data stays."""
    return await _switch(request, on=False)


async def _switch(request: AnyRequest, *, on: bool) -> ASGIResponse:
    ctx = await open_context(request)
    return reply(await switch_app(ctx, str(request.path_params["name"]), on=on))


def app_routes() -> list[Route]:
    """Return the routes of the installed plugins."""

    def route(path: str, methods: Methods, right: str, fn: Any, doc: OperationDoc) -> Route:
        return Route(path, methods, {"permission": f"core.setting.{right}", "doc": doc}, fn)

    listed = OperationDoc(id="apps_list", summary="The installed plugins", tag="Apps", answer=Apps)
    switched: dict[str, Any] = {"tag": "Apps", "answer": Switched, "refuses": (404, 409)}
    on = OperationDoc(
        id="apps_enable",
        summary="Enable a plugin for the tenant",
        description="Plugins that it requires are enabled too. 409: the file is read-only.",
        **switched,
    )
    off = OperationDoc(
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
