"""The history of a record: timeline, figures, and who was responsible for it, as page and tab."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import asyncpg
import msgspec
from litestar.response.base import ASGIResponse

from core.admin.page import READ, Page
from core.admin.parts import Fact, Link
from core.admin.screens.form.form_submit import id_of
from core.admin.screens.history import history_sidebar, restore_value
from core.admin.screens.history.history_format import HistoryFormatter, titles_of
from core.admin.screens.history.restore_value import CurrentRecord, read_current, restore_form
from core.admin.screens.record.tabs import KERNEL_TABS, Tab
from core.admin.screens.routing import entity_path, screen_route
from core.admin.words.cells import cell_fields, cells, title_of
from core.audit.credit import read_attribution
from core.audit.history import (
    HistoryPage,
    read_authors,
    read_history,
    read_history_stats,
    read_with_deleted,
)
from core.audit.queries import HistoryQuery
from core.audit.rendering import HistoryView
from core.errors import Forbidden, Invalid, NotFound
from core.model.entities import HISTORY, Declaration
from core.model.struct_values import read_query
from core.records.changes.single import read_record
from core.records.projection import Row, projection_of
from core.registry.registry import Registry
from core.rest.route import Route

MORE = "history-more"
BODY = "history"


class HistoryContent(msgspec.Struct, frozen=True):
    """All that is read for the page, in one transaction."""

    told: HistoryPage
    figures: Mapping[str, Any]
    authors: Mapping[Any, Mapping[str, Any]]
    hands: Mapping[str, Any] | None
    titles: Mapping[tuple[str, str], str]
    now: CurrentRecord | None


def read_filters(page: Page) -> dict[str, str]:
    """Return the filters in the address; empty fields of a form ask for nothing."""
    known = {f.encode_name for f in msgspec.structs.fields(HistoryQuery)}
    given = page.request.query_params
    return {name: given[name] for name in known if given.get(name, "").strip()}


async def read_history_content(
    page: Page, entity: Declaration, id: UUID, parameters: dict[str, str]
) -> HistoryContent:
    """Return a page of the history with all that stands beside it."""
    ctx = page.ctx
    asked: HistoryQuery = read_query(HistoryQuery, parameters)

    async def run(connection: asyncpg.Connection) -> HistoryContent:
        told = await read_history(ctx, connection, entity, id, asked)
        hands = None
        if HistoryView(ctx, entity).shows_responsible:
            hands = await read_attribution(ctx, connection, entity, id)
        return HistoryContent(
            told,
            await read_history_stats(ctx, connection, entity, id),
            await read_authors(ctx, connection, entity, id),
            hands,
            await titles_of(page, connection, {entity.name: entity}, told.entries),
            await read_current(page, connection, entity, id),
        )

    return await ctx.read(run)


async def show_history(page: Page, entity: Declaration) -> ASGIResponse:
    """Show the history of a record, also of one that is in the trash or gone (ruling 29)."""
    id = id_of(page)
    found, problem = await _read_or_explain(page, entity, id)
    values = _values(page, entity, id, found, problem)
    if page.hx and page.htmx.target_id in (MORE, BODY):
        return page.render(
            f"history_{'more' if page.htmx.target_id == MORE else 'body'}.html", inside=values
        )
    row = await _row(page, entity, id)
    title, gone = await _title(page, entity, id, row)
    label = page.translate(entity.plural)
    here = "" if gone else entity_path(entity, id)
    return page.render(
        "history.html",
        status=400 if problem else 200,
        inside=values,
        heading=title,
        gone=gone,
        record=here,
        overview=_overview(page, entity, row) if row else [],
        crumbs=[
            Link(label, entity_path(entity)),
            Link(title, here or entity_path(entity, "", "trash/")),
            Link(page.translate("History"), ""),
        ],
    )


async def read_tab(page: Page, entity: Declaration, row: Row) -> Mapping[str, Any]:
    """Return what the tab of a record shows."""
    id = UUID(str(row["id"]))
    return _values(page, entity, id, await read_history_content(page, entity, id, {}), "")


async def _read_or_explain(page: Page, entity: Declaration, id: UUID) -> tuple[HistoryContent, str]:
    """Return the history that is asked for; of a wrong question the whole, and what is wrong."""
    try:
        return await read_history_content(page, entity, id, read_filters(page)), ""
    except Invalid as wrong:
        return await read_history_content(page, entity, id, {}), page.tell(wrong.detail)


def _values(
    page: Page, entity: Declaration, id: UUID, found: HistoryContent, problem: str
) -> dict[str, Any]:
    put = found.now.restore_button if found.now else None
    teller = HistoryFormatter(page, entity, found.told.currency, found.titles, put)
    base = entity_path(entity, id, "history/")
    given = {} if problem else read_filters(page)
    cursor = found.told.next_cursor
    chosen = {name: text for name, text in given.items() if name != "cursor"}
    return {
        "base": base,
        "entries": teller.tell(found.told.entries),
        "more": f"{base}?{urlencode(chosen | {'cursor': cursor})}" if cursor else "",
        "filters": history_sidebar.filters(page, entity, found.figures, found.authors, chosen),
        "chosen": chosen,
        "problem": problem,
        "figures": history_sidebar.figures(page, entity, found.figures),
        "bars": history_sidebar.bars(page, entity, found.figures, base),
        "periods": history_sidebar.periods(teller, found.hands),
        "responsible": history_sidebar.responsible(page, entity),
        "hands": found.hands is not None,
        "back": restore_form(entity, id, found.now),
    }


async def _row(page: Page, entity: Declaration, id: UUID) -> Row | None:
    """Return the record for the overview, if it is there and the reader may open it."""
    ctx = page.ctx
    if "view" not in entity.verbs or not ctx.rights.may(entity.name, "view"):
        return None
    asked = cell_fields(ctx, entity, _shown(page, entity))
    try:
        row, _ = await read_record(
            ctx, entity, id, projection_of(ctx.tenant, ctx.rights, entity, asked)
        )
    except (NotFound, Forbidden):
        return None
    return row


def _shown(page: Page, entity: Declaration) -> list[str]:
    """Return the fields of the overview: what the history is about, then the list's columns."""
    visible = page.ctx.rights.visible(entity.name)
    names = (*entity.credit, *filter(None, (entity.responsible,)), *entity.columns)
    fields = (entity.field(name) for name in names)
    found = [f.name for f in fields if f and f.name in visible and f.name != entity.title]
    return list(dict.fromkeys(found))


