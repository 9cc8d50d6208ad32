"""The list of any entity: a table that is searched, filtered, ordered and paged by its address."""

from typing import Any

import asyncpg
import msgspec
from litestar.response.base import ASGIResponse

from core.admin.nav import icon_of
from core.admin.page import READ, WRITE, Page
from core.admin.parts import Column
from core.admin.screens.form.after_submit import noun
from core.admin.screens.list import columns as list_columns
from core.admin.screens.list import edit_cell, filter_form, view_dialogs
from core.admin.screens.list.bulk_actions import bulk_actions
from core.admin.screens.list.figures import Figure, figures_on
from core.admin.screens.list.filters import Bar, bar_of
from core.admin.screens.list.list_query import (
    ListQuery,
    list_query_on,
    page_size,
    page_sizes,
    read_state,
)
from core.admin.screens.list.rows import ACTIONS, may, rows_of, table_columns
from core.admin.screens.list.views import may_change
from core.admin.screens.routing import Screen, entity_path, screen_route
from core.admin.words import cells
from core.admin.words.wording import first_sentence
from core.model.entities import Declaration
from core.records.lists.large_table_pages import COUNTED
from core.records.lists.pages import ListPage, page_on
from core.registry.registry import Registry
from core.rest.route import Route

BODY = "list"


class EmptyList(msgspec.Struct, frozen=True):
    """The words of an empty list, and the one thing to do about it."""

    icon: str
    title: str
    text: str
    label: str = ""
    href: str = ""
    adds: bool = False


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
    return [*made, *edit_cell.routes(registry)]


async def show_list(page: Page, entity: Declaration) -> ASGIResponse:
    """Show the rows that the address asks for: everything is read in one transaction."""
    state = read_state(page.request, entity)
    part = page.hx and page.htmx.target_id == BODY
    # After a change the list asks for itself, and for the figures over it.
    again = part and page.htmx.source.partition("#")[2] == BODY

    async def run(
        connection: asyncpg.Connection,
    ) -> tuple[ListQuery, ListPage | None, list[Figure]]:
        query = await list_query_on(connection, page, entity, state)
        found = None
        if query.query is not None:
            found = await page_on(connection, page.ctx, entity, query.query, "list")
        figures = await figures_on(connection, page, entity) if again or not part else []
        return query, found, figures

    query, found, figures = await page.ctx.read(run)
    template, pushed = "list_body.html" if part else "list.html", part and not again
    return page.render(
        template,
        status=400 if query.refused else 200,
        headers={"HX-Push-Url": query.state.href(page=query.state.page)} if pushed else None,
        figures=figures,
        again=again,
        **values(page, entity, query, found),
    )


def values(
    page: Page, entity: Declaration, query: ListQuery, rows_page: ListPage | None
) -> dict[str, Any]:
    """Return what the templates of a list are given."""
    state, ctx = query.state, page.ctx
    columns = _columns(page, entity, query)
    rows, back = rows_page.rows if rows_page else [], state.href(page=state.page)
    view = query.saved.view(state.view)
    bar = bar_of(page, entity, state, query.trees, query.titles)
    return {
        "entity": entity,
        "base": entity_path(entity),
        "here": back,
        "state": state,
        "bar": bar,
        "views": view_dialogs.tabs(page, entity, query),
        "view": view,
        "view_differs": view is not None and view_dialogs.differs(state, view, entity),
        "view_changes": view is not None and may_change(ctx, view),
        "saved": query.saved,
        "columns": columns,
        "bulk_actions": bulk_actions(page, entity),
        "nouns": (noun(page, entity, 1), noun(page, entity, 2)),
        "rows": rows_of(page, entity, columns, rows, back),
        "empty": None if rows else empty_list(page, entity, bar),
        "count": count_text(page, rows_page),
        "span": _span(page, query, rows_page),
        "sizes": page_sizes(state),
        "size": page_size(state),
        "previous": state.href(**rows_page.previous) if rows_page and rows_page.previous else "",
        "onward": state.href(**rows_page.next) if rows_page and rows_page.next else "",
        "problem": page.tell(query.refused.detail) if query.refused else "",
        "may": lambda verb: may(page, entity, verb),
    }


def _columns(page: Page, entity: Declaration, query: ListQuery) -> list[Column]:
    shown = cells.cells(page, entity, query.columns)
    found = table_columns(page, entity, query.state, shown)
    return [*found, Column(ACTIONS, page.translate("Actions"), ACTIONS)]


def count_text(page: Page, rows_page: ListPage | None) -> str:
    """Return how many there are; what is not counted to the end has a plus behind it."""
    if rows_page is None or rows_page.count is None:
        return ""
    if "count_is_estimate" in rows_page.count_notes:
        return f"{page.formats.number(COUNTED)}+"
    return page.formats.number(rows_page.count) + (
        "+" if rows_page.count_notes.get("count_is_capped") else ""
    )


def _span(page: Page, query: ListQuery, found: ListPage | None) -> tuple[str, str]:
    """Return which rows are on this page."""
    before, number = (query.state.page - 1) * page_size(query.state), page.formats.number
    return number(before + 1), number(before + len(found.rows if found else ()))


def empty_list(page: Page, entity: Declaration, bar: Bar) -> EmptyList:
    """Return what an empty list says to the reader."""
    return _nothing_matches(page, bar) if bar.clear else _nothing_yet(page, entity)


def _nothing_matches(page: Page, bar: Bar) -> EmptyList:
    """Name the filters, so that one sees which of them is too much."""
    say = page.translate
    filters = "; ".join(chip.label for chip in bar.chips)
    text = say("Nothing matches all of this: %(filters)s.") % {"filters": filters}
    return EmptyList("search", say("Nothing found"), text, say("Clear Filters"), bar.clear)


def _nothing_yet(page: Page, entity: Declaration) -> EmptyList:
    """Teach what the entity is, and offer to add the first one to who may."""
    say = page.translate
    title = say("No %(things)s yet") % {"things": noun(page, entity, 0)}
    about = say(first_sentence(entity.doc)) if entity.doc else ""
    icon = icon_of(entity)
    if "create" not in entity.verbs or not page.ctx.rights.may(entity.name, "create"):
        after = say("Nobody has added any so far, or you may not see those that there are.")
        return EmptyList(icon, title, f"{about} {after}".strip())
    after = say("Add the first one: the list, its filters and its history begin with it.")
    label = say("Add %(thing)s") % {"thing": say(entity.label)}
    text = f"{about} {after}".strip()
    return EmptyList(icon, title, text, label, entity_path(entity, under="new/"), adds=True)
