"""The page of a record: its head, its tabs, its values, and one of them being edited in place."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar.response.base import ASGIResponse

from core.admin.page import READ, Page
from core.admin.parts import Link
from core.admin.screens.form.form_submit import form_key, id_of, record_gone
from core.admin.screens.record import actions
from core.admin.screens.record.details import Value, details
from core.admin.screens.record.related import (
    Related,
    capabilities_of,
    count_text,
    related_of,
    related_values,
)
from core.admin.screens.record.tabs import tabs_of
from core.admin.screens.routing import entity_path, screen_route
from core.admin.words.cells import Cell, cell_fields, cells
from core.errors import NotFound
from core.model.entities import Declaration
from core.records.capabilities import Capabilities
from core.records.changes.single import read_record
from core.records.projection import Row, projection_of, readable
from core.registry.registry import Registry
from core.rest.route import Route

DETAILS = "details"
KEY_FACTS = 4


async def show_record(page: Page, entity: Declaration) -> ASGIResponse:
    """Show a record, with the tab that the address names."""
    ctx = page.ctx
    visible = ctx.rights.visible(entity.name)
    names = [n for n in readable(entity, visible) if n not in ("id", "version", "custom")]
    asked = cell_fields(ctx, entity, [*names, *({"custom"} & visible)])
    try:
        row, version = await read_record(
            ctx, entity, id_of(page), projection_of(ctx.tenant, ctx.rights, entity, asked)
        )
    except NotFound:
        return await record_gone(page, entity)
    own = actions.record_actions(page, entity)
    related = related_of(page, entity)
    rights = ["update", "delete", *(action.right for action in own)]
    reach = await capabilities_of(page, entity, UUID(str(row["id"])), rights, related)
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
        "crumbs": [
            Link(page.translate(entity.plural), entity_path(entity)),
            Link(title or label, ""),
        ],
        "id": row["id"],
    }


def _deeds(
    page: Page,
    entity: Declaration,
    row: Row,
    reach: Capabilities,
    own: list[actions.Action],
    version: int,
) -> dict[str, Any]:
    """Return what may be done with this very record."""
    id = row["id"]
    return {
        "edit": entity_path(entity, id, "edit/") if "update" in reach.rights else "",
        "delete": entity_path(entity, id, "delete/")
        if "delete" in reach.rights and "delete" in entity.verbs
        else "",
        "deeds": [
            Link(page.translate(a.label), entity_path(entity, id, f"do/{a.name}/"))
            for a in own
            if a.right in reach.rights
        ],
        "version": version,
        "key": form_key(),
    }


def _tabs(
    page: Page, entity: Declaration, row: Row, key: str, related: list[Related], reach: Capabilities
) -> list[Link]:
    """Return the tabs; a related list that is empty, and to which nothing can be added, is none."""
    here = entity_path(entity, row["id"])
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
    reach: Capabilities,
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
        "inside": await details(
            page, entity, row, version, shown, changes="update" in reach.rights
        ),
    }


def routes(registry: Registry) -> list[Route]:
    """Return the pages of the records of all entities."""
    return [
        screen_route(entity, "/{id:str}", READ, "view", show_record)
        for entity in registry.entities.values()
        if "view" in entity.verbs
    ]
