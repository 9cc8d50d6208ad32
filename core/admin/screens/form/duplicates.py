"""A warning before a duplicate is created: the same e-mail address or telephone number."""

from collections.abc import Sequence
from typing import Any

from core import criteria
from core.admin.page import Page
from core.admin.parts import Link
from core.admin.screens.routing import entity_path
from core.admin.words.cells import cell_fields, cells
from core.database.connections import Unit
from core.errors import Conflict, FieldError
from core.model.entities import Declaration
from core.records.lists.list_query import Paging, Query, read_sorts
from core.records.lists.pages import page_on
from core.records.projection import Row
from core.records.row_filter import read_action

ANYWAY = "_anyway"
KINDS = ("email", "phone")
MOST = 5


class PossibleDuplicate(Conflict):
    """There are records that may be the same, and the form does not confirm a new one.

    ``errors`` names the fields of which no two records have the same: there cannot be another.
    """

    code = "duplicate"

    def __init__(self, links: list[Link], taken: list[FieldError]) -> None:
        super().__init__(errors=taken)
        self.links = links


async def refuse_duplicates(
    page: Page, entity: Declaration, unit: Unit, values: dict[str, Any]
) -> None:
    """Refuse with ``Alike`` where the writer can see a record with the same address or number."""
    ctx, visible = page.ctx, page.ctx.rights.visible(entity.name)
    same = [
        {"field": name, "op": "=", "value": value}
        for name, value in values.items()
        if entity.fields[name].kind in KINDS and value and name in visible
    ]
    right = read_action(ctx, entity)
    if not same or not ctx.rights.may(entity.name, right):
        return
    every = ctx.tenant.rights(("admin",))
    tree = same[0] if len(same) == 1 else {"any": same}
    check = criteria.parse_and_check(
        tree, entity, ctx.tenant.entities, every, ctx.tenant.terms, trusted=True
    )
    names = [n for n in (entity.title, *(s["field"] for s in same)) if n in visible]
    names = list(dict.fromkeys(names))
    sorts = read_sorts(entity, visible, None)
    query = Query(Paging(MOST), cell_fields(ctx, entity, names), sorts, (check,))
    found = await page_on(unit.connection, ctx, entity, query, right)
    if found.rows:
        told = cells(page, entity, names)
        raise PossibleDuplicate(
            [
                Link(
                    " · ".join(t for c in told if (t := c.text(row))),
                    entity_path(entity, row["id"]),
                )
                for row in found.rows
            ],
            _unique_errors(entity, same, found.rows),
        )


def _unique_errors(
    entity: Declaration, same: list[dict[str, Any]], rows: Sequence[Row]
) -> list[FieldError]:
    """Return the fields of which no two records have the same, and one of these has it."""
    return [
        FieldError(f"#/{one['field']}", "There is one with this already.", "unique")
        for one in same
        if entity.fields[one["field"]].unique
        and any(row.get(one["field"]) == one["value"] for row in rows)
    ]
