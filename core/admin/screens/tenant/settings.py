"""Settings: a form made of each plugin's own struct; what is edited lies over the file (ruling 14).

Only what differs from what is in force is stored, so that the rest goes on following the file.
"""

from typing import Any

import msgspec
from litestar.response.base import ASGIResponse
from msgspec import inspect

from core.admin.forms.controls import Control, Controls
from core.admin.forms.form_errors import Mistake
from core.admin.forms.struct_controls import (
    Slot,
    slot_control,
    slot_text,
    slot_texts,
    slot_values,
    slots,
)
from core.admin.page import READ, WRITE, Flash, Page, page_route
from core.admin.parts import Fact, Link
from core.errors import Invalid, NotFound
from core.registry.registry import Registry
from core.rest.route import Route
from core.tenancy.edits import edit_settings, require_settings_plugin

HOME = "/app/settings/"
MOST_ROWS = 50
Texts = dict[str, Any]


class Setting(msgspec.Struct, frozen=True):
    """One setting: a control, or rows of controls under headings; where its value comes from."""

    name: str
    label: str
    origin: str
    control: Control | None = None
    heads: tuple[str, ...] = ()
    rows: tuple[tuple[Control, ...], ...] = ()
    error: str = ""


def routes(registry: Registry) -> list[Route]:
    """Return the routes of the overview and of each plugin's settings."""
    view, update = "core.setting.view", "core.setting.update"
    return [
        page_route("/app/settings", READ, view, show_all),
        page_route("/app/settings/{name:str}", READ, view, show_settings),
        page_route("/app/settings/{name:str}", WRITE, update, change_settings),
        page_route("/app/settings/{name:str}/reset", WRITE, update, reset_setting),
    ]


async def show_all(page: Page) -> ASGIResponse:
    """Show what can be set, and what operators have decided in the file."""
    ctx, _ = page.ctx, page.translate
    await ctx.fetchval("SELECT 1")
    plugins, config = ctx.platform.registry.plugins, ctx.tenant.config
    found = [
        Link(_(plugins[name].manifest.title), f"{HOME}{name}/", count=str(_edited(page, name)))
        for name in sorted(ctx.tenant.enabled)
        if plugins[name].settings is not None
    ]
    facts = [
        Fact(_("Name"), config.name or config.slug),
        Fact(_("Language"), config.locale),
        Fact(_("Time zone"), config.timezone),
        Fact(_("Currency"), config.currency),
        Fact(_("Telephone numbers"), config.phone_region),
        Fact(_("Theme"), page.theme),
    ]
    return page.render("settings.html", plugins=found, facts=facts)


def _edited(page: Page, name: str) -> int:
    return len(page.ctx.tenant.overlay.settings.get(name, {}))


def _named(page: Page) -> tuple[str, list[Slot]]:
    ctx = page.ctx
    name = require_settings_plugin(ctx, page.request.path_params["name"])
    return name, slots(ctx.platform.registry.plugins[name].settings, unseen=())


async def show_settings(page: Page) -> ASGIResponse:
    """Show the settings of one plugin, as they are in force."""
    await page.ctx.fetchval("SELECT 1")
    name, found = _named(page)
    return _form(page, name, found, _texts(page, name, found))


async def change_settings(page: Page) -> ASGIResponse:
    """Store what differs from what is in force; the plugin's own rules judge it."""
    name, found = _named(page)
    texts, now = _typed(page, found), _texts(page, name, found)
    changed = [slot for slot in found if texts[slot.name] != now[slot.name]]
    try:
        if changed:
            await edit_settings(page.ctx, name, _values(page, changed, texts))
    except Invalid as refused:
        mistakes = _mistakes(page, refused, found)
        return _form(page, name, found, texts, mistakes, 400)
    words = page.translate("The settings are saved.")
    return page.redirect(f"{HOME}{name}/", flash=Flash(words))


async def reset_setting(page: Page) -> ASGIResponse:
    """Let one setting follow the file again."""
    name, found = _named(page)
    wanted = page.form.get("setting")
    if wanted not in {slot.name for slot in found}:
        raise NotFound
    try:
        await edit_settings(page.ctx, name, {}, reset=(wanted,))
    except Invalid as refused:
        mistakes = _mistakes(page, refused, found)
        return _form(page, name, found, _texts(page, name, found), mistakes, 400)
    words = page.translate("The setting is as the server has it.")
    return page.redirect(f"{HOME}{name}/", flash=Flash(words))


