"""What stands on a dashboard: figures of entities, cards of plugins, newest records."""

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any

import asyncpg
import msgspec
import structlog

from core.admin.page import Page
from core.admin.parts import Bar, Series
from core.admin.screens.list.figures import figures_on
from core.admin.words.cells import title_of
from core.errors import Refused
from core.model.entities import Declaration
from core.records.lists.figures import visible_figures
from core.records.visible_records import visible_records
from core.registry.registry import Card, Chart

log = structlog.get_logger("crm.dashboard")
NEWEST, MOST_NEWEST = 5, 3
TONES = 5
ALL_TIME = {"field": "created_at", "op": ">", "value": "1970-01-01T00:00:00Z"}


class ShownCard(msgspec.Struct, frozen=True):
    """A card as the template takes it; ``kind`` is figure, bars, chart, records or failed."""

    key: str
    label: str
    kind: str
    icon: str = ""
    text: str = ""
    href: str = ""
    value: str = ""
    bars: tuple[Bar, ...] = ()
    chart: Chart | None = None
    series: tuple[Series, ...] = ()
    rows: tuple[dict[str, str], ...] = ()


Read = Callable[[Page, asyncpg.Connection], Awaitable[list[ShownCard]]]


class Source(msgspec.Struct, frozen=True):
    """Where cards come from; a failing one says so and harms no other."""

    key: str
    label: str
    read: Read


def sources(page: Page, plugin: str = "") -> list[Source]:
    """Return what a plugin's dashboard is read from, or without one the first page."""
    ctx = page.ctx
    found: list[Source] = []
    for name, entity in ctx.tenant.entities.items():
        if "list" in entity.verbs and ctx.rights.may(name, "list") and visible_figures(ctx, entity):
            found.append(_figures(entity, plugin))
    for card in ctx.tenant.registry.cards:
        mine = card.plugin == plugin if plugin else card.home
        enabled = card.plugin in ctx.tenant.enabled and card.entity in ctx.tenant.entities
        if mine and enabled and ctx.rights.may(card.entity, card.right):
            found.append(_card(card))
    ranked = sorted(ctx.tenant.entities.values(), key=lambda e: e.menu or 0)
    newest = [_newest(entity) for entity in ranked if _has_newest(page, entity, plugin)]
    return [*found, *newest[:MOST_NEWEST]]


def _has_newest(page: Page, entity: Declaration, plugin: str) -> bool:
    """Whether the newest records of an entity are shown: those of the menu that people create."""
    own = entity.plugin == plugin if plugin else entity.plugin != "core"
    rights = page.ctx.rights
    return (
        own
        and entity.menu is not None
        and {"list", "view", "create"} <= set(entity.verbs)
        and rights.may(entity.name, "list")
        and rights.may(entity.name, "view")
    )


def _figures(entity: Declaration, plugin: str) -> Source:
    async def read(page: Page, connection: asyncpg.Connection) -> list[ShownCard]:
        declared = visible_figures(page.ctx, entity)
        found = await figures_on(connection, page, entity)
        icon = entity.icon
        cards = []
        for figure, told in zip(declared, found, strict=True):
            if plugin and figure.plugin != plugin:
                continue
            key = f"{entity.name}.{figure.key}"
            bars = tuple(
                Bar(part.label, count_of(part.value), part.value, part.href, 1 + at % TONES)
                for at, part in enumerate(told.parts)
            )
            kind = "bars" if bars else "figure"
            cards.append(
                ShownCard(key, told.label, kind, icon, href=told.href, value=told.value, bars=bars)
            )
        return cards

    return Source(f"figures.{entity.name}", entity.plural, read)


def count_of(text: str) -> float:
    """Return the number behind a count in words of any script."""
    digits = "".join(str(int(sign)) for sign in text if sign.isdecimal())
    return float(digits or 0)


def _card(card: Card) -> Source:
    async def read(page: Page, connection: asyncpg.Connection) -> list[ShownCard]:
        answer = await card.read(page, connection)
        return [] if answer is None else [_format_card(page, card, answer)]

    return Source(f"{card.plugin}.{card.key}", card.label, read)


def _format_card(page: Page, card: Card, answer: Any) -> ShownCard:
    """Return what a plugin's card answered, as people write it."""
    made = ShownCard(
        f"{card.plugin}.{card.key}",
        page.translate(card.label),
        "figure",
        card.icon,
        page.translate(card.text) if card.text else "",
        card.href,
    )
    if not isinstance(answer, Chart):
        value = page.formats.number(answer) if isinstance(answer, int | float | Decimal) else answer
        return msgspec.structs.replace(made, value=str(value))
    write = page.formats.number
    if answer.currency:
        currency = answer.currency

        def write(value: float | Decimal) -> str:
            return page.formats.money(value, currency)

    series = tuple(
        Series(label, tuple(map(float, values)), tuple(map(write, values)))
        for label, values in answer.series.items()
    )
    if answer.kind != "bars":
        return msgspec.structs.replace(made, kind="chart", chart=answer, series=series)
    first = series[0]
    hrefs = answer.hrefs or ("",) * len(answer.labels)
    bars = tuple(
        Bar(label, value, text, href)
        for label, value, text, href in zip(
            answer.labels, first.values, first.texts, hrefs, strict=True
        )
    )
    return msgspec.structs.replace(made, kind="bars", bars=bars)


def _newest(entity: Declaration) -> Source:
    async def read(page: Page, connection: asyncpg.Connection) -> list[ShownCard]:
        found = await visible_records(
            page.ctx, connection, entity.name, ALL_TIME, limit=NEWEST, ordering="-created_at"
        )
        title, when = title_of(page, entity), page.formats.relative
        rows = tuple(
            {
                "title": title(row),
                "href": f"/app/{entity.resource}/{row['id']}/",
                "when": when(row["created_at"]),
                "at": row["created_at"].isoformat(),
            }
            for row in found or ()
        )
        if not rows:
            return []
        label = page.translate("Newest: %(things)s") % {"things": page.translate(entity.plural)}
        href = f"/app/{entity.resource}/"
        return [
            ShownCard(f"newest.{entity.name}", label, "records", entity.icon, href=href, rows=rows)
        ]

    return Source(f"newest.{entity.name}", entity.plural, read)


async def read_cards(page: Page, card_sources: Sequence[Source]) -> list[ShownCard]:
    """Return all cards, read in one transaction; after a failure each is tried on its own."""

    async def run(connection: asyncpg.Connection) -> list[ShownCard]:
        return [card for source in card_sources for card in await source.read(page, connection)]

    try:
        return await page.ctx.read(run)
    except Refused:
        raise
    except Exception:
        log.exception("dashboard_failed")
    return [card for source in card_sources for card in await _alone(page, source)]


async def _alone(page: Page, source: Source) -> list[ShownCard]:
    try:
        return await page.ctx.read(lambda connection: source.read(page, connection))
    except Exception:
        log.exception("card_failed", card=source.key)
        return [ShownCard(source.key, page.translate(source.label), "failed")]
