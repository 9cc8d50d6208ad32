"""What the people responsible for records achieved: table, chart, and what is behind."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import asyncpg
import msgspec
from litestar.response.base import ASGIResponse

from core.admin.page import READ, Page
from core.admin.parts import Column, Link, Series
from core.admin.screens.history.history_format import Entry, HistoryFormatter, titles_of
from core.admin.screens.routing import entity_path, screen_route
from core.admin.words.cells import title_of
from core.audit.credit import NUMBERS, read_credit, read_credit_entries
from core.audit.queries import Period
from core.errors import Invalid
from core.model.entities import HISTORY, Declaration
from core.model.struct_values import read_query
from core.records.visible_records import visible_records
from core.registry.registry import Registry
from core.rest.request.decode import read_id
from core.rest.route import Route

MOST = 50


class Line(msgspec.Struct, frozen=True):
    """A person, what they gained, regained and lost, and the address of the changes behind it."""

    id: str
    who: str
    href: str
    cells: dict[str, str]
    total: int


class CreditDetails(msgspec.Struct, frozen=True):
    """The changes that make up one person's credit, and the titles of the records changed."""

    who: str
    entries: tuple[Entry, ...]
    titles: Mapping[str, str]
    is_whole: bool


async def show_credit(page: Page, entity: Declaration) -> ASGIResponse:
    """Show who achieved what in a period; each person links to the changes behind the numbers."""
    given = {n: t for n in ("from", "to") if (t := page.request.query_params.get(n, "").strip())}
    by = page.request.query_params.get("by", "")
    problem = ""
    try:
        found, behind = await _read(page, entity, given, by)
    except Invalid as wrong:
        problem, given = page.tell(wrong.detail), {}
        found, behind = await _read(page, entity, given, "")
    base = entity_path(entity, "", "credit/")
    lines = _lines(page, entity, found, f"{base}?{urlencode(given)}&" if given else f"{base}?")
    return page.render(
        "credit.html",
        status=400 if problem else 200,
        base=base,
        entity=entity,
        chosen=given,
        problem=problem,
        period=_period(page, found),
        columns=_columns(page, found),
        lines=lines,
        labels=[line.who for line in lines],
        series=_series(page, found),
        behind=behind,
        by=by if behind else "",
        resource=entity_path(entity),
        crumbs=[
            Link(page.translate(entity.plural), entity_path(entity)),
            Link(page.translate("Credit"), ""),
        ],
    )


async def _read(
    page: Page, entity: Declaration, given: dict[str, str], by: str
) -> tuple[dict[str, Any], CreditDetails | None]:
    ctx = page.ctx
    asked: Period = read_query(Period, given)
    holder = read_id(by) if by else None

    async def run(connection: asyncpg.Connection) -> tuple[dict[str, Any], CreditDetails | None]:
        found = await read_credit(ctx, connection, entity, asked)
        if holder is None:
            return found, None
        return found, await _details(page, connection, entity, asked, holder)

    return await ctx.read(run)


async def _details(
    page: Page, connection: asyncpg.Connection, entity: Declaration, asked: Period, holder: UUID
) -> CreditDetails:
    entries, whole = await read_credit_entries(page.ctx, connection, entity, asked, holder, MOST)
    words = await titles_of(page, connection, {entity.name: entity}, entries)
    ids = list(dict.fromkeys(str(entry["record_id"]) for entry in entries))
    title, titles = title_of(page, entity), dict[str, str]()
    if ids:
        where = {"field": "id", "op": "in", "value": ids}
        for row in await visible_records(page.ctx, connection, entity.name, where) or ():
            titles[str(row["id"])] = title(row)
    teller = HistoryFormatter(page, entity, page.ctx.tenant.config.currency, words)
    who = teller.person(entries[0].get("responsible")) if entries else ""
    return CreditDetails(who, tuple(teller.tell(entries)), titles, whole)


def _period(page: Page, found: Mapping[str, Any]) -> str:
    fmt, last = page.formats, found["to"] - timedelta(seconds=1)
    words = page.translate("%(first)s to %(last)s")
    return words % {"first": fmt.date(found["from"]), "last": fmt.date(last)}


def _columns(page: Page, found: Mapping[str, Any]) -> list[Column]:
    say = page.translate
    words = {
        "gained": say("%(field)s: gained"),
        "regained": say("%(field)s: regained"),
        "lost": say("%(field)s: lost"),
    }
    numbers = [
        Column(f"{name}.{kind}", words[kind] % {"field": say(label)}, "number")
        for name, label in found["fields"].items()
        for kind in NUMBERS
    ]
    return [Column("who", say("Person"), primary=True), *numbers]


def _lines(page: Page, entity: Declaration, found: Mapping[str, Any], base: str) -> list[Line]:
    teller = HistoryFormatter(page, entity, page.ctx.tenant.config.currency, {})
    lines = []
    for one in found["results"]:
        person = one["responsible"]
        cells = {
            f"{name}.{kind}": page.formats.number(one["credit"].get(name, {}).get(kind, 0))
            for name in found["fields"]
            for kind in NUMBERS
        }
        total = sum(n["gained"] + n["regained"] for n in one["credit"].values())
        who = teller.person(person) or page.translate("Nobody")
        href = f"{base}by={person['id']}#behind" if person and person.get("id") else ""
        lines.append(Line(str((person or {}).get("id")), who, href, cells, total))
    return lines


def _series(page: Page, found: Mapping[str, Any]) -> list[Series]:
    """Return what the chart draws: per field, what each person gained or regained."""
    number, say, series = page.formats.number, page.translate, []
    for name, label in found["fields"].items():
        values = [
            sum(one["credit"].get(name, {}).get(kind, 0) for kind in ("gained", "regained"))
            for one in found["results"]
        ]
        words = say("%(field)s: gained") % {"field": say(label)}
        series.append(Series(words, tuple(values), tuple(map(number, values))))
    return series


def routes(registry: Registry) -> list[Route]:
    """Return the report of each entity for whose records somebody is responsible."""
    return [
        screen_route(entity, "/credit", READ, HISTORY, show_credit)
        for entity in registry.entities.values()
        if entity.responsible is not None
    ]
