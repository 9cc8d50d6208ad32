"""A page for somebody who is signed in, and the route that serves it."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID

from litestar import Request
from litestar.response.base import ASGIResponse

from core.admin import nav
from core.admin.forms.body import read_form
from core.admin.portals import is_closed, is_open_to_all
from core.admin.preferences import parse_preferences
from core.admin.session import cookies, csrf
from core.admin.session.cookies import VISITOR
from core.admin.session.flash import Flash
from core.admin.view import View
from core.auth.credentials import check_tenant_names, tenant_at
from core.errors import Forbidden, NotFound, Refused, Unauthenticated
from core.rest.request.origin import read_reason, request_origin
from core.rest.route import POST, READ, Methods, Route
from core.runtime.context import Context
from core.runtime.platform import Platform
from core.runtime.tenant import Tenant

__all__ = ["READ", "WRITE", "Flash", "Page", "SignedOut", "open_page", "page_route"]
AnyRequest = Request[Any, Any, Any]
WRITE = POST
# To what the forms of somebody who is not known at all are bound; none of them is ever good.
NOBODY = "nobody"


class SignedOut(Unauthenticated):
    """Nobody is signed in, or no longer."""

    code, detail = "signed_out", "You are not signed in, or your session has ended."


class NoCookie(Forbidden):
    """The browser kept no cookie; without one nobody can sign in."""

    code = "no_cookie"
    detail = (
        "Your browser sent no cookie. Allow cookies for this address; if it begins with http://,"
        " use https:// instead."
    )


class Page(View):
    """A page with the same context as a REST request: tenant, principal, rights and doors."""

    def __init__(self, request: AnyRequest, ctx: Context, session: cookies.BrowserSession) -> None:
        preferences = parse_preferences(session.preferences)
        super().__init__(request, ctx.tenant, session.secret.text(), preferences)
        self.ctx = ctx
        self.session: UUID = session.session
        self.user = {"id": ctx.principal.id, "name": session.name, "email": session.email}
        self.nav = nav.navigation(ctx, request.scope["path"])
        self.closed = is_closed(ctx.tenant, ctx.principal)

    def values(self) -> dict[str, Any]:
        """Return what every template gets; ``ctx`` tells what the reader may do."""
        return {**super().values(), "ctx": self.ctx}


async def open_page(request: AnyRequest) -> Page:
    """Return the page of a request; only the cookie can name a person.

    Refuses with ``SignedOut``, and with ``NotFound`` a page of a plugin that is off.
    """
    scope = request.scope
    platform: Platform = scope["litestar_app"].state.platform
    session = await cookies.find_session(platform, request)
    if session is None:
        raise SignedOut
    headers = dict(scope["headers"])
    check_tenant_names(platform, session.tenant, headers, request.headers.get("host", ""))
    tenant = await platform.fresh(session.tenant)
    state = scope["state"]
    state["tenant"], state["principal"] = tenant, session.principal
    ctx = Context(
        platform,
        tenant,
        session.principal,
        state.get("request_id", ""),
        partial(request_origin, request),
    )
    ctx.reason = read_reason(headers)
    page = Page(request, ctx, session)
    plugin = request.route_handler.opt.get("plugin")
    if plugin is not None and plugin not in tenant.enabled:
        raise NotFound
    if page.closed and not is_open_to_all(
        scope["path"], request.route_handler.opt, session.principal.roles
    ):
        raise NotFound
    return page


async def _open_or_read_form(request: AnyRequest, *, writes: bool) -> Page:
    """Return the page; if there is none (any more), keep what was typed for it."""
    try:
        return await open_page(request)
    except Refused as refused:
        if writes:
            view = request.scope["state"].get("view")
            if view is None or isinstance(refused, SignedOut):
                view = View(request, host_tenant(request), NOBODY)
            view.form = await read_form(request, csrf.check_media(request))
        raise


def host_tenant(request: AnyRequest) -> Tenant | None:
    """Return the tenant of the host."""
    platform: Platform = request.scope["litestar_app"].state.platform
    return tenant_at(platform, request.headers.get("host", ""))


def open_public_page(request: AnyRequest, tenant: Tenant | None = None) -> View:
    """Return a page for a visitor who is not signed in; its forms are bound to a visitor's cookie.

    Without that, another site could sign a visitor in to an account of its choice (login CSRF).
    """
    tenant = host_tenant(request) or tenant
    visitor = cookies.read_visitor(request)
    if visitor is not None:
        return View(request, tenant, f"{VISITOR} {visitor}")
    if request.method not in csrf.SAFE:
        raise NoCookie
    visitor = cookies.new_visitor()
    view = View(request, tenant, f"{VISITOR} {visitor}")
    view.cookies.append(cookies.set_cookie(request, visitor, VISITOR))
    return view


def page_route(
    path: str,
    methods: Methods,
    permission: str,
    fn: Callable[[Any], Awaitable[ASGIResponse]],
    *,
    plugin: str | None = None,
    public: bool = False,
) -> Route:
    """Return the route of a page; ``permission`` is held by the caller before ``fn`` is asked.

    A public page gets a ``View`` and is named in the kernel's list. ``fn`` of a method that
    writes finds ``page.form`` read, and proved to be ours.
    """
    entity, _, right = permission.rpartition(".")

    async def serve(request: AnyRequest) -> ASGIResponse:
        writes = request.method not in csrf.SAFE
        if writes:
            csrf.check_origin(request)
        view = (
            open_public_page(request)
            if public
            else await _open_or_read_form(request, writes=writes)
        )
        if writes:
            await view.read_form()
        if isinstance(view, Page) and entity:
            view.ctx.rights.require(entity, right)
        return await fn(view)

    opt: dict[str, Any] = {"page": True}
    opt |= {"public": True} if public else {"permission": permission}
    if plugin is not None:
        opt["plugin"] = plugin
    return Route(path, methods, opt, serve)
