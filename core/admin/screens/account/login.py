"""Signing in and out, and setting a password anew, as pages that need no JavaScript."""

from hmac import compare_digest
from typing import Any
from uuid import UUID

from litestar.response.base import ASGIResponse

from core.access.rights import SYSTEM
from core.admin import paths
from core.admin.headers import PAGE, SIGN_OUT
from core.admin.page import Page
from core.admin.session import cookies
from core.admin.view import View
from core.auth.sign_in import changes, service, sessions
from core.errors import Invalid, NotFound, TooManyRequests, Unauthenticated
from core.rest.request.origin import read_client
from core.runtime.tenant import Tenant
from core.runtime.transaction_settings import transaction_settings

LONGEST_EMAIL, LONGEST_PASSWORD, LONGEST_SLUG = 254, 1024, 100


def _query(view: View, name: str) -> str:
    given = view.request.query_params.getall(name, [])
    return str(given[0]) if len(given) == 1 else ""


def _named_tenant(view: View, slug: str) -> Tenant | None:
    """Return the tenant of the host, the one that was named, or the only one there is."""
    tenants = view.platform.by_slug
    if view.tenant is not None:
        return view.tenant
    if not slug and len(tenants) == 1:
        return next(iter(tenants.values()))
    return tenants.get(slug[:LONGEST_SLUG])


def _notices(view: View) -> dict[str, str]:
    """Return what the login page may be told to say; an address cannot put words into it."""
    _ = view.translate
    return {
        "signed_out": _("You have signed out."),
        "password_set": _("Your password is set. Sign in with it."),
        "asked": _("If the address is known here, a way to set a password follows."),
    }


async def show_login(view: View) -> ASGIResponse:
    """Show the login page; whoever is signed in goes on, and at an address of all, chooses."""
    back = paths.local_path(_query(view, "next"))
    if await cookies.find_session(view.platform, view.request) is not None:
        return view.redirect(back)
    slug = _query(view, "tenant")
    tenant = _named_tenant(view, slug)
    if tenant is None and not slug:
        return view.render("choose.html", tenants=_local_tenants(view), next=back)
    return _login(view, slug if view.tenant is None else "", back)


def _local_tenants(view: View) -> list[dict[str, str]]:
    """Return where the tenants live, for whoever sits at this machine; nobody else gets a list."""
    if not cookies.is_local(view.request):
        return []
    port = view.request.headers.get("host", "").rpartition(":")[2]
    tail = f":{port}" if port.isdigit() else ""
    found = []
    for slug, tenant in sorted(view.platform.by_slug.items()):
        near = [host for host in tenant.config.hosts if host.endswith(".localhost")]
        href = f"http://{near[0].partition(':')[0]}{tail}/app/login/" if near else ""
        found.append({"name": tenant.config.name or slug, "slug": slug, "href": href})
    return found


def _login(view: View, slug: str, back: str, status: int = 200, **values: Any) -> ASGIResponse:
    notice = _notices(view).get(_query(view, "notice"), "")
    given = {"error": "", "email": "", "notice": "" if status != 200 else notice, **values}
    wait = given.pop("wait", "")
    headers = {"Retry-After": wait} if wait else {}
    return view.render("login.html", status=status, headers=headers, slug=slug, next=back, **given)


async def sign_in(view: View) -> ASGIResponse:
    """Sign somebody in; what was refused is shown with what to do, and the address is kept."""
    form, _ = view.form, view.translate
    email, slug = form.get("email").strip(), form.get("tenant").strip()
    back = paths.local_path(form.get("next"))
    try:
        tenant, entered = await _enter(view, email, form.get("password"), slug)
    except TooManyRequests as refused:
        wait = refused.headers.get("Retry-After", "1")
        words = _("Too many attempts. Wait %(seconds)s seconds, then try again.")
        text = words % {"seconds": wait}
        return _login(view, slug, back, 429, error=text, email=email, wait=wait)
    except Unauthenticated:
        text = _("E-mail or password is wrong.")
        return _login(view, slug, back, 401, error=text, email=email)
    await _end_former(view)
    view.cookies.append(cookies.set_cookie(view.request, entered.refresh))
    view.cookies.append(cookies.set_cookie(view.request, "", cookies.VISITOR))
    view.request.scope["state"]["tenant"] = tenant
    return view.redirect(back)


async def _enter(
    view: View, email: str, password: str, slug: str
) -> tuple[Tenant, sessions.OpenedSession]:
    tenant = _named_tenant(view, slug)
    if slug and tenant is None:
        raise service.WrongLogin
    if not email or len(email) > LONGEST_EMAIL or not 0 < len(password) <= LONGEST_PASSWORD:
        raise service.WrongLogin
    client = read_client(view.request)
    return await service.login(view.platform, email, password, tenant, client, start=cookies.start)


async def _end_former(view: View) -> None:
    """End the session that this browser had: one browser is one person at a time."""
    found = await cookies.find_session(view.platform, view.request)
    if found is None:
        return
    tenant, session, user = found.tenant, found.session, UUID(found.principal.id)
    await view.platform.database.write(
        transaction_settings(tenant.id, SYSTEM, "*"),
        lambda unit: sessions.end(unit, tenant, user, session, "signed_in_anew"),
    )


async def sign_out(page: Page) -> ASGIResponse:
    """End this session, and have the browser forget what it showed."""
    ctx, user = page.ctx, UUID(page.ctx.principal.id)
    await ctx.write(lambda unit: sessions.end(unit, ctx.tenant, user, page.session, "logout"))
    page.cookies = [cookies.set_cookie(page.request, "")]
    path = f"{paths.LOGIN}?notice=signed_out"
    if page.hx:
        return page.answer("", 200, {**PAGE, **SIGN_OUT, "hx-redirect": path})
    return page.answer("", 303, {**PAGE, **SIGN_OUT, "location": path})


async def show_reset(view: View) -> ASGIResponse:
    """Show the page that asks for a link, or, opened by one, the page that sets a password."""
    token, slug = _query(view, "token"), _query(view, "tenant")
    return view.render("reset.html", token=token, slug=slug, email="", errors={}, stale=False)


async def reset(view: View) -> ASGIResponse:
    """Take either of the two forms of that page."""
    form = view.form
    if form.get("token"):
        return await _set_password(view, form.get("token"), form.get("password"))
    email, slug = form.get("email").strip()[:LONGEST_EMAIL], form.get("tenant").strip()
    await changes.request_reset(
        view.platform, email, _named_tenant(view, slug), read_client(view.request)
    )
    return view.redirect(f"{paths.LOGIN}?notice=asked")


async def _set_password(view: View, token: str, password: str) -> ASGIResponse:
    _ = view.translate
    values: dict[str, Any] = {"token": token, "slug": "", "email": "", "errors": {}, "stale": False}
    if not compare_digest(password.encode(), view.form.get("again").encode()):
        values["errors"] = {"again": _("The two passwords differ.")}
        return view.render("reset.html", status=400, **values)
    try:
        await changes.reset_password(view.platform, token, password, view.tenant)
    except NotFound:
        return view.render("reset.html", status=404, **{**values, "token": "", "stale": True})
    except Invalid as refused:
        values["errors"] = {"password": _(refused.detail)}
        return view.render("reset.html", status=400, **values)
    return view.redirect(f"{paths.LOGIN}?notice=password_set")
