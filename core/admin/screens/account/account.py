"""What people do with their own account: name, language, time zone, look, password, sessions."""

from functools import cache
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

import msgspec
from litestar.response.base import ASGIResponse

from core.access.rights import SYSTEM
from core.admin import paths, preferences
from core.admin.forms.body import wrong_fields
from core.admin.page import Flash, Page
from core.admin.parts import Link, Option
from core.admin.preferences import Preferences
from core.admin.screens.account import login
from core.admin.session import cookies
from core.admin.words.devices import device
from core.auth.sign_in import changes, sessions
from core.database.connections import Unit
from core.errors import Invalid, NotFound, TooManyRequests
from core.rest.request.decode import read_id
from core.rest.request.origin import read_client
from core.runtime.transaction_settings import transaction_settings

HOME, SECURITY, KEYS = "/app/account/", "/app/account/security/", "/app/account/keys/"
MOST_NAME = 200
AREAS = (
    *("Africa", "America", "Antarctica", "Arctic", "Asia"),
    *("Atlantic", "Australia", "Europe", "Indian", "Pacific"),
)
MODES = ("system", "light", "dark")
SESSIONS = """
SELECT id, created_at, last_seen_at, address, user_agent, idle IS NOT NULL AS browser
  FROM core_session
 WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > now()
   AND deleted_at IS NULL ORDER BY last_seen_at DESC, id LIMIT 200
"""
RENAME = "UPDATE core_user SET name = $3 WHERE tenant_id = $1 AND id = $2 AND name <> $3"


def tabs(page: Page, active: str) -> list[Link]:
    """Return the pages of the account."""
    _ = page.translate
    found = [
        Link(_("Profile"), HOME, "circle-user", active == HOME),
        Link(_("Security"), SECURITY, "shield-check", active == SECURITY),
    ]
    if page.ctx.rights.may("core.api_key", "create"):
        found.append(Link(_("API keys"), KEYS, "key-round", active == KEYS))
    return found


@cache
def zones() -> tuple[str, ...]:
    """Return the time zones that people know by a city."""
    return tuple(
        sorted(z for z in available_timezones() if z == "UTC" or z.partition("/")[0] in AREAS)
    )


async def show_account(page: Page) -> ASGIResponse:
    """Show name and preferences."""
    return _account(page, {})


def _account(page: Page, errors: dict[str, str], status: int = 200) -> ASGIResponse:
    config, form = page.ctx.tenant.config, page.form
    languages = page.renderer.words.languages
    return page.render(
        "account.html",
        status=status,
        tabs=tabs(page, HOME),
        errors=errors,
        name=form.get("name") if "name" in form else (page.user or {})["name"],
        languages=[Option(code, name) for code, name in languages.items()],
        own_language=languages.get(page.renderer.words.language_of(config.locale), config.locale),
        zones=[Option(zone, zone.replace("_", " ")) for zone in zones()],
        own_zone=config.timezone,
    )


async def change_profile(page: Page) -> ASGIResponse:
    """Change one's own name; the address is an administrator's matter."""
    ctx, name = page.ctx, page.form.get("name").strip()
    if not 0 < len(name) <= MOST_NAME or not name.isprintable():
        text = page.translate("Write your name, in at most 200 characters.")
        return _account(page, {"name": text}, 400)
    user = UUID(ctx.principal.id)

    async def run(unit: Unit) -> None:
        await unit.execute(RENAME, ctx.tenant.id, user, name)

    await ctx.platform.database.write(changes.own_transaction_settings(ctx), run)
    return page.redirect(HOME, flash=Flash(page.translate("Your name is saved.")))


