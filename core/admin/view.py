"""What every page needs, signed in or not: tenant, language, time zone, theme and form."""

import gzip
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from litestar import Request
from litestar.response.base import ASGIResponse

from core.admin import paths
from core.admin.forms.body import Form, read_form
from core.admin.headers import PAGE
from core.admin.htmx import Htmx, read_htmx
from core.admin.look.environment import Renderer
from core.admin.preferences import Preferences
from core.admin.session import cookies, csrf, flash
from core.admin.session.flash import Flash
from core.admin.words.i18n import Formats, direction_of
from core.auth.state import auth_of
from core.runtime.platform import Platform
from core.runtime.tenant import Tenant

AnyRequest = Request[Any, Any, Any]
HTML = "text/html"
# Bytes; a shorter page is sent as soon as it would be packed.
PACKED_FROM = 1_000


class NavItem(msgspec.Struct, frozen=True):
    """One place in the navigation; ``section`` groups them, ``g`` and ``letter`` lead there."""

    label: str
    href: str
    icon: str
    active: bool = False
    section: str = ""
    letter: str = ""


class View:
    """A page that needs nobody signed in. ``bound`` is the secret to which its forms are bound."""

    user: Mapping[str, Any] | None = None
    # None for a page without navigation.
    nav: tuple[NavItem, ...] | None = None
    # Whether the reader sees the screens of a portal only, without search and other navigation.
    closed = False

    def __init__(
        self, request: AnyRequest, tenant: Tenant | None, bound: str, own: Preferences | None = None
    ) -> None:
        self.request = request
        self.platform: Platform = request.scope["litestar_app"].state.platform
        self.renderer: Renderer = request.scope["litestar_app"].state.renderer
        self.tenant = tenant
        self.bound = bound
        self.preferences = own or Preferences()
        config = tenant.config if tenant else None
        self.locale: str = self.preferences.locale or (config.locale if config else "en")
        # Of the catalogue that fits the reader.
        self.language = self.renderer.words.language_of(self.locale)
        self.zone = ZoneInfo(self.preferences.timezone or (config.timezone if config else "UTC"))
        self.theme = self.renderer.theme_of(config.theme if config else "default")
        self.mode = self.preferences.mode
        self.direction = direction_of(self.locale)
        self.htmx: Htmx = read_htmx(request)
        self.form = Form()
        self.cookies: list[str] = []
        request.scope["state"]["view"] = self

    @property
    def hx(self) -> bool:
        """Whether htmx asks, for a part of a page."""
        return self.htmx.asked

    @property
    def path(self) -> str:
        """Path and query of the request; every page's path ends with a slash."""
        query = self.request.scope["query_string"].decode("latin-1")
        path = self.request.scope["path"].rstrip("/") + "/"
        return f"{path}?{query}" if query else path

    @cached_property
    def formats(self) -> Formats:
        """How numbers and dates are written for the reader."""
        return Formats(self.locale, self.zone)

    @cached_property
    def csrf(self) -> str:
        """The token that each form of this page carries as ``_csrf``."""
        return csrf.token(auth_of(self.platform).key, self.bound)

    @cached_property
    def flash(self) -> Flash | None:
        """The message that the page before left; it is shown once."""
        value = cookies.read_cookie(self.request, flash.USE)
        return flash.unpack(auth_of(self.platform).key, self.bound, value)

    async def read_form(self) -> Form:
        """Return the body; refuses one that is not a form of this session."""
        kind = csrf.check_media(self.request)
        self.form = await read_form(self.request, kind)
        token = self.request.headers.get(csrf.HEADER) or self.form.get(csrf.FIELD)
        if not csrf.is_valid(auth_of(self.platform).key, self.bound, token):
            raise csrf.InvalidToken
        return self.form

    def translate(self, text: str) -> str:
        """Return ``text`` in the reader's language."""
        return self.renderer.words.of(self.language).gettext(text)

    def tell(self, text: str) -> str:
        """Return what a refusal says in the reader's language, with what was filled into it."""
        return self.renderer.words.tell(self.language, text)

    def ngettext(self, one: str, many: str, number: int) -> str:
        """Return the form of a text that a number asks for, in the reader's language."""
        return self.renderer.words.of(self.language).ngettext(one, many, number)

    def values(self) -> dict[str, Any]:
        """Return what every template gets."""
        brand = self.renderer.brands.of(self.tenant, self.renderer.themes[self.theme])
        return {
            "page": self,
            "tenant": self.tenant,
            "tenant_name": brand.name,
            "brand_css": brand.css,
            "brand_logo": brand.logo,
            "user": self.user,
            "nav": self.nav,
            "csrf": self.csrf,
            "mode": self.mode,
            "preferences": self.preferences,
            "path": self.path,
            "hx_request": self.hx,
        }

    def render(
        self,
        template: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> ASGIResponse:
        """Return a page, or a part of one, out of a template."""
        message = None if self.hx else self.flash
        text = self.renderer.render(
            template,
            theme=self.theme,
            locale=self.locale,
            zone=self.zone,
            **self.values(),
            **{"flash": message, "status": status, **values},
        )
        if message is not None:
            self.cookies.append(cookies.set_cookie(self.request, "", flash.USE))
        vary = {"vary": "HX-Request, Accept-Encoding"}
        return self.answer(text, status, {**PAGE, **vary, **(headers or {})})

    def answer(self, text: str, status: int, headers: Mapping[str, str]) -> ASGIResponse:
        """Return a reply with the cookies that the page sets, packed where the browser takes it.

        What a page repeats of its secrets looks different each time, so its length tells nothing.
        """
        pairs = [*headers.items(), *(("set-cookie", cookie) for cookie in self.cookies)]
        body = text.encode()
        if len(body) > PACKED_FROM and "gzip" in self.request.headers.get("accept-encoding", ""):
            body = gzip.compress(body, 1, mtime=0)
            pairs.append(("content-encoding", "gzip"))
        return ASGIResponse(body=body, status_code=status, media_type=HTML, headers=pairs)

    def redirect(self, path: str, *, flash: Flash | None = None) -> ASGIResponse:
        """Send the browser to another of our pages, with a message for it.

        htmx follows a 303 by itself and would put the whole page into its target; a header makes
        it go there instead.
        """
        if not paths.is_local(path):
            raise ValueError(f"{path!r} is not one of our pages")
        if flash is not None:
            self.leave(flash)
        if self.hx:
            return self.answer("", 200, {**PAGE, "hx-redirect": path})
        return self.answer("", 303, {**PAGE, "location": path})

    def leave(self, message: Flash) -> None:
        """Leave a message for the next page."""
        value = flash.pack(auth_of(self.platform).key, self.bound, message)
        self.cookies.append(cookies.set_cookie(self.request, value, flash.USE, age=60))
