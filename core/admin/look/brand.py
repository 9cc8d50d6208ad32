"""A tenant's own look: name, logo, colours, radius and font as a style sheet over the theme.

Ruling 35: the sheet is public and immutable, its address carries its hash.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Request
from litestar.response.base import ASGIResponse

from core.admin.look.assets import Asset, answer_asset, make_asset
from core.admin.look.themes import COLOUR, DEFAULT, Theme, contrast
from core.auth.credentials import tenant_at
from core.errors import FieldError, Invalid, NotFound
from core.rest.route import READ, Route
from core.runtime.platform import Platform
from core.runtime.tenant import Tenant

PREFIX = "/app/brand/"
PRODUCT = "Trellis"
# WCAG 2.2, 1.4.3: text on its ground. 1.4.11: what a control is known by.
TEXT_RATIO = 4.5
CONTROL_RATIO = 3.0
FONTS = {
    "system": "",
    "humanist": "Seravek, 'Gill Sans Nova', Ubuntu, Calibri, 'DejaVu Sans', sans-serif",
    "geometric": "Avenir, Montserrat, Corbel, 'URW Gothic', source-sans-pro, sans-serif",
    "serif": "'Iowan Old Style', 'Palatino Linotype', 'URW Palladio L', P052, Georgia, serif",
}  # fmt: skip
LOGO = re.compile(r"data:(image/(?:png|jpeg|webp));base64,([A-Za-z0-9+/=]+)")
SIGNS = {"image/png": b"\x89PNG", "image/jpeg": b"\xff\xd8\xff", "image/webp": b"RIFF"}
ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
MOST_LOGO = 64 * 1024


class Branding(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a tenant edits; an empty text leaves the theme's value.

    ``primary`` colours buttons and links in the light mode, ``primary_dark`` in the dark one.
    """

    name: str = ""
    logo: str = ""
    primary: str = ""
    primary_dark: str = ""
    radius: str = ""
    font: str = "system"


class Brand(msgspec.Struct, frozen=True):
    """What a page shows of a brand: addresses are empty where the theme stands alone."""

    name: str = PRODUCT
    css: str = ""
    logo: str = ""
    files: tuple[Asset, ...] = ()


def _text_colour(colour: str) -> str:
    """Return black or white, whichever reads better on a colour."""
    return max(("#ffffff", "#0b0f0d"), key=lambda ink: contrast(ink, colour))


def _stands_out(colour: str, tokens: Mapping[str, str]) -> bool:
    """Whether a colour stands out from the navigation, which may be dark in the light mode."""
    return contrast(colour, tokens["sidebar"]) >= CONTROL_RATIO


def _colour(found: list[FieldError], field: str, colour: str, grounds: dict[str, str]) -> None:
    if not COLOUR.fullmatch(colour):
        found.append(FieldError(f"/{field}", "Write a colour like #1a2b3c.", "invalid"))
        return
    for name, ground in grounds.items():
        ratio = contrast(colour, ground)
        if ratio < TEXT_RATIO:
            text = (
                f"{colour} on the {name} ({ground}) has a contrast of {ratio:.2f}:1;"
                f" at least {TEXT_RATIO}:1 is needed to be readable."
            )
            found.append(FieldError(f"/{field}", text, "contrast"))


def _logo(logo: str) -> tuple[str, bytes] | None:
    """Return media type and content of a logo, or None if it is not a picture of ours."""
    match = LOGO.fullmatch(logo)
    if match is None:
        return None
    try:
        content = base64.b64decode(match[2], validate=True)
    except binascii.Error:
        return None
    whole = len(content) <= MOST_LOGO and content.startswith(SIGNS[match[1]])
    return (match[1], content) if whole else None


def check_branding(branding: Branding, theme: Theme) -> None:
    """Refuse, with ``Invalid`` per field, what cannot be shown or could not be read."""
    found: list[FieldError] = []
    for field, colour, tokens in (
        ("primary", branding.primary, theme.light),
        ("primary_dark", branding.primary_dark, theme.dark),
    ):
        if colour:
            grounds = {n: tokens[n] for n in ("background", "card")}
            _colour(found, field, colour, grounds)
    if branding.font not in FONTS:
        found.append(FieldError("/font", "Choose a font of the list.", "unknown", tuple(FONTS)))
    if branding.radius and not re.fullmatch(r"(0|0\.\d{1,3}|1|1\.\d{1,3})rem", branding.radius):
        found.append(FieldError("/radius", "Write a radius from 0rem to 1.999rem.", "invalid"))
    if len(branding.name) > 60:
        found.append(FieldError("/name", "Use at most 60 characters.", "too_long"))
    if branding.logo and _logo(branding.logo) is None:
        text = f"Use a PNG, JPEG or WebP picture of at most {MOST_LOGO // 1024} kB."
        found.append(FieldError("/logo", text, "invalid"))
    if found:
        raise Invalid.fields(found)