async def change_preferences(page: Page) -> ASGIResponse:
    """Store language, time zone, look and whether keys are shortcuts."""
    form = page.form
    locale, zone, mode = form.get("locale"), form.get("timezone"), form.get("mode", "system")
    _ = page.translate
    errors = {}
    if locale and locale not in page.renderer.words.languages:
        errors["locale"] = _("Choose a language of the list.")
    if zone and zone not in zones():
        errors["timezone"] = _("Choose a time zone of the list.")
    if mode not in MODES:
        errors["mode"] = _("Choose one of the list.")
    if errors:
        return _account(page, errors, 400)
    wanted = Preferences(locale, zone, _mode(mode), form.get("shortcuts") == "1")
    await preferences.store_preference(page.ctx, preferences.ACCOUNT, wanted)
    return page.redirect(HOME, flash=Flash(page.translate("Your preferences are saved.")))


def _mode(text: str) -> Any:
    return text if text in MODES else "system"


async def change_mode(page: Page) -> ASGIResponse:
    """Switch between light and dark, and go back to where that was done."""
    wanted = msgspec.structs.replace(page.preferences, mode=_mode(page.form.get("mode")))
    await preferences.store_preference(page.ctx, preferences.ACCOUNT, wanted)
    return page.redirect(paths.referring_path(page.request))


async def show_security(page: Page) -> ASGIResponse:
    """Show the form of a new password, and where one is signed in."""
    return await _security(page, {})


async def _security(page: Page, errors: dict[str, str], status: int = 200) -> ASGIResponse:
    ctx = page.ctx
    rows = await ctx.platform.database.read(
        changes.own_transaction_settings(ctx),
        lambda c: c.fetch(SESSIONS, ctx.tenant.id, UUID(ctx.principal.id)),
    )
    return page.render(
        "account_security.html",
        status=status,
        tabs=tabs(page, SECURITY),
        errors=errors,
        sessions=[
            {**dict(row), "device": device(row["user_agent"]), "here": row["id"] == page.session}
            for row in rows
        ],
    )


async def change_password(page: Page) -> ASGIResponse:
    """Replace one's own password: all other sessions end, and this one gets a new secret."""
    ctx, form, _ = page.ctx, page.form, page.translate
    if form.get("password") != form.get("again"):
        return await _security(page, {"again": _("The two passwords differ.")}, 400)
    try:
        await changes.change_password(
            ctx, form.get("old")[:1024], form.get("password")[:1024], read_client(page.request)
        )
    except Invalid as refused:
        found = wrong_fields(refused)
        names = {"old_password": "old", "new_password": "password"}
        errors = {names.get(name, name): page.tell(text) for name, text in found.items()}
        return await _security(page, errors, 400)
    except TooManyRequests as refused:
        words = _("Too many attempts. Wait %(seconds)s seconds, then try again.")
        text = words % {"seconds": refused.headers.get("Retry-After", "1")}
        return await _security(page, {"old": text}, 429)
    await _renew(page)
    text = _("Your password is changed. Everywhere else you have been signed out.")
    return page.redirect(SECURITY, flash=Flash(text))


async def _renew(page: Page) -> None:
    tenant = page.ctx.tenant
    page.bound = await page.platform.database.write(
        transaction_settings(tenant.id, SYSTEM, "*"),
        lambda unit: cookies.renew(unit, tenant, page.session),
    )
    page.cookies.append(cookies.set_cookie(page.request, page.bound))


async def end_session(page: Page) -> ASGIResponse:
    """End one of one's own sessions; ending this one is signing out."""
    ctx, session = page.ctx, read_id(page.request.path_params["id"])
    if session == page.session:
        return await login.sign_out(page)
    user = UUID(ctx.principal.id)
    ended = await ctx.write(lambda unit: sessions.end(unit, ctx.tenant, user, session, "ended"))
    if not ended:
        raise NotFound
    return page.redirect(SECURITY, flash=Flash(page.translate("The session has ended.")))


async def end_others(page: Page) -> ASGIResponse:
    """End all of one's own sessions but this one."""
    ctx = page.ctx
    user = UUID(ctx.principal.id)
    await ctx.write(
        lambda unit: sessions.end_all(unit, ctx.tenant, user, "ended", but=page.session)
    )
    text = page.translate("Everywhere else you have been signed out.")
    return page.redirect(SECURITY, flash=Flash(text))
