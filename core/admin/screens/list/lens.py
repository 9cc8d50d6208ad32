"""How one person looks at a list: which columns, in which order, and the query behind it."""

from collections.abc import Iterable
from typing import Any

import msgspec

from core.admin.page import Page
from core.admin.parts import Column
from core.admin.screens.list.state import SIZES, State
from core.admin.words import cells
from core.errors import Invalid
from core.model.entities import Declaration
from core.model.fields import Field
from core.records.lists.list_query import MOST_OFFSET, MOST_PAGE, PAGE, Query, sortable
from core.rest.entity.lists import read_list, read_tree
from core.rest.request.decode import decode
from core.runtime.context import Context

# Fields that tell people nothing in a table.
BARE = ("id", "version", "custom", "deleted_at")
MOST_COLUMNS = 25


def offered(ctx: Context, entity: Declaration) -> list[Field]:
    """Return the fields that may be a column for the caller, those of the entity first."""
    visible = ctx.rights.visible(entity.name)
    usual = {f.name for name in entity.columns if (f := entity.field(name)) is not None}
    found = [
        field
        for field in entity.fields.values()
        if field.name in visible
        and field.name not in BARE
        and not field.detail_only
        and (field.kind != "json" or field.name in usual)
    ]
    return sorted(found, key=lambda field: field.system)


def columns_of(ctx: Context, entity: Declaration, names: Iterable[str]) -> tuple[str, ...]:
    """Return the columns out of ``names`` that the caller may see, or the entity's own."""
    known = {field.name for field in offered(ctx, entity)}

    def checked(given: Iterable[str]) -> tuple[str, ...]:
        fields = (entity.field(name) for name in given)
        return tuple(dict.fromkeys(f.name for f in fields if f is not None and f.name in known))

    return checked(names)[:MOST_COLUMNS] or checked(entity.columns) or tuple(known)[:1]


def size_of(state: State) -> int:
    """Return how many rows a page has."""
    return min(state.size, MOST_PAGE) or PAGE


def read_where(text: str) -> Any:
    """Return the criteria in an address; refuses what is no JSON object."""
    tree = decode(text.encode())
    if not isinstance(tree, dict):
        raise Invalid("The filter in the address could not be read.", code="where")
    return tree


def query_of(ctx: Context, entity: Declaration, state: State, columns: tuple[str, ...]) -> Query:
    """Return the checked query of a state; refuses it in the words of REST."""
    size = size_of(state)
    own = {"page": str(min(state.page, MOST_OFFSET // size)), "page_size": str(size)}
    own |= {"ordering": state.ordering} if state.ordering else {}
    own |= {"search": state.search} if state.search else {}
    query = read_list(ctx, entity, own, state.filters)
    filters = query.filters
    if state.where:
        filters = (*filters, read_tree(ctx, entity, read_where(state.where)))
    return msgspec.structs.replace(
        query, wanted=cells.wanted(ctx, entity, columns), filters=filters
    )


def headers(
    page: Page, entity: Declaration, state: State, shown: Iterable[cells.Cell]
) -> list[Column]:
    """Return the columns of the table; a header orders by it, and the other way round."""
    allowed = set(sortable(entity, page.ctx.rights.visible(entity.name)))
    first = (state.ordering or entity.order).split(",")[0]
    found = []
    for place, cell in enumerate(shown):
        name = cell.key
        here = first.lstrip("-") == name
        down = here and first.startswith("-")
        onward = name if down or not here else f"-{name}"
        found.append(
            Column(
                name,
                cell.label,
                cell.kind,
                sort=state.href(ordering=onward) if name in allowed else "",
                order=("descending" if down else "ascending") if here else "",
                primary=place == 0,
            )
        )
    return found


def sizes(state: State) -> list[tuple[int, str]]:
    """Return the sizes of a page that are offered, each with its address."""
    return [(size, state.href(size=size)) for size in SIZES]
