"""The list of any entity: a table that is searched, filtered, ordered and paged by its address."""

from typing import Any

import asyncpg
from litestar.response.base import ASGIResponse

from core.admin.page import READ, WRITE, Page
from core.admin.parts import Column
from core.admin.screens.bulk import bulk, export
from core.admin.screens.form.after_submit import noun
from core.admin.screens.list import columns as list_columns
from core.admin.screens.list import edit_cell, filter_form, view_dialogs
from core.admin.screens.list.empty import empty_of
from core.admin.screens.list.figures import Figure, figures_on
from core.admin.screens.list.filters import bar_of
from core.admin.screens.list.lens import headers, size_of, sizes
from core.admin.screens.list.look import Look, look_on
from core.admin.screens.list.rows import ACTIONS, may, rows_of
from core.admin.screens.list.state import read_state
from core.admin.screens.list.views import differs, may_change
from core.admin.screens.routing import Screen, place, screen_route
from core.admin.words import cells
from core.model.entities import Declaration
from core.records.lists.large_table_pages import COUNTED
from core.records.lists.pages import Found, page_on
from core.registry.registry import Registry
from core.rest.route import Route

BODY = "list"


def routes(registry: Registry) -> list[Route]:
    """Return the lists of all entities, with what is done beside them."""
    screens: tuple[tuple[str, Any, Screen], ...] = (
        ("", READ, show_list),
        ("/columns", READ, list_columns.show_columns),
        ("/columns", WRITE, list_columns.change_columns),
        ("/filter", READ, filter_form.show_filter),
        ("/filter", WRITE, filter_form.change_filter),
        ("/views", WRITE, view_dialogs.create_view),
        ("/views/new", READ, view_dialogs.show_new),
        ("/views/{id:str}", READ, view_dialogs.show_view),
        ("/views/{id:str}", WRITE, view_dialogs.change_view),
    )
    made = [
        screen_route(entity, path, methods, "list", show)
        for entity in registry.entities.values()
        if "list" in entity.verbs
        for path, methods, show in screens
    ]
    return [*made, *bulk.routes(registry), *export.routes(registry), *edit_cell.routes(registry)]


async def show_list(page: Page, entity: Declaration) -> ASGIResponse:
    """Show the rows that the address asks for: everything is read in one transaction."""
    asked = read_state(page.request, entity)
    part = page.hx and page.htmx.target_id == BODY
    # After a change the list asks for itself, and for the figures over it.
    again = part and page.htmx.source.partition("#")[2] == BODY

    async def run(connection: asyncpg.Connection) -> tuple[Look, Found | None, list[Figure]]:
        seen = await look_on(connection, page, entity, asked)
        found = None
        if seen.query is not None:
            found = await page_on(connection, page.ctx, entity, seen.query, "list")
        figures = await figures_on(connection, page, entity) if again or not part else []
        return seen, found, figures

    seen, found, figures = await page.ctx.read(run)
    template, pushed = "list_body.html" if part else "list.html", part and not again
    return page.render(
        template,
        status=400 if seen.refused else 200,
        headers={"HX-Push-Url": seen.state.href(page=seen.state.page)} if pushed else None,
        figures=figures,
        again=again,
        **values(page, entity, seen, found),
    )


def values(page: Page, entity: Declaration, seen: Look, found: Found | None) -> dict[str, Any]:
    """Return what the templates of a list are given."""
    state, ctx = seen.state, page.ctx
    columns = _columns(page, entity, seen)
    rows, back = found.rows if found else [], state.href(page=state.page)
    view = seen.kept.view(state.view)
    bar = bar_of(page, entity, state, seen.trees, seen.titles)
    return {
        "entity": entity,
        "base": place(entity),
        "here": back,
        "state": state,
        "bar": bar,
        "views": view_dialogs.tabs(page, entity, seen),
        "view": view,
        "view_differs": view is not None and differs(state, view, entity),
        "view_changes": view is not None and may_change(ctx, view),
        "kept": seen.kept,
        "columns": columns,
        "deeds": bulk.offered(page, entity),
        "nouns": (noun(page, entity, 1), noun(page, entity, 2)),
        "rows": rows_of(page, entity, columns, rows, back),
        "empty": None if rows else empty_of(page, entity, bar),
        "count": said_count(page, found),
        "span": _span(page, seen, found),
        "sizes": sizes(state),
        "size": size_of(state),
        "previous": state.href(**found.backward) if found and found.backward else "",
        "onward": state.href(**found.onward) if found and found.onward else "",
        "problem": page.tell(seen.refused.detail) if seen.refused else "",
        "may": lambda verb: may(page, entity, verb),
    }


def _columns(page: Page, entity: Declaration, seen: Look) -> list[Column]:
    shown = cells.cells(page, entity, seen.columns)
    found = headers(page, entity, seen.state, shown)
    return [*found, Column(ACTIONS, page.translate("Actions"), ACTIONS)]


def said_count(page: Page, found: Found | None) -> str:
    """Return how many there are; what is not counted to the end has a plus behind it."""
    if found is None or found.count is None:
        return ""
    if "count_is_estimate" in found.said:
        return f"{page.formats.number(COUNTED)}+"
    return page.formats.number(found.count) + ("+" if found.said.get("count_is_capped") else "")


def _span(page: Page, seen: Look, found: Found | None) -> tuple[str, str]:
    """Return which rows are on this page."""
    before, number = (seen.state.page - 1) * size_of(seen.state), page.formats.number
    return number(before + 1), number(before + len(found.rows if found else ()))
