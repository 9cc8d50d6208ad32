"""Every route of the web UI, and the renderer that its pages share."""

from pathlib import Path

from litestar.response.base import ASGIResponse

from core.admin.look.assets import asset_route
from core.admin.look.brand import brand_route
from core.admin.look.environment import Renderer
from core.admin.page import READ, WRITE, page_route
from core.admin.screens import palette, portal
from core.admin.screens.account import account, keys, login
from core.admin.screens.board import board_screen
from core.admin.screens.bulk import bulk, export, trash, undo
from core.admin.screens.dashboard import dashboard_screen
from core.admin.screens.form import form_screen, lookup
from core.admin.screens.history import achievements, history_screen, log
from core.admin.screens.list import list_screen
from core.admin.screens.record import actions, record_screen
from core.admin.screens.styleguide import styleguide
from core.admin.screens.tenant import apps, brand, dictionaries, people, roles, settings
from core.admin.screens.tenant import keys as tenant_keys
from core.admin.view import AnyRequest
from core.auth.credentials import tenant_at
from core.errors import NotFound
from core.registry.registry import Registry
from core.rest.route import Route

# Pages that need nobody signed in; the kernel's list of public routes names them too.
PUBLIC = frozenset(
    (
        "/",
        "/{resource:str}",
        "/app/login",
        "/app/reset",
        "/app/static/{name:path}",
        "/app/brand/{name:str}",
    )
)
# The screens that are made from the registry.
SCREENS = (
    *(list_screen, bulk, export, board_screen, trash, undo),
    *(record_screen, form_screen, lookup, actions),
    *(history_screen, achievements, log, palette, dashboard_screen, portal),
    *(apps, settings, dictionaries, brand, people, roles, tenant_keys),
)
# First words of the kernel's own pages: no entity's pages may lie there.
RESERVED = frozenset(
    (
        *("account", "apps", "branding", "brand", "dashboard", "dictionaries", "help", "keys"),
        *("arrange", "log", "login", "me"),
        *("logout", "palette", "people", "portal", "reset", "roles", "search", "settings"),
        *("static", "styleguide", "views"),
    )
)


def make_renderer(registry: Registry) -> Renderer:
    """Return themes, words and files of the kernel and of the installed plugins."""
    own = {n: Path(p.path) for n, p in registry.plugins.items() if n != "core"}
    return Renderer(own)


def admin_routes(registry: Registry, renderer: Renderer) -> list[Route]:
    """Return the routes of all pages: the kernel's own, then those made from the registry."""
    return [
        *own_pages(renderer),
        *_shortcuts(registry),
        *(route for screen in SCREENS for route in screen.routes(registry)),
    ]


def own_pages(renderer: Renderer) -> list[Route]:
    """Return the pages that no entity has; each begins with a reserved word."""
    own = "signed_in"
    return [
        page_route("/app/login", READ, "", login.show_login, public=True),
        page_route("/app/login", WRITE, "", login.sign_in, public=True),
        page_route("/app/logout", WRITE, own, login.sign_out),
        page_route("/app/reset", READ, "", login.show_reset, public=True),
        page_route("/app/reset", WRITE, "", login.reset, public=True),
        page_route("/app", READ, own, dashboard_screen.show_home),
        page_route("/app/styleguide", READ, own, styleguide),
        *_account(),
        asset_route(renderer.assets),
        brand_route(renderer.brands, renderer.themes),
    ]


def _account() -> list[Route]:
    own, making = "signed_in", "core.api_key.create"
    return [
        page_route("/app/account", READ, own, account.show_account),
        page_route("/app/account/profile", WRITE, own, account.change_profile),
        page_route("/app/account/likes", WRITE, own, account.change_preferences),
        page_route("/app/account/mode", WRITE, own, account.change_mode),
        page_route("/app/account/security", READ, own, account.show_security),
        page_route("/app/account/password", WRITE, own, account.change_password),
        page_route("/app/account/sessions/end_others", WRITE, own, account.end_others),
        page_route("/app/account/sessions/{id:str}/end", WRITE, own, account.end_session),
        page_route("/app/account/keys", READ, making, keys.show_keys),
        page_route("/app/account/keys", WRITE, making, keys.create_key),
        page_route("/app/account/keys/{id:str}/revoke", WRITE, own, keys.revoke_key),
    ]


def _shortcuts(registry: Registry) -> list[Route]:
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

    def route(path: str) -> Route:
        return Route(path, READ, {"public": True, "page": True}, lead)

    return [route("/"), route("/{resource:str}")]
