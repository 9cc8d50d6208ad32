"""What a list shows: its address read, its saved view, its columns, and the query behind it.

The address holds everything, so that the back button and shared links restore it.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, urlencode

import asyncpg
import msgspec
from litestar import Request

from core import criteria
from core.admin.page import Page
from core.admin.screens.form.lookup import titles_on
from core.admin.screens.list.views import SavedViews, read_saved_views
from core.admin.words import cells
from core.admin.words.criteria_words import links_in
from core.criteria import from_parameters
from core.errors import Invalid, NotFound, Refused
from core.model.entities import Declaration
from core.model.fields import Field
from core.records.lists.list_query import MOST_OFFSET, MOST_PAGE, PAGE, Query
from core.rest.entity.lists import read_list, read_tree
from core.rest.request.decode import decode
from core.runtime.context import Context

OWN = ("search", "ordering", "page", "page_size", "columns", "view", "where")
# Less than what a redirect may hold.
LONGEST = 1800
SIZES = (10, 25, 50, 100)
# The list without any saved view, where another is what people see first.
EVERYTHING = "all"
# Fields that tell people nothing in a table.
NO_COLUMNS = ("id", "version", "custom", "deleted_at")
MOST_COLUMNS = 25
# The criteria of each filter in an address; those that are wrong or not allowed are left out.
Trees = Mapping[tuple[str, str], Any]


class ListState(msgspec.Struct, frozen=True):
    """What the address of a list says; ``where`` is a tree of criteria as JSON."""

    resource: str
    search: str = ""
    ordering: str = ""
    page: int = 1
    size: int = 0
    columns: tuple[str, ...] = ()
    view: str = ""
    where: str = ""
    filters: tuple[tuple[str, str], ...] = ()

    @property
    def narrowed(self) -> bool:
        """Whether not everything is shown."""
        return bool(self.search or self.where or self.filters)

    @property
    def plain(self) -> bool:
        """Whether the address says nothing but a view and a page of it."""
        return not (self.narrowed or self.ordering or self.columns)

    def pairs(self) -> list[tuple[str, str]]:
        """Return the parameters, in one order; defaults are left out."""
        own = {
            "view": self.view,
            "search": self.search,
            "where": self.where,
            "ordering": self.ordering,
            "columns": ",".join(self.columns),
            "page_size": str(self.size) if self.size else "",
            "page": str(self.page) if self.page > 1 else "",
        }
        return [*self.filters, *((name, text) for name, text in own.items() if text)]

    @property
    def query(self) -> str:
        """The parameters as they stand in an address."""
        return urlencode(self.pairs())

    def href(self, under: str = "", **changed: Any) -> str:
        """Return the address with something changed; whatever else changes, it is page one."""
        changed.setdefault("page", 1)
        query = msgspec.structs.replace(self, **changed).query
        return f"/app/{self.resource}/{under}{'?' if query else ''}{query}"

    def with_filter(self, name: str, text: str) -> "ListState":
        """Return the state with one filter replaced, or removed by an empty text."""
        rest = tuple(pair for pair in self.filters if pair[0] != name)
        own = ((name, text),) if text else ()
        return msgspec.structs.replace(self, filters=(*rest, *own), page=1)


def read_state(request: Request[Any, Any, Any], entity: Declaration) -> ListState:
    """Return what the address says; empty fields of a form say nothing."""
    return parse_state(entity, request.query_params.multi_items())


def parse_state(entity: Declaration, items: Any) -> ListState:
    """Return the state of parameters; refuses text that no column can hold."""
    own: dict[str, str] = {}
    filters: list[tuple[str, str]] = []
    for name, value in items:
        text = value.strip()
        if "\x00" in name + text or any("\ud800" <= c <= "\udfff" for c in name + text):
            raise Invalid("The address holds unusable text.", code="text")
        if not text:
            continue
        if name in OWN:
            own[name] = text
        else:
            filters.append((name, text))
    found = ListState(
        resource=entity.resource,
        search=own.get("search", ""),
        ordering=own.get("ordering", ""),
        page=_number(own.get("page", ""), 1),
        size=_number(own.get("page_size", ""), 0),
        columns=tuple(n for n in own.get("columns", "").split(",") if n),
        view=own.get("view", ""),
        where=own.get("where", ""),
        filters=tuple(filters),
    )
    if len(found.query) > LONGEST:
        raise Invalid("There are more filters than an address can hold.", code="too_long")
    return found


def _number(text: str, default: int) -> int:
    """Return a number out of the address; anything else is the default."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else default


def column_fields(ctx: Context, entity: Declaration) -> list[Field]:
    """Return the fields that may be a column for the caller, those of the entity first."""
    visible = ctx.rights.visible(entity.name)
    usual = {f.name for name in entity.columns if (f := entity.field(name)) is not None}
    found = [
        field
        for field in entity.fields.values()
        if field.name in visible
        and field.name not in NO_COLUMNS
        and not field.detail_only
        and (field.kind != "json" or field.name in usual)
    ]
    return sorted(found, key=lambda field: field.system)


