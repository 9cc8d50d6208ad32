"""The rows of a list: what a shape needs is made once, a row then only fills it."""

from collections.abc import Iterable
from urllib.parse import quote

import msgspec
from markupsafe import Markup

from core.admin.page import Page
from core.admin.parts import Column
from core.admin.row_templates import RowTemplate, gap
from core.admin.screens.list import edit_cell
from core.admin.screens.list.bulk_actions import bulk_actions
from core.admin.screens.list.list_query import ListState
from core.admin.screens.record.actions import record_actions
from core.admin.screens.routing import entity_path
from core.admin.words import cells
from core.model.entities import HISTORY, Declaration
from core.records.lists.list_query import sortable
from core.records.projection import Row

ACTIONS = "actions"
MOST_KEPT = 2000


class Gaps(msgspec.Struct, frozen=True):
    """A row that is nobody's: each of its values is a gap."""

    id: str
    title: str
    back: str
    cells: dict[str, str]


def may(page: Page, entity: Declaration, verb: str) -> bool:
    """Return whether the caller may do something that the entity has."""
    return verb in (*entity.verbs, HISTORY) and page.ctx.rights.may(entity.name, verb)


def table_columns(
    page: Page, entity: Declaration, state: ListState, shown: Iterable[cells.Cell]
) -> list[Column]:
    """Return the columns of the table; a header orders by it, and the other way round."""
    allowed = set(sortable(entity, page.ctx.rights.visible(entity.name)))
    first = (state.ordering or entity.order).split(",")[0]
    columns = []
    for number, cell in enumerate(shown):
        name = cell.key
        here = first.lstrip("-") == name
        down = here and first.startswith("-")
        ordering = name if down or not here else f"-{name}"
        columns.append(
            Column(
                name,
                cell.label,
                cell.kind,
                sort=state.href(ordering=ordering) if name in allowed else "",
                order=("descending" if down else "ascending") if here else "",
                primary=number == 0,
            )
        )
    return columns


def rows_of(
    page: Page, entity: Declaration, columns: list[Column], rows: list[Row], back: str
) -> Markup:
    """Return the rows of the table; ``back`` is where the form of a cell leads to."""
    names = tuple(column.key for column in columns if column.key != ACTIONS)
    shown, title = cells.cells(page, entity, names), cells.title_of(page, entity)
    fill = _stencil(page, entity, columns).fill
    fixed = {"back": quote(back, safe="")}
    return Markup("").join(
        fill(
            {
                "id": row["id"],
                "title": title(row),
                **{f"c_{cell.key}": cell.show(row) for cell in shown},
                **fixed,
            }
        )
        for row in rows
    )


def _stencil(page: Page, entity: Declaration, columns: list[Column]) -> RowTemplate:
    """Return the row with gaps, rendered once for a shape, language and theme."""
    ctx = page.ctx
    names = tuple(column.key for column in columns)
    place_of = ("row", entity.name, ctx.rights, names, page.locale, page.theme)
    found: RowTemplate | None = ctx.tenant.shapes.get(place_of)
    if found is None:
        made = {name: gap(f"c_{name}") for name in names}
        text = page.renderer.render(
            "list_row.html",
            theme=page.theme,
            locale=page.locale,
            zone=page.zone,
            row=Gaps(gap("id"), gap("title"), gap("back"), made),
            columns=columns,
            edited=edit_cell.editable(page, entity),
            base=entity_path(entity),
            may=lambda verb: may(page, entity, verb),
            deeds=[
                (a.name, page.translate(a.row_label), a.icon)
                for a in record_actions(page, entity)
                if a.row_label
            ],
            select="ids" if bulk_actions(page, entity) else "",
        )
        found = RowTemplate(text)
        if len(ctx.tenant.shapes) > MOST_KEPT:
            ctx.tenant.shapes.clear()
        ctx.tenant.shapes[place_of] = found
    return found
