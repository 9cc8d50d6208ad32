"""The page of a record: its head, its tabs, its values, and one of them being edited in place."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from markupsafe import Markup

from core.admin.cells import Cell, cells, wanted
from core.admin.page import READ, Page
from core.admin.parts import Link
from core.admin.screens import actions
from core.admin.screens.form_fields import (
    FURTHER,
    SHOWN,
    Group,
    fields_of,
    group_title,
    groups,
    stored_texts,
)
from core.admin.screens.making import place, screen_route
from core.admin.screens.related import (
    Related,
    count_text,
    reach_of,
    related_of,
    related_values,
)
from core.admin.screens.saving import form_key, gone, id_of
from core.admin.screens.tabs import tabs_of
from core.entities import Declaration
from core.errors import NotFound
from core.fields import Field
from core.registry import Registry
from core.rest.reach import Reach
from core.rest.records import read_one
from core.rest.shape import Row, readable, shape_of
from core.standard import STANDARD

DETAILS = "details"
KEY_FACTS = 4


class Value(msgspec.Struct, frozen=True):
    """A field of the record as it is shown; ``edit`` is where it is edited in place."""

    name: str
    label: str
    shown: Any
    edit: str = ""
    wide: bool = False


async def show_record(page: Page, entity: Declaration) -> ASGIResponse:
    """Show a record, with the tab that the address names."""
    ctx = page.ctx
    visible = ctx.rights.visible(entity.name)
    names = [n for n in readable(entity, visible) if n not in ("id", "version", "custom")]
    asked = wanted(ctx, entity, [*names, *({"custom"} & visible)])
    try:
        row, version = await read_one(
            ctx, entity, id_of(page), shape_of(ctx.tenant, ctx.rights, entity, asked)
        )
    except NotFound:
        return await gone(page, entity)
    own = actions.declared(page, entity)
    related = related_of(page, entity)
    rights = ["update", "delete", *(action.right for action in own)]
    reach = await reach_of(page, entity, UUID(str(row["id"])), rights, related)
    shown = {cell.key: cell for cell in cells(page, entity, names)}
    key = page.request.query_params.get("tab", DETAILS)
    return page.render(
        "record.html",
        **_head(page, entity, row, shown),
        **_deeds(page, entity, row, reach, own, version),
        tabs=_tabs(page, entity, row, key, related, reach),
        **await _body(page, entity, row, version, reach, shown, key, related),
    )


def _head(page: Page, entity: Declaration, row: Row, shown: Mapping[str, Cell]) -> dict[str, Any]:
    """Return the title, the badge beside it and the key facts under it."""
    label = page.translate(entity.label)
    title = shown[entity.title].text(row) if entity.title in shown else ""
    columns = [f.name for n in entity.columns if (f := entity.field(n)) is not None]
    columns = [n for n in columns if n in shown and n not in (entity.title, "created_at")]
    stand = next((n for n in columns if entity.fields[n].kind in ("choice", "boolean")), None)
    stand = "status" if "status" in shown else stand
    facts = [n for n in columns if n != stand and shown[n].text(row)][:KEY_FACTS]
    return {
        "entity": entity,
        "title": title or label,
        "label": label,
        "person": entity.title in entity.fields and entity.fields[entity.title].pii == "identity",
        "badge": shown[stand].show(row) if stand and row[stand] is not None else "",
        "facts": [Value(n, shown[n].label, shown[n].show(row)) for n in facts],
        "crumbs": [Link(page.translate(entity.plural), place(entity)), Link(title or label, "")],
        "id": row["id"],
    }


def _deeds(
    page: Page,
    entity: Declaration,
    row: Row,
    reach: Reach,
    own: list[actions.Action],
    version: int,
) -> dict[str, Any]:
    """Return what may be done with this very record."""
    id = row["id"]
    return {
        "edit": place(entity, id, "edit/") if "update" in reach.rights else "",
        "delete": place(entity, id, "delete/")
        if "delete" in reach.rights and "delete" in entity.verbs
        else "",
        "deeds": [
            Link(page.translate(a.label), place(entity, id, f"do/{a.name}/"))
            for a in own
            if a.right in reach.rights
        ],
        "version": version,
        "key": form_key(),
    }


def _tabs(
    page: Page, entity: Declaration, row: Row, key: str, related: list[Related], reach: Reach
) -> list[Link]:
    """Return the tabs; a related list that is empty, and to which nothing can be added, is none."""
    here = place(entity, row["id"])
    found = [Link(page.translate("Details"), here, "", key == DETAILS)]
    for tab in tabs_of(page, entity):
        href = f"{here}?tab={tab.key}"
        found.append(Link(page.translate(tab.label), href, tab.icon, key == tab.key))
    for one, count in zip(related, reach.counts, strict=True):
        adds = one.field.name in page.ctx.rights.writable(one.entity.name, "create")
        if count or (adds and "create" in one.entity.verbs) or key == one.key:
            text = count_text(page, count)
            found.append(Link(one.label, f"{here}?tab={one.key}", "", key == one.key, text))
    return found


async def _body(
    page: Page,
    entity: Declaration,
    row: Row,
    version: int,
    reach: Reach,
    shown: Mapping[str, Cell],
    key: str,
    related: list[Related],
) -> dict[str, Any]:
    """Return what stands in the tab that is open."""
    id = UUID(str(row["id"]))
    for one in related:
        if one.key == key:
            values = await related_values(page, entity, id, one)
            return {"tab": "record_related.html", "inside": values}
    tab = next((t for t in tabs_of(page, entity) if t.key == key), None)
    if tab is not None:
        return {"tab": tab.template, "inside": dict(await tab.read(page, entity, row))}
    if key != DETAILS:
        raise NotFound
    return {
        "tab": "record_details.html",
        "inside": await _details(page, entity, row, version, reach, shown),
    }


async def _details(
    page: Page,
    entity: Declaration,
    row: Row,
    version: int,
    reach: Reach,
    shown: Mapping[str, Cell],
) -> dict[str, Any]:
    """Return all values in their groups, and the form of the one that is edited."""
    writable = fields_of(page, entity, "update") if "update" in reach.rights else []
    asked = page.request.query_params.get("edit", "")
    edited = [f for f in writable if f.name == asked]
    here = place(entity, row["id"])
    edits = {f.name: f"{here}?edit={f.name}" for f in writable}
    found: dict[str, list[Value]] = {}
    fields = [f for n, f in entity.fields.items() if n in shown and not _beside(f)]
    for field in fields:
        group = group_title(page, entity, field)
        found.setdefault(group, []).append(
            _value(field, row, shown, edits, titled=field.name == entity.title)
        )
    if own := row.get("custom"):
        found[page.translate(FURTHER)] = [
            Value(f"own-{n}", name, text) for n, (name, text) in enumerate(_own(own))
        ]
    system = [n for n in STANDARD if n in shown and n != "deleted_at"]
    found[page.translate("Record")] = [_value(entity.fields[n], row, shown, {}) for n in system]
    values: dict[str, Any] = {"groups": list(found.items()), "editing": "", "hidden": {}}
    if edited:
        texts = await stored_texts(page, edited, row)
        form: list[Group] = groups(page, entity, edited, texts, {}, row)
        values |= {
            "editing": asked,
            "control": form[0].controls[0],
            "save": place(entity, row["id"], "edit/"),
            "cancel": here,
            "hidden": {
                "_key": form_key(),
                "_version": version,
                SHOWN: texts.marks(),
                "_only": asked,
            },
        }
    return values


def _beside(field: Field) -> bool:
    """Whether a field tells of the record as such, and not of what it stands for."""
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
    if wide and row[field.name]:
        value = Markup('<span class="prose-text">{}</span>').format(row[field.name])
    return Value(field.name, cell.label, value, edits.get(field.name, ""), wide)


def routes(registry: Registry) -> list[HTTPRouteHandler]:
    """Return the pages of the records of all entities."""
    return [
        screen_route(entity, "/{id:str}", READ, "view", show_record)
        for entity in registry.entities.values()
        if "view" in entity.verbs
    ]
