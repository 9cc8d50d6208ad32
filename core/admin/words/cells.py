"""A field's value as people read it: text, badge or link, by kind, language and time zone.

The cells of a projection are made once and cached with the tenant; a row then costs a call
per cell. A link shows the title of its record, which the list's ``expand`` brings along: one
statement per link, however many rows.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec
from markupsafe import Markup, escape

from core.admin.page import Page
from core.admin.row_templates import RowTemplate, gap
from core.admin.words.wording import SWITCH, Show, Wording, boolean_labels, iso
from core.model.entities import Declaration
from core.model.fields import Field
from core.records.projection import FieldSelection, Row, expandable
from core.runtime.context import Context

NONE = Markup('<span class="none">\N{EN DASH}</span>')
MOST_TEXT = 80
MOST_KEPT = 2000
RIGHT = ("integer", "decimal", "number", "money")
# The tones of status words; a code may also be the name of a tone.
TONES = {
    "success": ("active", "success", "done", "paid", "won", "fulfilled", "completed", "earned"),
    "warning": ("suspended", "paused", "pending", "waiting", "overdue", "adjusted"),
    "danger": ("closed", "cancelled", "failed", "lost", "refused", "expired", "reversed"),
    "info": ("new", "open", "issued", "draft", "transferred"),
}
OWN_TONES = ("platinum", "gold", "silver", "bronze")
TONE_OF = {word: tone for tone, words in TONES.items() for word in words} | {
    name: name for name in OWN_TONES
}


class Cell(msgspec.Struct, frozen=True):
    """One column: ``show`` makes markup of a row, ``text`` plain words of it, as in a file."""

    key: str
    label: str
    kind: str
    field: Field
    show: Show
    text: Show


def cell_fields(ctx: Context, entity: Declaration, names: Sequence[str]) -> FieldSelection:
    """Return what a list must ask for so that the cells of these fields can be shown."""
    fields = [entity.fields[name] for name in names]
    beside = [field.currency for field in fields if field.currency]
    steps = set(expandable(ctx.tenant, ctx.rights, entity))
    visible = ctx.rights.visible(entity.name)
    title = [name for name in (entity.title, entity.subtitle) if name in visible]
    every = dict.fromkeys((*title, *names, *beside, "version"))
    return FieldSelection(
        fields=tuple(name for name in every if name in visible),
        expand=tuple(
            f.name.removesuffix("_id")
            for f in fields
            if f.kind == "link" and f.name.removesuffix("_id") in steps
        ),
    )


def cells(page: Page, entity: Declaration, names: Sequence[str]) -> tuple[Cell, ...]:
    """Return the cells of these fields for the reader; made once and kept."""
    ctx = page.ctx
    language = (page.locale, page.zone.key, page.theme)
    place = ("cells", entity.name, ctx.rights, tuple(names), language)
    found: tuple[Cell, ...] | None = ctx.tenant.shapes.get(place)
    if found is None:
        maker = _CellBuilder(page, entity)
        found = tuple(maker.cell(entity.fields[name]) for name in names)
        if len(ctx.tenant.shapes) > MOST_KEPT:
            ctx.tenant.shapes.clear()
        ctx.tenant.shapes[place] = found
    return found


def title_of(page: Page, entity: Declaration) -> Show:
    """Return a function that writes a record's title, or else the entity's label."""
    if entity.title not in page.ctx.rights.visible(entity.name):
        return lambda row: page.translate(entity.label)
    place = ("title", entity.name, page.ctx.rights, page.locale, page.zone.key)
    found: Show | None = page.ctx.tenant.shapes.get(place)
    if found is None:
        found = Wording(page, entity).words(entity.fields[entity.title])
        page.ctx.tenant.shapes[place] = found
    return found


def heading(page: Page, field: Field) -> str:
    """Return the heading of a column; the switch between active and inactive is the status."""
    return page.translate("Status" if field.name == SWITCH else field.label)


def tone_of(code: Any) -> str:
    """Return the tone in which a choice is shown."""
    return TONE_OF.get(str(code).lower(), "neutral")


class _CellBuilder(Wording):
    """Makes the cells of one entity for one reader."""

    def __init__(self, page: Page, entity: Declaration) -> None:
        super().__init__(page, entity)
        self.page = page
        self.ui: Any = page.renderer.environment(page.theme, page.locale).globals["ui"]

    def cell(self, field: Field) -> Cell:
        text = self.words(field)
        show = self.shown(field, text)
        if field.name == self.entity.title:
            show = self.titled(field, text)
        kind = "number" if field.kind in RIGHT else "date" if "date" in field.kind else "text"
        return Cell(field.name, heading(self.page, field), kind, field, show, self.plain(field))

    def shown(self, field: Field, text: Show) -> Show:
        """Return the markup of a value."""
        kind, name = field.kind, field.name
        if kind == "choice":
            badge = self.ui.badge
            known = {
                code: badge(label, tone_of(code)) for code, label in self.labels(field).items()
            }
            return lambda row: known.get(row[name]) or (badge(row[name]) if row[name] else NONE)
        if kind == "boolean":
            words = boolean_labels(self.say, field)
            tones = {True: "success", False: "danger" if name == SWITCH else "neutral"}
            made = {v: self.ui.badge(words[v], tones[v], dot=True) for v in (True, False)}
            return lambda row: NONE if row[name] is None else made[bool(row[name])]
        if kind == "tags":
            badge = self.ui.badge
            return lambda row: Markup(" ").join(map(badge, row[name] or ())) or NONE
        if kind == "link":
            return self.linked(field, text)
        if kind in ("date", "datetime"):
            return self.timed(field)
        scheme = {"email": "mailto:", "phone": "tel:"}.get(kind)
        if scheme:
            link = RowTemplate(
                f'<a href="{scheme}{gap("value")}" dir="ltr">{gap("words")}</a>'
            ).fill
            return lambda row: link({"value": row[name], "words": text(row)}) if row[name] else NONE
        return lambda row: _bounded(text(row))

    def titled(self, field: Field, text: Show) -> Show:
        """Return the title as a link to its record; people get an avatar."""
        base = f"/app/{self.entity.resource}/"
        may = self.ctx.rights.may(self.entity.name, "view")
        nameless = self.say("Without a name")
        under = self.under()
        if field.pii == "identity":
            return self.person(lambda row: text(row) or nameless, under, base if may else "")
        if not may:
            return lambda row: escape(text(row) or nameless)
        link = RowTemplate(f'<a href="{base}{gap("id")}/"><bdi>{gap("words")}</bdi></a>').fill
        return lambda row: link({"id": row["id"], "words": text(row) or nameless})

    def person(self, name: Show, under: Show, base: str) -> Show:
        """Return the avatar and name of a person, made once with a second line and once without."""
        gaps = {n: gap(n) for n in ("name", "text", "initials", "hue")}
        href = f"{base}{gap('id')}/" if base else ""
        with_text = RowTemplate(self.ui.person(href=href, **gaps))
        without = RowTemplate(self.ui.person(href=href, **{**gaps, "text": ""}))

        def show(row: Row) -> Any:
            said, second = name(row), under(row)
            values = {"name": said, "text": second, "id": row["id"], "hue": len(said) % 6}
            values["initials"] = _initials(said)
            return (with_text if second else without).fill(values)

        return show

    def under(self) -> Show:
        """Return a function that writes the second line of a title; empty where there is none."""
        name = self.entity.subtitle or ""
        if name not in self.ctx.rights.visible(self.entity.name):
            return lambda row: ""
        words = self.words(self.entity.fields[name])
        return lambda row: words(row) if name in row else ""

    def linked(self, field: Field, text: Show) -> Show:
        target = self.ctx.tenant.entities.get(field.target)
        name = field.name
        if target is None or not self.ctx.rights.may(target.name, "view"):
            return lambda row: _bounded(text(row))
        base = f"/app/{target.resource}/"
        link = RowTemplate(f'<a href="{base}{gap("id")}/"><bdi>{gap("words")}</bdi></a>').fill

        def show(row: Row) -> Any:
            words = text(row)
            return link({"id": row[name], "words": words}) if words else NONE

        return show

    def timed(self, field: Field) -> Show:
        name, day = field.name, self.day
        mark = RowTemplate(f'<time datetime="{gap("at")}">{gap("words")}</time>').fill

        def show(row: Row) -> Any:
            value: date | None = row[name]
            return NONE if value is None else mark({"at": iso(value), "words": day(value)})

        return show


def _initials(name: str) -> str:
    words = name.split()
    return "".join(word[0] for word in words[:1] + words[1:][-1:]).upper() or "?"


def _bounded(text: str) -> Any:
    if not text:
        return NONE
    short = text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"
    return Markup(f"<bdi>{escape(short)}</bdi>")  # noqa: S704  # escaped