def _overview(page: Page, entity: Declaration, row: Row) -> list[Fact]:
    """Return how the record stands now (HIS-05)."""
    return [Fact(cell.label, cell.show(row)) for cell in cells(page, entity, _shown(page, entity))]


async def _title(page: Page, entity: Declaration, id: UUID, row: Row | None) -> tuple[str, bool]:
    """Return what the record is called, and whether it is in the trash or gone."""
    title, ctx = title_of(page, entity), page.ctx
    if row is not None:
        return title(row) or page.translate(entity.label), False
    shape = projection_of(ctx.tenant, ctx.rights, entity, cell_fields(ctx, entity, ()))
    kept, gone = await ctx.read(lambda c: read_with_deleted(ctx, c, entity, id, shape))
    return (title(kept) if kept else "") or page.translate(entity.label), gone


def routes(registry: Registry) -> list[Route]:
    """Return the histories of all entities: whatever its verbs, each has one."""
    shown = [
        screen_route(entity, "/{id:str}/history", READ, HISTORY, show_history)
        for entity in registry.entities.values()
    ]
    return [*shown, *restore_value.routes(registry)]


TAB = Tab(
    key=HISTORY,
    label="History",
    template="history_tab.html",
    read=read_tab,
    right=HISTORY,
    icon="history",
)
if TAB not in KERNEL_TABS:
    KERNEL_TABS.append(TAB)