def columns_of(ctx: Context, entity: Declaration, names: Iterable[str]) -> tuple[str, ...]:
    """Return the columns out of ``names`` that the caller may see, or the entity's own."""
    known = {field.name for field in column_fields(ctx, entity)}

    def allowed(candidates: Iterable[str]) -> tuple[str, ...]:
        fields = (entity.field(name) for name in candidates)
        return tuple(dict.fromkeys(f.name for f in fields if f is not None and f.name in known))

    return allowed(names)[:MOST_COLUMNS] or allowed(entity.columns) or tuple(known)[:1]


def page_size(state: ListState) -> int:
    """Return how many rows a page has."""
    return min(state.size, MOST_PAGE) or PAGE


def read_where(text: str) -> Any:
    """Return the criteria in an address; refuses what is no JSON object."""
    tree = decode(text.encode())
    if not isinstance(tree, dict):
        raise Invalid("The filter in the address could not be read.", code="where")
    return tree


def compile_query(
    ctx: Context, entity: Declaration, state: ListState, columns: tuple[str, ...]
) -> Query:
    """Return the checked query of a state; refuses what REST refuses, in the same words."""
    size = page_size(state)
    own = {"page": str(min(state.page, MOST_OFFSET // size)), "page_size": str(size)}
    own |= {"ordering": state.ordering} if state.ordering else {}
    own |= {"search": state.search} if state.search else {}
    query = read_list(ctx, entity, own, state.filters)
    filters = query.filters
    if state.where:
        filters = (*filters, read_tree(ctx, entity, read_where(state.where)))
    return msgspec.structs.replace(
        query, selection=cells.cell_fields(ctx, entity, columns), filters=filters
    )


def page_sizes(state: ListState) -> list[tuple[int, str]]:
    """Return the sizes of a page that are offered, each with its address."""
    return [(size, state.href(size=size)) for size in SIZES]


def apply_view(state: ListState, saved: SavedViews, entity: Declaration) -> ListState:
    """Return the state of the view that an address names, or of the one seen first.

    An address that says more than its view stands for itself; the view is then only its name.
    """
    if not state.plain:
        return state
    view = saved.view(state.view) if state.view else saved.first
    if state.view == EVERYTHING or (view is None and not state.view):
        return state
    if view is None:
        raise NotFound
    stored = parse_state(entity, view.state)
    return msgspec.structs.replace(
        stored,
        view=view.id,
        page=state.page,
        size=state.size or stored.size,
        ordering=stored.ordering or entity.order,
    )


def trees_of(page: Page, entity: Declaration, state: ListState) -> Trees:
    """Return the criteria in a state: of each filter, and of ``where``."""
    ctx, found = page.ctx, dict[tuple[str, str], Any]()
    known = (entity, ctx.tenant.entities, ctx.rights, ctx.tenant.terms)
    for pair in state.filters:
        with suppress(Invalid):
            found[pair] = from_parameters([pair], *known)
    if state.where:
        with suppress(Invalid):
            tree = read_where(state.where)
            criteria.parse_and_check(tree, *known)
            found["where", state.where] = tree
    return found


def linked_records(page: Page, entity: Declaration, trees: Trees) -> dict[str, list[str]]:
    """Return the records that criteria name, by entity."""
    found: dict[str, list[str]] = {}
    for tree in trees.values():
        for target, id in links_in(page, entity, tree):
            found.setdefault(target, []).append(id)
    return found


def where_tree(state: ListState) -> Any:
    """Return the tree of criteria in a state, or None."""
    return read_where(state.where) if state.where else None


class ListQuery(msgspec.Struct, frozen=True):
    """A list as one person sees it; ``query`` is None where ``refused`` says what is wrong."""

    state: ListState
    columns: tuple[str, ...]
    saved: SavedViews
    query: Query | None = None
    refused: Refused | None = None
    trees: Trees = {}
    # Titles by id of the records that filters name and the reader may see.
    titles: Mapping[str, str] = {}

    @property
    def valid_query(self) -> Query:
        """The query; raises what is wrong with it."""
        if self.query is None:
            raise self.refused or Invalid()
        return self.query


async def read_list_query(
    page: Page, entity: Declaration, state: ListState | None = None
) -> ListQuery:
    """Return the caller's query of a list, read in a transaction of its own."""
    requested = read_state(page.request, entity) if state is None else state
    return await page.ctx.read(
        lambda connection: list_query_on(connection, page, entity, requested)
    )


async def list_query_on(
    connection: asyncpg.Connection, page: Page, entity: Declaration, requested: ListState
) -> ListQuery:
    """Return the caller's query of a list; one statement, and one for links in its filters."""
    saved = await read_saved_views(connection, page.ctx, entity)
    state = apply_view(requested, saved, entity)
    if not state.size and saved.preferences.size:
        state = msgspec.structs.replace(state, size=saved.preferences.size)
    columns = columns_of(page.ctx, entity, state.columns or saved.preferences.columns)
    trees = trees_of(page, entity, state)
    titles = await titles_on(connection, page, linked_records(page, entity, trees))
    query, refused = None, None
    try:
        query = compile_query(page.ctx, entity, state, columns)
    except Invalid as invalid:
        refused = invalid
    return ListQuery(state, columns, saved, query, refused, trees, titles)


def state_from_form(page: Page, entity: Declaration) -> ListState:
    """Return the state that a form carries in its hidden field."""
    return parse_state(entity, parse_qsl(page.form.get("state"), keep_blank_values=True))
