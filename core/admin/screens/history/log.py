"""The audit log of the tenant: every change, searched and filtered, as far as one may read it."""

from collections.abc import Mapping
from operator import itemgetter
from urllib.parse import urlencode

import asyncpg
import msgspec
from litestar.response.base import ASGIResponse

from core.admin.nav import icon_of
from core.admin.page import READ, Page, page_route
from core.admin.parts import Link, Option
from core.admin.screens.history.history_format import (
    Entry,
    HistoryFormatter,
    action_labels,
    by_day,
    titles_of,
)
from core.admin.screens.history.log_bar import BODY, CHANGES, chosen_filters, log_query, tabs
from core.admin.screens.history.log_security import show_security
from core.admin.words.cells import title_of
from core.audit.history import HistoryPage, log_views, read_log
from core.audit.queries import LogQuery
from core.errors import Invalid
from core.model.entities import HISTORY
from core.model.struct_values import read_query
from core.records.visible_records import visible_records
from core.registry.registry import Registry
from core.rest.route import Route

NAMES = ("q", "entity", "action", "by", "from", "to", "request", "record")


class Line(msgspec.Struct, frozen=True):
    """One entry and the record that it is about; ``request`` leads to all of its request."""

    entry: Entry
    label: str
    title: str
    href: str
    icon: str
    request: str


class Read(msgspec.Struct, frozen=True):
    """What one transaction brings."""

    told: HistoryPage
    titles: Mapping[tuple[str, str], str]
    records: Mapping[tuple[str, str], str]


def routes(registry: Registry) -> list[Route]:
    """Return the routes of the log's two pages."""
    right = f"core.setting.{HISTORY}"
    return [
        page_route("/app/log", READ, right, show_log),
        page_route("/app/log/security", READ, right, show_security),
    ]


async def show_log(page: Page) -> ASGIResponse:
    """Show the newest changes that fit the address."""
    chosen = chosen_filters(page, NAMES)
    problem, found = "", Read(HistoryPage([], None, ""), {}, {})
    try:
        asked: LogQuery = read_query(LogQuery, await log_query(page, chosen))
        found = await page.ctx.read(lambda connection: _read(page, connection, asked))
    except Invalid as refused:
        problem = page.tell(refused.sentence)
    cursor = found.told.next_cursor
    part = page.hx and page.htmx.target_id == BODY
    return page.render(
        "log_body.html" if part else "log.html",
        status=400 if problem else 200,
        tabs=tabs(page, CHANGES),
        problem=problem,
        chosen=chosen,
        chips=_chips(page, chosen),
        entities=_entities(page),
        deeds=[Option(n, w) for n, w in action_labels(page.translate).items()],
        lines=_lines(page, found),
        more=f"{CHANGES}?{urlencode({**chosen, 'cursor': cursor})}" if cursor else "",
    )


async def _read(page: Page, connection: asyncpg.Connection, asked: LogQuery) -> Read:
    told = await read_log(page.ctx, connection, asked)
    titles = await titles_of(page, connection, page.ctx.tenant.entities, told.entries)
    return Read(told, titles, await _records(page, connection, told))


async def _records(
    page: Page, connection: asyncpg.Connection, told: HistoryPage
) -> dict[tuple[str, str], str]:
    """Return the titles of the records that entries are about; one statement per entity."""
    wanted: dict[str, dict[str, None]] = {}
    for entry in told.entries:
        wanted.setdefault(entry["entity"], {})[str(entry["record_id"])] = None
    found = {}
    for name, ids in wanted.items():
        entity = page.ctx.tenant.entities[name]
        if not page.ctx.rights.may(name, "view") or entity.fields[entity.title].kind == "link":
            continue
        where = {"field": "id", "op": "in", "value": list(ids)}
        title = title_of(page, entity)
        for row in await visible_records(page.ctx, connection, name, where) or ():
            found[name, str(row["id"])] = title(row)
    return found


def _lines(page: Page, found: Read) -> list[Line]:
    entities = page.ctx.tenant.entities
    tellers = {
        name: HistoryFormatter(page, entities[name], found.told.currency, found.titles)
        for name in {entry["entity"] for entry in found.told.entries}
    }
    lines = []
    for entry, day in by_day(page.formats, found.told.entries, itemgetter("at")):
        name, id = entry["entity"], str(entry["record_id"])
        entity = entities[name]
        title = found.records.get((name, id), "")
        shown = "view" in entity.verbs and (name, id) in found.records
        lines.append(
            Line(
                tellers[name].entry(entry, day),
                page.translate(entity.label),
                title,
                f"/app/{entity.resource}/{id}/" if shown else "",
                icon_of(entity),
                str(entry["request"].get("id") or ""),
            )
        )
    return lines


def _entities(page: Page) -> list[Option]:
    """Return the entities whose history the reader may read, by name."""
    entities = page.ctx.tenant.entities
    found = [Option(name, page.translate(entities[name].plural)) for name in log_views(page.ctx)]
    return sorted(found, key=lambda option: option.label)


def _chips(page: Page, chosen: Mapping[str, str]) -> list[Link]:
    """Return what narrows the log beyond the bar: a request, a record."""
    _ = page.translate
    words = {"request": _("One request"), "record": _("One record")}
    return [
        Link(words[name], f"{CHANGES}?{urlencode({n: v for n, v in chosen.items() if n != name})}")
        for name in words
        if name in chosen
    ]