def stylesheet(branding: Branding, theme: Theme) -> bytes:
    """Return the custom properties that differ from the theme's; nothing if none does."""
    lines = []
    if branding.primary or branding.primary_dark:
        light = branding.primary or theme.light["primary"]
        dark = branding.primary_dark or theme.dark["primary"]
        inks = (_text_colour(light), _text_colour(dark))
        pairs = {"primary": (light, dark), "primary-foreground": inks, "ring": (light, dark)}
        if _stands_out(light, theme.light) and _stands_out(dark, theme.dark):
            pairs |= {"sidebar-primary": (light, dark), "sidebar-primary-foreground": inks}
        lines += [f"--{name}: light-dark({a}, {b});" for name, (a, b) in pairs.items()]
    if branding.radius:
        lines.append(f"--radius: {branding.radius};")
    if FONTS[branding.font]:
        lines.append(f"--font-sans: {FONTS[branding.font]};")
    return (":root, .dark {\n  " + "\n  ".join(lines) + "\n}\n").encode() if lines else b""


def branding_of(tenant: Tenant) -> Branding:
    """Return what the tenant has edited; what a newer version stored otherwise is left aside."""
    try:
        return msgspec.convert(tenant.overlay.settings.get("branding", {}), Branding)
    except msgspec.ValidationError:
        return Branding()


def _make(tenant: Tenant, theme: Theme) -> Brand:
    branding = branding_of(tenant)
    try:
        check_branding(branding, theme)
    except Invalid:
        # Stored for another theme: the name is kept, the rest waits for somebody to choose anew.
        return Brand(branding.name[:60] or tenant.config.name)
    files, css, logo = [], "", ""
    if sheet := stylesheet(branding, theme):
        files.append(make_asset(f"{tenant.slug}.css", sheet, "-"))
        css = PREFIX + files[-1].name
    if picture := _logo(branding.logo):
        files.append(make_asset(f"{tenant.slug}.{ENDINGS[picture[0]]}", picture[1], "-"))
        logo = PREFIX + files[-1].name
    return Brand(branding.name or tenant.config.name, css, logo, tuple(files))


class Brands:
    """The brands of all tenants, each made again when its tenant has been edited."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[Tenant, str, Brand]] = {}

    def of(self, tenant: Tenant | None, theme: Theme) -> Brand:
        """Return the brand of a tenant in a theme; the product's own without a tenant."""
        if tenant is None:
            return Brand()
        found = self._made.get(tenant.slug)
        if found is None or found[0] is not tenant or found[1] != theme.name:
            found = self._made[tenant.slug] = (tenant, theme.name, _make(tenant, theme))
        return found[2]


def brand_route(brands: Brands, themes: Mapping[str, Theme]) -> Route:
    """Return the route of the tenants' style sheets and logos.

    At a tenant's own address only its own are served. A worker that has not heard of an edit yet
    answers with what it has, and lets nobody keep it.
    """

    async def serve(request: Request[Any, Any, Any]) -> ASGIResponse:
        name = str(request.path_params["name"])
        platform: Platform = request.scope["litestar_app"].state.platform
        slug, _, rest = name.rpartition("-")
        tenant = platform.by_slug.get(slug)
        here = tenant_at(platform, request.headers.get("host", ""))
        if tenant is None or here not in (None, tenant):
            raise NotFound
        theme = themes.get(tenant.config.theme, themes[DEFAULT])
        files = brands.of(tenant, theme).files
        for asset in files:
            if asset.name == name:
                return answer_asset(request, asset)
        for asset in files:
            if asset.name.rpartition(".")[2] == rest.rpartition(".")[2]:
                return answer_asset(request, asset, cache="no-cache")
        raise NotFound

    return Route(PREFIX + "{name:str}", READ, {"public": True}, serve)
