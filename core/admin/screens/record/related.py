"""The related lists of a record: records that link to it, counted at once, shown on demand."""

from typing import Any
from uuid import UUID

import msgspec

from core import criteria
from core.admin.page import Page
from core.admin.parts import Column
from core.admin.screens.routing import entity_path
from core.admin.words.cells import Cell, cell_fields, cells
from core.model.entities import Declaration
from core.model.fields import Field
from core.records.capabilities import Capabilities, CapabilityQuery, read_capabilities
from core.records.lists.large_table_pages import COUNTED
from core.records.lists.list_query import Paging, Query, read_sorts
from core.records.lists.pages import read_page

SHOWN = 25


class Related(msgspec.Struct, frozen=True):
    """A link that points here: the entity it is on, its field, and the name of its tab."""

    entity: Declaration
    field: Field
    key: str
    label: str


class Line(msgspec.Struct, frozen=True):
    """One row as the table takes it."""

    id: str
    cells: dict[str, Any]


def related_of(page: Page, entity: Declaration) -> list[Related]:
    """Return the links to an entity whose records the reader may list, its own plugin's first."""
    ctx, found, taken = page.ctx, list[Related](), set[str]()
    ranks = {entity.plugin: 0, "core": 2}
    links = ctx.platform.registry.links_to(entity.name)
    for child, name in sorted(links, key=lambda link: ranks.get(link[0].plugin, 1)):
        seen = ctx.tenant.entities.get(child.name)
        if seen is None or not ctx.rights.may(child.name, "list") or "list" not in seen.verbs:
            continue
        field = seen.fields.get(name)
        if field is None or field.system or name not in ctx.rights.visible(seen.name):
            continue
        first = seen.resource not in taken
        taken.add(seen.resource)
        label = page.translate(seen.plural)
        if not first:
            label = f"{label}: {page.translate(field.label)}"
        found.append(
            Related(seen, field, seen.resource if first else f"{seen.resource}.{name}", label)
        )
    return found


async def capabilities_of(
    page: Page, entity: Declaration, id: UUID, rights: list[str], related: list[Related]
) -> Capabilities:
    """Return what may be done with a record, and how much hangs on it; one statement."""
    asked = CapabilityQuery(
        entity, id, tuple(rights), tuple((r.entity, r.field.name) for r in related)
    )
    return await read_capabilities(page.ctx, asked)


def count_text(page: Page, count: int) -> str:
    """Return a count as a tab shows it; a very large one is not counted to its end."""
    fmt = page.formats
    return fmt.number(count) if count <= COUNTED else f"{fmt.number(COUNTED)}+"


async def related_values(
    page: Page, entity: Declaration, id: UUID, related: Related
) -> dict[str, Any]:
    """Return what the template of a related list shows: its newest rows, and where the rest is."""
    ctx, child = page.ctx, related.entity
    visible = ctx.rights.visible(child.name)
    columns = [f.name for n in child.columns if (f := child.field(n)) is not None]
    names = [n for n in columns if n in visible and n != related.field.name]
    tree = {"field": related.field.name, "op": "=", "value": str(id)}
    every = ctx.tenant.rights(("admin",))
    only = criteria.parse_and_check(
        tree, child, ctx.tenant.entities, every, ctx.tenant.terms, trusted=True
    )
    sorts = read_sorts(child, visible, None)
    found = await read_page(
        ctx, child, Query(Paging(SHOWN), cell_fields(ctx, child, names), sorts, (only,))
    )
    shown = cells(page, child, names)
    opens = child.title in names
    here = entity_path(entity, id)
    creates = "create" in child.verbs and related.field.name in ctx.rights.writable(
        child.name, "create"
    )
    step = related.field.name.removesuffix("_id")
    more = related.field.filter and (found.count or 0) > len(found.rows)
    return {
        "related": related,
        "columns": [_column(cell, child) for cell in shown],
        "rows": [
            Line(str(row["id"]), {cell.key: cell.show(row) for cell in shown}) for row in found.rows
        ],
        "opens": "" if opens or not ctx.rights.may(child.name, "view") else entity_path(child),
        "create": f"{entity_path(child, under='new/')}?{related.field.name}={id}&_back={here}"
        if creates
        else "",
        "more": f"{entity_path(child)}?{step}={id}" if more else "",
        "count": count_text(page, found.count or 0),
    }


def _column(cell: Cell, child: Declaration) -> Column:
    return Column(cell.key, cell.label, cell.kind, primary=cell.key == child.title)
