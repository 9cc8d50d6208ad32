"""Branding: name, logo, colours, radius and font of the tenant, seen before they are saved."""

import base64
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar.response.base import ASGIResponse

from core.admin.forms.body import wrong_fields
from core.admin.headers import PAGE
from core.admin.look.brand import (
    FONTS,
    MOST_LOGO,
    SIGNS,
    Branding,
    branding_of,
    check_branding,
    stylesheet,
)
from core.admin.page import READ, WRITE, Flash, Page, page_route
from core.admin.parts import Option
from core.errors import Invalid, NotFound
from core.registry.registry import Registry
from core.rest.route import Route
from core.tenancy.edits import store_edit

HOME = "/app/branding/"
SHEET = f"{HOME}preview/"
NAME = "branding"
RADII = ("0rem", "0.25rem", "0.5rem", "0.75rem", "1rem")


def routes(registry: Registry) -> list[Route]:
    """Return the routes of the form, its preview and its sheet."""
    view, update = "core.setting.view", "core.setting.update"
    return [
        page_route("/app/branding", READ, view, show_branding),
        page_route("/app/branding", WRITE, update, change_branding),
        page_route("/app/branding/preview", READ, view, preview_sheet),
        page_route("/app/branding/reset", WRITE, update, reset_branding),
    ]


async def show_branding(page: Page) -> ASGIResponse:
    """Show the form."""
    await page.ctx.fetchval("SELECT 1")
    return _form(page, branding_of(page.ctx.tenant), {})


def _form(
    page: Page, branding: Branding, errors: dict[str, str], status: int = 200, sheet: str = ""
) -> ASGIResponse:
    _ = page.translate
    theme = page.renderer.themes[page.theme]
    fonts = {
        "system": _("As the theme"),
        "humanist": _("Humanist"),
        "geometric": _("Geometric"),
        "serif": _("With serifs"),
    }
    rounds = [_("Square"), _("Slightly round"), _("Round"), _("Very round"), _("Roundest")]
    radii = [Option(radius, words) for radius, words in zip(RADII, rounds, strict=True)]
    if branding.radius and branding.radius not in RADII:
        radii.append(Option(branding.radius, branding.radius))
    return page.render(
        "branding.html",
        status=status,
        branding=branding,
        errors=errors,
        sheet=sheet,
        own=page.ctx.tenant.config.name,
        usual={"primary": theme.light["primary"], "primary_dark": theme.dark["primary"]},
        fonts=[Option(code, fonts[code]) for code in FONTS],
        radii=radii,
        most=MOST_LOGO // 1024,
        stored=branding_of(page.ctx.tenant) != Branding(),
        may_change=page.ctx.rights.may("core.setting", "update"),
    )


def _typed(page: Page) -> Branding:
    """Return what the form says; a colour counts where its tick says so."""
    form = page.form

    def colour(name: str) -> str:
        return form.get(name).strip().lower() if form.get(f"{name}_own") == "1" else ""

    return Branding(
        name=form.get("name").strip(),
        logo=_logo(page),
        primary=colour("primary"),
        primary_dark=colour("primary_dark"),
        radius=form.get("radius"),
        font=form.get("font") or "system",
    )


def _logo(page: Page) -> str:
    """Return the picture that was sent, or else the one that is there unless it shall go."""
    files = page.form.files("logo")
    if files:
        content = files[0].content
        kinds = (media for media, sign in SIGNS.items() if content.startswith(sign))
        kind = next(kinds, "image/unknown")
        return f"data:{kind};base64,{base64.b64encode(content).decode()}"
    return "" if page.form.get("logo_gone") == "1" else branding_of(page.ctx.tenant).logo


async def change_branding(page: Page) -> ASGIResponse:
    """Check what was chosen; show it, or store it."""
    wanted = _typed(page)
    try:
        check_branding(wanted, page.renderer.themes[page.theme])
    except Invalid as refused:
        return _form(page, wanted, _mistakes(page, refused), 400)
    if page.form.get("then") == "preview":
        return _form(page, wanted, {}, sheet=f"{SHEET}?{_query(wanted)}")
    await store_edit(page.ctx, "settings", NAME, lambda _: wanted)
    text = page.translate("The look is saved. Everybody sees it within seconds.")
    return page.redirect(HOME, flash=Flash(text))


def _mistakes(page: Page, refused: Invalid) -> dict[str, str]:
    _ = page.translate
    found = wrong_fields(refused)
    codes = {error.name: error.code for error in refused.errors}
    own: dict[str, str] = {
        "name": _("Use at most 60 characters."),
        "logo": _("Use a PNG, JPEG or WebP picture of at most %(most)s kB.")
        % {"most": MOST_LOGO // 1024},
    }
    unread = _("Write a colour like #1a2b3c.")
    faint = _("Text in this colour could not be read on the page. Take one with more contrast:")
    for name, text in found.items():
        if codes.get(name) == "contrast":
            ratio = text.partition(" of ")[2].partition(";")[0]
            own[name] = f"{faint} {ratio} < 4.5:1"
        elif name.startswith("primary"):
            own[name] = unread
    return {name: own.get(name, text) for name, text in found.items()}


def _query(branding: Branding) -> str:
    values = msgspec.structs.asdict(branding)
    return urlencode({n: values[n] for n in ("primary", "primary_dark", "radius", "font")})


async def preview_sheet(page: Page) -> ASGIResponse:
    """Answer the sheet of a look that is not saved; checked like one that is."""
    asked: dict[str, Any] = dict(page.request.query_params)
    try:
        wanted = msgspec.convert(asked, Branding)
        theme = page.renderer.themes[page.theme]
        check_branding(wanted, theme)
    except (msgspec.ValidationError, Invalid):
        raise NotFound from None
    await page.ctx.fetchval("SELECT 1")
    return ASGIResponse(
        body=stylesheet(wanted, theme), media_type="text/css", headers=list(PAGE.items())
    )


async def reset_branding(page: Page) -> ASGIResponse:
    """Give the theme its own look back."""
    await store_edit(page.ctx, "settings", NAME, lambda _: Branding())
    return page.redirect(HOME, flash=Flash(page.translate("The look is the theme's again.")))
