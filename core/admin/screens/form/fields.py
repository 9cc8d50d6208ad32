"""The fields of a record's form: which, in what groups, with what in them, and what was changed."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from core.admin.forms.controls import Control, Controls
from core.admin.page import Page
from core.admin.screens.form.lookup import (
    TypedLinks,
    may_choose,
    may_create,
    read_links,
    source,
    titles,
)
from core.admin.screens.routing import entity_path
from core.model.entities import Declaration
from core.model.fields import Field
from core.records.changes.input_validation import own_columns

# Which fields a form showed, and a mark of what stood in each.
SHOWN = "_was"
SMALL_FORM = 7
FURTHER = "Further values"


class Texts(msgspec.Struct, frozen=True):
    """What stands in a form, by field; ``links`` tells the words, mistakes and choices of links."""

    texts: Mapping[str, str]
    links: TypedLinks = TypedLinks()

    def marks(self) -> str:
        """Return what the hidden field says of it."""
        return " ".join(f"{name}:{mark(text)}" for name, text in self.texts.items())


class Group(msgspec.Struct, frozen=True):
    """Controls that belong together; a small form has one group without a title."""

    title: str
    controls: tuple[Control, ...]


def mark(text: str) -> str:
    """Return a short mark of a text, by which a change of it is known."""
    return hashlib.blake2s(text.strip().encode(), digest_size=6).hexdigest()


def read_marks(text: str) -> dict[str, str]:
    """Return the fields that a form showed, each with the mark of what stood in it."""
    pairs = (part.partition(":") for part in text.split())
    return {name: found for name, _, found in pairs}


def fields_of(page: Page, entity: Declaration, action: str) -> list[Field]:
    """Return the fields that the reader may write, but for those without a choice."""
    ctx = page.ctx
    names = ctx.rights.writable(entity.name, action)
    own = own_columns(ctx, entity, action) or {}
    return [
        field
        for field in entity.fields.values()
        if field.name in names
        and field.name not in own
        and (field.kind != "link" or field.required or may_choose(page, field.target))
    ]


def controls_of(page: Page) -> Controls:
    """Return what makes the controls of the reader."""
    return Controls(page, page.ctx.tenant)


def _links(fields: Iterable[Field]) -> dict[str, str]:
    return {field.name: field.target for field in fields if field.kind == "link"}


async def stored_texts(page: Page, fields: Sequence[Field], row: Mapping[str, Any]) -> Texts:
    """Return what stands in a form for a record as its reader sees it."""
    controls = controls_of(page)
    found = {f.name: controls.text(f, row.get(f.name)) for f in fields}
    links = _links(fields)
    ids = {name: found[name] for name in links}
    named = await titles(page, _by_entity(links, ids))
    return Texts(
        found, TypedLinks(ids, {name: named.get(id, id) for name, id in ids.items()}, {}, {})
    )


def _by_entity(links: Mapping[str, str], ids: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, id in ids.items():
        if id:
            found.setdefault(links[name], []).append(id)
    return found


async def typed_texts(page: Page, fields: Sequence[Field]) -> Texts:
    """Return what was typed into those of the fields that the form has."""
    form = page.form
    there = [f for f in fields if f.name in form or f"{f.name}_text" in form]
    links = await read_links(page, form, _links(there))
    found = {f.name: links.ids[f.name] if f.kind == "link" else form.get(f.name) for f in there}
    return Texts(found, links)


def body_of(page: Page, fields: Iterable[Field], texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the body that REST would get for texts of a form."""
    controls = controls_of(page)
    return {f.name: controls.read(f, texts[f.name]) for f in fields if f.name in texts}


def groups(
    page: Page,
    entity: Declaration,
    fields: Sequence[Field],
    typed: Texts,
    errors: Mapping[str, str],
    row: Mapping[str, Any] | None = None,
) -> list[Group]:
    """Return the controls of a form in their groups."""
    controls = controls_of(page)
    found: dict[str, list[Control]] = {}
    for field in fields:
        made = _control(page, controls, field, typed, errors, row or {})
        found.setdefault(group_title(page, entity, field), []).append(made)
    if len(fields) <= SMALL_FORM:
        every = [control for group in found.values() for control in group]
        return [Group("", tuple(every))]
    further = page.translate(FURTHER)
    titles_in_order = sorted(found, key=lambda title: title == further)
    return [Group(title, tuple(found[title])) for title in titles_in_order]


def _control(
    page: Page,
    controls: Controls,
    field: Field,
    typed: Texts,
    errors: Mapping[str, str],
    row: Mapping[str, Any],
) -> Control:
    links, name = typed.links, field.name
    choosable = field.kind == "link" and may_choose(page, field.target)
    made = controls.control(
        field,
        typed.texts.get(name, ""),
        text=links.words.get(name, ""),
        error=errors.get(name, "") or links.errors.get(name, ""),
        src=source(page, field.target) if choosable else "",
        currency=str(row.get(field.currency) or "") if field.currency else "",
    )
    if choosable and may_create(page, field.target):
        target = page.ctx.tenant.entities[field.target]
        made = msgspec.structs.replace(made, create=entity_path(target, under="new/"))
    if name in links.found:  # a text that several records match: they are offered
        changes: dict[str, Any] = {"kind": "select", "options": links.found[name], "empty": ""}
        return msgspec.structs.replace(made, **changes)
    if field.kind == "link" and not choosable:
        return msgspec.structs.replace(made, kind="text")
    return made


async def fixed_controls(
    page: Page, entity: Declaration, row: Mapping[str, Any]
) -> tuple[Control, ...]:
    """Return the controls of fields that only others may change: shown, and never sent."""
    rights = page.ctx.rights
    visible = rights.visible(entity.name) - rights.writable(entity.name, "update")
    fields = [
        field
        for name, field in entity.fields.items()
        if name in visible
        and not (field.system or field.readonly or field.kind == "json")
        and (field.kind != "link" or may_choose(page, field.target))
    ]
    texts, controls = await stored_texts(page, fields, row), controls_of(page)
    found = []
    for field in fields:
        made = controls.control(field, texts.texts[field.name])
        if field.kind == "link":
            words = texts.links.words.get(field.name, "")
            made = msgspec.structs.replace(made, kind="text", value=words)
        found.append(msgspec.structs.replace(made, disabled=True, required=False, help=""))
    return tuple(found)


def group_title(page: Page, entity: Declaration, field: Field) -> str:
    """Return the heading under which a field stands; it follows from what the field says."""
    _ = page.translate
    if field.plugin != entity.plugin and not field.system and field.name != "custom":
        return _(page.ctx.tenant.registry.plugins[field.plugin].manifest.title)
    if field.pii == "location":
        return _("Address")
    if field.kind in ("tags", "long_text"):
        return _("Notes and tags")
    return _(FURTHER) if field.kind == "json" else _("Details")
