"""The page of an error: what happened, and what to do next."""

from typing import Any

import msgspec
from litestar.response.base import ASGIResponse

from core.admin import paths
from core.admin.forms.body import KEY
from core.admin.forms.form_errors import later
from core.admin.forms.struct_controls import is_id
from core.admin.headers import PAGE, TOAST
from core.admin.page import NOBODY, NoCookie, SignedOut, host_tenant
from core.admin.parts import Fact
from core.admin.session import cookies
from core.admin.session.csrf import SAFE, InvalidToken
from core.admin.view import AnyRequest, View
from core.errors import Refused, Unauthenticated
from core.model.types import named

# Fields that are not shown again when a form is offered to be sent once more.
SECRET = ("password", "again", "secret", "_csrf", "token")
MOST_AGAIN = 2000
# Statuses after which the same form may succeed when it is sent again.
RETRYABLE = (429, 500, 503)


def is_page(request: AnyRequest) -> bool:
    """Whether a request is answered with a page."""
    path = str(request.scope.get("crm_path", request.scope["path"]))
    if path == "/app" or path.startswith("/app/"):
        return True
    typed = "text/html" in request.headers.get("accept", "")
    return typed and not path.startswith(("/api", "/health"))


def error_page(request: AnyRequest, refused: Refused) -> ASGIResponse:
    """Return the page of a refusal, with its status; for a part of a page, a toast."""
    view = request.scope.get("state", {}).get("view") or View(request, host_tenant(request), NOBODY)
    if isinstance(refused, Unauthenticated):
        refused = SignedOut()
        view.user, view.nav = None, None
        view.cookies = [cookies.set_cookie(request, "")] if cookies.read_cookie(request) else []
        if request.method in SAFE or request.scope["path"].startswith("/app/logout"):
            return _to_login(view)
    typed, unproved = _typed(view), isinstance(refused, (SignedOut, InvalidToken))
    passes = unproved or (refused.status in RETRYABLE and KEY in view.form)
    again = typed if passes else []
    heading, text = _words(view, refused)
    if again and unproved and view.user is None:
        text = view.translate(
            "Nothing that you typed is lost: sign in in a new window, come back, send it again."
        )
    number = request.scope["state"].get("request_id", "") if refused.status >= 500 else ""
    if number and view.hx:
        text += " " + view.translate("Tell your administrator this number: %(number)s") % {
            "number": number
        }
    headers = {n: v for n, v in refused.headers.items() if n.lower() != "www-authenticate"}
    if view.hx:
        headers |= TOAST
        if isinstance(refused, InvalidToken) and view.user is not None:
            fresh = msgspec.json.encode({"crm:token": view.csrf}).decode()
            headers["HX-Trigger"] = fresh  # what is open can be sent again as it stands
    return view.render(
        "refusal_toast.html" if view.hx else "again.html",
        status=refused.status,
        headers=headers,
        heading=heading,
        text=text,
        actions=_actions(view, refused),
        again=again,
        kept=[] if passes else _typed_facts(view, typed),
        login=paths.LOGIN,
        request_id=number,
    )


def _to_login(view: View) -> ASGIResponse:
    """Redirect to the login page, and from there back to the current page."""
    path = paths.login_path(view.htmx.current if view.hx else view.path)
    if view.hx:
        return view.answer("", 401, {**PAGE, "hx-redirect": path})
    return view.answer("", 303, {**PAGE, "location": path})


def _words(view: View, refused: Refused) -> tuple[str, str]:
    """Return what happened in a few words, and what to do."""
    _ = view.translate
    own = view.tell(refused.detail)
    soon = later(view, refused) or own
    known = {
        401: (_("You are signed out"), _("Sign in again; you come back to this page.")),
        403: (_("You may not do this"), own),
        404: (
            _("There is nothing here"),
            _("It may have been deleted or switched off, or you may not see it."),
        ),
        405: (_("This cannot be done here"), _("Go back and try it from the page itself.")),
        409: (_("This does not go together"), own),
        412: (_("Somebody was faster"), _("Load the page again to see what was changed.")),
        413: (_("This is too large"), own),
        429: (_("Too many requests"), soon),
        500: (_("Something went wrong here"), _("It is our fault. Try again in a moment.")),
        503: (_("The server is busy"), soon),
    }
    if isinstance(refused, (InvalidToken, NoCookie)):
        return _("Please check this once more"), own
    return known.get(refused.status, (_("This could not be done"), own))


def _actions(view: View, refused: Refused) -> list[dict[str, Any]]:
    _ = view.translate
    if isinstance(refused, SignedOut):
        href = paths.login_path(view.htmx.current if view.hx else "")
        return [{"label": _("Sign in"), "href": href, "icon": "log-in", "away": True}]
    if isinstance(refused, NoCookie):
        return [{"label": _("Try again"), "href": paths.LOGIN, "icon": "log-in", "away": False}]
    return []


def _typed(view: View) -> list[tuple[str, str]]:
    """Return what was sent, but for secrets, so that it can be sent once more."""
    found = [
        (name, text)
        for name, text in view.form.pairs()
        if not any(word in name.lower() for word in SECRET)
    ]
    return found if len(found) <= MOST_AGAIN else []


def _typed_facts(view: View, typed: list[tuple[str, str]]) -> list[Fact]:
    """Return what was typed into a form, to be copied; what is chosen is known by its words.

    The names are those that were sent: what the fields are called is not for everybody.
    """
    if KEY not in view.form:  # ticks and buttons, nothing that was written
        return []
    return [
        Fact(view.translate(named(name.removesuffix("_text"))), text)
        for name, text in typed
        if text and not name.startswith("_") and not is_id(text)
    ]
