"""The values of a record in their groups, and the form of the one that is edited in its place."""

from collections.abc import Mapping
from typing import Any

import msgspec
from markupsafe import Markup

from core.admin.page import Page
from core.admin.screens.form.fields import (
    FURTHER,
    SHOWN,
    fields_of,
    group_title,
    groups,
    stored_texts,
)
from core.admin.screens.form.form_submit import form_key
from core.admin.screens.routing import entity_path
from core.admin.words.cells import Cell
from core.model.entities import Declaration
from core.model.fields import Field
from core.model.standard_fields import STANDARD
from core.records.projection import Row


class Value(msgspec.Struct, frozen=True):
    """A field of the record as it is shown; ``edit`` is where it is edited in place."""

    name: str
    label: str
    shown: Any
    edit: str = ""
    wide: bool = False


async def details(
    page: Page,
    entity: Declaration,
    row: Row,
    version: int,
    shown: Mapping[str, Cell],
    *,
    changes: bool,
) -> dict[str, Any]:
    """Return all values in their groups, and the form of the one that is edited."""
    writable = fields_of(page, entity, "update") if changes else []
    asked = page.request.query_params.get("edit", "")
    here = entity_path(entity, row["id"])
    edits = {f.name: f"{here}?edit={f.name}" for f in writable}
    values = {"groups": _groups(page, entity, row, shown, edits), "editing": "", "hidden": {}}
    edited = [f for f in writable if f.name == asked]
    return values | await _form(page, entity, row, version, edited[0]) if edited else values


def _groups(
    page: Page,
    entity: Declaration,
    row: Row,
    shown: Mapping[str, Cell],
    edits: Mapping[str, str],
) -> list[tuple[str, list[Value]]]:
    found: dict[str, list[Value]] = {}
    known = [f for n, f in entity.fields.items() if n in shown and n != "deleted_at"]
    for field in known:
        if not _is_metadata(field):
            group = found.setdefault(group_title(page, entity, field), [])
            group.append(_value(field, row, shown, edits, titled=field.name == entity.title))
    if own := row.get("custom"):
        found[page.translate(FURTHER)] = [
            Value(f"own-{n}", name, text) for n, (name, text) in enumerate(_own(own))
        ]
    beside = [_value(f, row, shown, {}) for f in known if _is_metadata(f)]
    return [*found.items(), (page.translate("Record"), beside)]


async def _form(
    page: Page, entity: Declaration, row: Row, version: int, field: Field
) -> dict[str, Any]:
    """Return what the form of one value is shown with."""
    texts = await stored_texts(page, [field], row)
    return {
        "editing": field.name,
        "control": groups(page, entity, [field], texts, {}, row)[0].controls[0],
        "save": entity_path(entity, row["id"], "edit/"),
        "cancel": entity_path(entity, row["id"]),
        "hidden": {
            "_key": form_key(),
            "_version": version,
            SHOWN: texts.marks(),
            "_only": field.name,
        },
    }


def _is_metadata(field: Field) -> bool:
    """Whether a field describes the record itself, such as who created it."""
    told = field.sql is not None and not field.stored and field.kind == "text"
    return told or field.name in STANDARD


def _own(custom: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the values that a record has beyond its fields."""
    return [
        (name, value if isinstance(value, str) else msgspec.json.encode(value).decode())
        for name, value in sorted(custom.items())
    ]


def _value(
    field: Field,
    row: Row,
    shown: Mapping[str, Cell],
    edits: Mapping[str, str],
    *,
    titled: bool = False,
) -> Value:
    cell, wide = shown[field.name], field.kind == "long_text"
    value = cell.text(row) if titled else cell.show(row)
    if field.kind == "text" and row[field.name]:  # whole, where a cell of a list is cut
        value = row[field.name]
    if wide and row[field.name]:
        value = Markup('<span class="prose-text">{}</span>').format(row[field.name])
    return Value(field.name, cell.label, value, edits.get(field.name, ""), wide)
