"""An entity's declared figures as cards over its list; each leads to the records behind it."""

from collections.abc import Mapping
from typing import Any

import asyncpg
import msgspec

from core.admin.page import Page
from core.admin.screens.list.filters import options_of
from core.admin.screens.list.list_query import EVERYTHING, ListState
from core.admin.words.cells import tone_of
from core.model.aggregates import Aggregate
from core.model.entities import Declaration
from core.records.lists.figures import recent_figures, visible_figures


class Part(msgspec.Struct, frozen=True):
    """One share of a figure that is split."""

    label: str
    value: str
    tone: str
    href: str


class Figure(msgspec.Struct, frozen=True):
    """One card."""

    label: str
    value: str
    href: str = ""
    icon: str = ""
    tone: str = "neutral"
    parts: tuple[Part, ...] = ()


async def figures_on(
    connection: asyncpg.Connection, page: Page, entity: Declaration
) -> list[Figure]:
    """Return the cards; at most one statement, and none within the next seconds."""
    declared = visible_figures(page.ctx, entity)
    if not declared:
        return []
    found = await recent_figures(page.ctx, entity, connection.fetch)
    return [_figure(page, entity, one, found[one.key]) for one in declared if one.key in found]


def _figure(page: Page, entity: Declaration, figure: Aggregate, value: Any) -> Figure:
    label = page.translate(figure.label)
    if not isinstance(value, Mapping):
        text, href = page.formats.number(value), drill_down(entity, figure)
        return Figure(label, text, href, figure.icon, figure.tone)
    field = entity.fields[figure.by or ""]
    labels = {option.value: option.label for option in options_of(page, field)}
    state = ListState(entity.resource, view=EVERYTHING)
    parts = (
        Part(
            labels.get(str(code), str(code)),
            page.formats.number(number),
            tone_of(code),
            state.with_filter(field.name, code).href() if field.filter else "",
        )
        for code, number in value.items()
    )
    return Figure(label, "", icon=figure.icon, tone=figure.tone, parts=tuple(parts))


def drill_down(entity: Declaration, figure: Aggregate) -> str:
    """Return the address of the list of what a figure counts."""
    state = ListState(entity.resource, view=EVERYTHING)
    if figure.where is None:
        return state.href() if figure.function == "count" else ""
    name, value = figure.where.get("field"), figure.where.get("value")
    field = entity.field(str(name))
    if figure.where.get("op") == "=" and field is not None and field.filter:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return state.with_filter(field.name, text).href()
    tree = msgspec.json.encode(figure.where).decode()
    return state.href(where=tree)
