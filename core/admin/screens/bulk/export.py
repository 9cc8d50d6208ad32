"""The list as a file: what its address filters, in its order, with the columns that are shown."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import msgspec
from litestar.response.base import ASGIResponse

from core.admin.headers import PAGE
from core.admin.page import READ, Page
from core.admin.screens.list.list_query import ListQuery, read_list_query
from core.admin.screens.routing import screen_route
from core.admin.words import cells
from core.errors import Invalid
from core.model.entities import Declaration
from core.records.lists.list_query import Paging
from core.records.lists.pages import ListPage, read_page
from core.records.projection import Row
from core.registry.registry import Registry
from core.rest.route import Route

# What is written while somebody waits; more is refused, and says so.
MOST = 10_000
CHUNK = 1_000
# A spreadsheet takes a text that begins like this for a formula, and runs it.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
# Without it spreadsheets take UTF-8 for something else.
MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
PLAIN = ("integer", "decimal", "number", "money")


def routes(registry: Registry) -> list[Route]:
    """Return the exports of all entities that can be listed."""
    return [
        screen_route(entity, "/export", READ, "list", export)
        for entity in registry.entities.values()
        if "list" in entity.verbs
    ]


async def export(page: Page, entity: Declaration) -> ASGIResponse:
    """Answer the list as CSV."""
    shown_list = await read_list_query(page, entity)
    rows = await _rows(page, entity, shown_list)
    shown = cells.cells(page, entity, shown_list.columns)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([safe(cell.label) for cell in shown])
    writer.writerows(_written(shown, rows))
    name = f"{entity.resource}.csv"
    headers = {
        **PAGE,
        "content-type": "text/csv; charset=utf-8",
        "content-disposition": f'attachment; filename="{name}"',
    }
    return ASGIResponse(
        body=(MARK + text.getvalue()).encode(),
        status_code=200,
        media_type="text/csv; charset=utf-8",
        headers=headers,
    )


async def _rows(page: Page, entity: Declaration, shown_list: ListQuery) -> list[Row]:
    """Return all rows of the list, read by cursor: no row twice, none left out."""
    query, rows = shown_list.valid_query, list[Row]()
    cursor: str | None = ""
    while cursor is not None:
        paging = Paging(CHUNK, cursor=cursor)
        found: ListPage = await read_page(
            page.ctx, entity, msgspec.structs.replace(query, paging=paging)
        )
        rows += found.rows
        if len(rows) > MOST or (len(rows) == MOST and found.next):
            say = page.translate
            text = say("More than 10,000 records match: too many for a file. Filter further first.")
            raise Invalid(text, code="too_many")
        cursor = found.next["cursor"] if found.next else None
    return rows


def _written(shown: tuple[cells.Cell, ...], rows: list[Row]) -> Iterator[list[Any]]:
    for row in rows:
        yield [
            cell.text(row) if cell.field.kind in PLAIN else safe(cell.text(row)) for cell in shown
        ]


def safe(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text