def _form(
    page: Page,
    name: str,
    found: list[Slot],
    texts: Texts,
    mistakes: list[Mistake] | None = None,
    status: int = 200,
) -> ASGIResponse:
    errors = {one.field: one.text for one in mistakes or () if one.field}
    controls = Controls(page, page.ctx.tenant)
    title = page.translate(page.ctx.platform.registry.plugins[name].manifest.title)
    return page.render(
        "settings_plugin.html",
        status=status,
        name=name,
        title=title,
        mistakes=mistakes or [],
        settings=[
            _setting(page, controls, name, slot, texts[slot.name], errors.get(slot.name, ""))
            for slot in found
        ],
        may_change=page.ctx.rights.may("core.setting", "update"),
    )


def _setting(
    page: Page, controls: Controls, name: str, slot: Slot, texts: Any, error: str
) -> Setting:
    label, origin = page.translate(slot.label), _origin(page, name, slot.name)
    parts = _parts(slot)
    if not parts:
        control = slot_control(controls, slot, texts, error=error)
        if slot.choices and not slot.nullable and control.kind == "select":
            control = msgspec.structs.replace(control, empty=None)
        return Setting(slot.name, label, origin, control)
    rows = tuple(
        tuple(_cell(controls, slot, part, place, row.get(part.name, "")) for part in parts)
        for place, row in enumerate([*texts, {}])
    )
    heads = tuple(page.translate(part.label) for part in parts)
    return Setting(slot.name, label, origin, heads=heads, rows=rows, error=error)


def _cell(controls: Controls, slot: Slot, part: Slot, place: int, text: str) -> Control:
    made = slot_control(controls, part, text)
    return msgspec.structs.replace(made, name=f"{slot.name}.{place}.{part.name}", required=False)


def _origin(page: Page, name: str, setting: str) -> str:
    tenant = page.ctx.tenant
    if setting in tenant.overlay.settings.get(name, {}):
        return "here"
    return "file" if setting in tenant.config.settings.get(name, {}) else "plugin"


def _parts(slot: Slot) -> list[Slot]:
    """Return the fields of each item of a list of structs; nothing for other settings."""
    item = getattr(slot.type, "item_type", None)
    if not isinstance(item, inspect.StructType):
        return []
    found = slots(item.cls, unseen=())
    plain = (inspect.StrType, inspect.IntType, inspect.FloatType, inspect.BoolType)
    return found if all(isinstance(one.type, plain) for one in found) else []


def _texts(page: Page, name: str, found: list[Slot]) -> Texts:
    """Return what stands in the form for the settings in force."""
    controls, now = Controls(page, page.ctx.tenant), page.ctx.tenant.settings(name)
    texts: Texts = {}
    for slot in found:
        value = getattr(now, slot.name)
        if parts := _parts(slot):
            texts[slot.name] = [
                {p.name: slot_text(controls, p, getattr(row, p.name)) for p in parts}
                for row in value
            ]
        else:
            texts[slot.name] = slot_text(controls, slot, value)
    return texts


def _typed(page: Page, found: list[Slot]) -> Texts:
    """Return what was typed; rows without a word are left out."""
    texts: Texts = dict(slot_texts(page.form, found))
    for slot in found:
        if parts := _parts(slot):
            rows = [
                {p.name: page.form.get(f"{slot.name}.{place}.{p.name}").strip() for p in parts}
                for place in range(MOST_ROWS)
            ]
            texts[slot.name] = [row for row in rows if any(row.values())]
    return texts


def _values(page: Page, changed: list[Slot], texts: Texts) -> dict[str, Any]:
    controls = Controls(page, page.ctx.tenant)
    body: dict[str, Any] = {}
    for slot in changed:
        if parts := _parts(slot):
            rows = texts[slot.name]
            body[slot.name] = [slot_values(controls, parts, row) for row in rows]
        else:
            # What was emptied and may not be null is for the rules to refuse.
            made = slot_values(controls, [slot], texts)
            body[slot.name] = made.get(slot.name, texts[slot.name])
    return body


def _mistakes(page: Page, refused: Invalid, found: list[Slot]) -> list[Mistake]:
    """Return what is wrong, beside its setting; what concerns several stands on top."""
    by_name = {slot.name: slot for slot in found}
    mistakes = []
    for error in refused.errors:
        slot = by_name.get(error.name)
        mistakes.append(Mistake(_words(page, slot, error.detail), slot.name if slot else ""))
    return mistakes or [Mistake(page.tell(refused.detail))]


def _words(page: Page, slot: Slot | None, detail: str) -> str:
    """Return what to do, where the type tells it."""
    _ = page.translate
    if slot is not None and isinstance(slot.type, inspect.IntType):
        low, high = slot.type.ge, slot.type.le
        if low is not None and high is not None:
            bounds = {"least": low, "most": high}
            return _("Write a whole number from %(least)s to %(most)s.") % bounds
        return _("This is not a whole number. Write one, such as 12.")
    return page.tell(detail)
