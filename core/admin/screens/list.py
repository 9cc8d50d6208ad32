"""The list of any entity: a table that is searched, filtered, ordered and paged by its address."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from core.admin import cells
from core.admin.i18n import Formats
from core.admin.page import READ, Page, page_route
from core.admin.screens.list_filters import bar_of
from core.admin.screens.list_lens import columns_of, headers, query_of, size_of, sizes
from core.admin.screens.list_state import State, read_state
from core.entities import Declaration
from core.errors import Invalid
from core.registry import Registry
from core.rest.pages import COUNTED, Found, page_on

Show = Callable[[Page, Declaration], Awaitable[ASGIResponse]]


class Line(msgspec.Struct, frozen=True):
    """One row as the table takes it."""

    id: str
    title: str
    cells: dict[str, Any]


def entity_page(
    entity: Declaration, path: str, methods: Any, right: str, show: Show
) -> HTTPRouteHandler:
    """Return the route of one of an entity's screens, as the tenant knows the entity."""

    async def serve(page: Page) -> ASGIResponse:
        return await show(page, page.ctx.tenant.entities[entity.name])

    made = page_route(
        f"/app/{entity.resource}{path}",
        methods,
        f"{entity.name}.{right}",
        serve,
        plugin=entity.plugin,
    )
    made.opt["entity"] = entity.name
    return made


def routes(registry: Registry) -> list[HTTPRouteHandler]:
    """Return the lists of all entities."""
    listed = [e for e in registry.entities.values() if "list" in e.verbs]
    return [entity_page(entity, "", READ, "list", show_list) for entity in listed]


async def show_list(page: Page, entity: Declaration) -> ASGIResponse:
    """Show the rows that the address asks for."""
    state = read_state(page.request, entity)
    columns = columns_of(page.ctx, entity, state.columns)
    try:
        query = query_of(page.ctx, entity, state, columns)
    except Invalid as invalid:
        return await _refused(page, entity, state, columns, invalid)

    async def run(connection: asyncpg.Connection) -> Found:
        return await page_on(connection, page.ctx, entity, query, "list")

    found = await page.ctx.read(run)
    return _render(page, entity, state, columns, found)


async def _refused(
    page: Page, entity: Declaration, state: State, columns: tuple[str, ...], invalid: Invalid
) -> ASGIResponse:
    """Show what is wrong with the address, and the way back to a list that works."""
    return _render(page, entity, state, columns, None, problem=invalid.detail)


def _render(
    page: Page,
    entity: Declaration,
    state: State,
    columns: tuple[str, ...],
    found: Found | None,
    problem: str = "",
) -> ASGIResponse:
    shown = cells.cells(page, entity, columns)
    title = cells.title_of(page, entity)
    rows = [
        Line(str(row["id"]), title(row), {cell.key: cell.show(row) for cell in shown})
        for row in (found.rows if found else ())
    ]
    template = "list_body.html" if page.hx and page.htmx.target_id == "list" else "list.html"
    return page.render(
        template,
        status=400 if problem else 200,
        entity=entity,
        base=f"/app/{entity.resource}/",
        state=state,
        bar=bar_of(page, entity, state),
        columns=headers(page, entity, state, shown),
        rows=rows,
        count=said_count(page, found),
        span=_span(page, state, found),
        sizes=sizes(state),
        size=size_of(state),
        previous=state.href(**found.backward) if found and found.backward else "",
        onward=state.href(**found.onward) if found and found.onward else "",
        problem=problem,
        may=lambda verb: verb in entity.verbs and page.ctx.rights.may(entity.name, verb),
    )


def said_count(page: Page, found: Found | None) -> str:
    """Return how many there are; what is not counted to the end has a plus behind it."""
    if found is None or found.count is None:
        return ""
    fmt = Formats(page.locale, page.zone)
    if "count_is_estimate" in found.said:
        return f"{fmt.number(COUNTED)}+"
    return fmt.number(found.count) + ("+" if found.said.get("count_is_capped") else "")


def _span(page: Page, state: State, found: Found | None) -> tuple[str, str]:
    """Return which rows are on this page."""
    fmt, before = Formats(page.locale, page.zone), (state.page - 1) * size_of(state)
    return fmt.number(before + 1), fmt.number(before + len(found.rows if found else ()))
