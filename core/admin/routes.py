"""Every route of the web UI, and the looks that its pages share."""

from pathlib import Path

from litestar import HttpMethod
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from core.admin import home, login
from core.admin.assets import asset_route
from core.admin.environment import Looks
from core.admin.page import READ, WRITE, page_route
from core.admin.view import AnyRequest
from core.auth.credentials import tenant_at
from core.errors import NotFound
from core.registry import Registry

# Pages that need nobody signed in; the kernel's list of public routes names them too.
PUBLIC = frozenset(
    (
        "/",
        "/{resource:str}",
        "/app/login",
        "/app/reset",
        "/app/static/{name:path}",
    )
)


def make_looks(registry: Registry) -> Looks:
    """Return themes, words and files of the kernel and of the installed plugins."""
    own = {n: Path(p.path) for n, p in registry.plugins.items() if n != "core"}
    return Looks(own)


def admin_routes(registry: Registry, looks: Looks) -> list[HTTPRouteHandler]:
    """Return the routes of all pages."""
    own = "signed_in"
    return [
        page_route("/app/login", READ, "", login.show_login, public=True),
        page_route("/app/login", WRITE, "", login.sign_in, public=True),
        page_route("/app/logout", WRITE, own, login.sign_out),
        page_route("/app/reset", READ, "", login.show_reset, public=True),
        page_route("/app/reset", WRITE, "", login.reset, public=True),
        page_route("/app", READ, own, home.show_home),
        asset_route(looks.assets),
        *_shortcuts(registry),
    ]


def _shortcuts(registry: Registry) -> list[HTTPRouteHandler]:
    """Return the addresses that people type: ``/`` and ``/customers`` lead to the pages."""
    listed = {e.resource: n for n, e in registry.entities.items() if "list" in e.verbs}

    async def lead(request: AnyRequest) -> ASGIResponse:
        resource = str(request.path_params.get("resource", ""))
        tenant = tenant_at(request.app.state.platform, request.headers.get("host", ""))
        name = listed.get(resource)
        if resource and (name is None or (tenant and name not in tenant.entities)):
            raise NotFound
        path = f"/app/{resource}/" if resource else "/app/"
        return ASGIResponse(status_code=302, headers={"location": path})

    def route(path: str) -> HTTPRouteHandler:
        made = HTTPRouteHandler(
            path,
            http_method=[HttpMethod.GET, HttpMethod.HEAD],
            opt={"public": True, "page": True},
            status_code=200,
            include_in_schema=False,
        )
        return made(lead)

    return [route("/"), route("/{resource:str}")]
