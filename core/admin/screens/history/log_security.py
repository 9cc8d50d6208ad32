"""The log's second page: sign-ins and security events, searched and filtered."""

from operator import attrgetter
from urllib.parse import urlencode

import msgspec
from litestar.response.base import ASGIResponse

from core.admin.page import Page
from core.admin.parts import Option
from core.admin.screens.history.history_format import by_day, person_label
from core.admin.screens.history.log_bar import BODY, SECURITY, chosen_filters, log_query, tabs
from core.admin.words.devices import device
from core.audit.security import SecurityEvent, SecurityQuery, read_security_log
from core.errors import Invalid
from core.model.struct_values import read_query

NAMES = ("q", "kind", "by", "from", "to")
LOOKS = {
    "signed_in": ("log-in", "success"),
    "login_refused": ("shield-alert", "danger"),
    "session_ended": ("log-out", "neutral"),
    "refresh_reused": ("shield-alert", "danger"),
    "api_key_made": ("key-round", "warning"),
    "password_changed": ("lock", "info"),
    "password_refused": ("circle-x", "danger"),
    "password_reset": ("lock", "info"),
    "password_link": ("link", "warning"),
    "password_set_by_operator": ("lock", "warning"),
    "reset_requested": ("mail", "warning"),
    "user_deactivated": ("user-x", "danger"),
    "plugin_enabled": ("power", "success"),
    "plugin_disabled": ("power", "neutral"),
}


class Line(msgspec.Struct, frozen=True):
    """One event as the timeline takes it; ``details`` are told under it."""

    title: str
    icon: str
    tone: str
    who: str
    at: str
    when: str
    day: str
    details: tuple[str, ...]


async def show_security(page: Page) -> ASGIResponse:
    """Show the newest events that fit the address."""
    chosen = chosen_filters(page, NAMES)
    found, cursor, problem = list[SecurityEvent](), None, ""
    try:
        asked: SecurityQuery = read_query(SecurityQuery, await log_query(page, chosen))
        found, cursor = await page.ctx.read(lambda c: read_security_log(page.ctx, c, asked))
    except Invalid as refused:
        problem = page.tell(refused.sentence)
    part = page.hx and page.htmx.target_id == BODY
    return page.render(
        "log_security_body.html" if part else "log_security.html",
        status=400 if problem else 200,
        tabs=tabs(page, SECURITY),
        problem=problem,
        chosen=chosen,
        home=SECURITY,
        kinds=[Option(name, words) for name, words in kind_words(page).items()],
        lines=_lines(page, found),
        more=f"{SECURITY}?{urlencode({**chosen, 'cursor': cursor})}" if cursor else "",
    )


def kind_words(page: Page) -> dict[str, str]:
    """Return what can happen, in words."""
    say = page.translate
    return {
        "signed_in": say("Signed in"),
        "login_refused": say("Sign-in refused"),
        "session_ended": say("Session ended"),
        "refresh_reused": say("A used token came back"),
        "api_key_made": say("API key made"),
        "password_changed": say("Password changed"),
        "password_refused": say("Old password wrong"),
        "password_reset": say("Password set by link"),
        "password_link": say("Link for a password made"),
        "password_set_by_operator": say("Password set by an operator"),
        "reset_requested": say("New password asked for"),
        "user_deactivated": say("User deactivated"),
        "plugin_enabled": say("App switched on"),
        "plugin_disabled": say("App switched off"),
    }


def _reasons(page: Page) -> dict[str, str]:
    """Return why a session ended, in words."""
    say = page.translate
    return {
        "logout": say("Signed out"),
        "logout_all": say("Signed out everywhere"),
        "ended": say("Ended from another device"),
        "signed_in_anew": say("Signed in anew"),
        "password_changed": say("The password was changed"),
        "user_changed": say("The user's roles or access changed"),
        "reuse": say("A used token came back"),
    }


def _lines(page: Page, found: list[SecurityEvent]) -> list[Line]:
    words, lines = kind_words(page), list[Line]()
    for one, day in by_day(page.formats, found, attrgetter("at")):
        icon, tone = LOOKS.get(one.kind, ("info", "neutral"))
        lines.append(
            Line(
                title=words.get(one.kind) or one.kind,
                icon=icon,
                tone=tone,
                who=person_label(page.translate, one.who) or page.translate("Nobody known here"),
                at=one.at.isoformat(),
                when=page.formats.time(one.at),
                day=day,
                details=tuple(_details(page, one)),
            )
        )
    return lines


def _details(page: Page, one: SecurityEvent) -> list[str]:
    say, detail = page.translate, one.detail
    found = []
    if why := _reasons(page).get(str(detail.get("why") or "")):
        found.append(why)
    if by := person_label(say, one.by):
        found.append(say("By %(name)s") % {"name": by})
    elif detail.get("by") == "operator":
        found.append(say("By an operator of the server"))
    if one.key:
        found.append(say("Key: %(name)s") % {"name": one.key})
    if name := detail.get("plugin"):
        plugin = page.ctx.tenant.registry.plugins.get(str(name))
        found.append(say(plugin.manifest.title) if plugin else str(name))
    return [*found, *filter(None, (one.address, device(one.agent) if one.agent else ""))]
