"""What a board shows: columns with counts and sums, and their cards."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from core.admin.page import Page
from core.admin.screens.list.list_query import ListState, columns_of
from core.admin.words import cells
from core.model.entities import Declaration
from core.model.fields import Field
from core.records.lists.board import Sums
from core.records.lists.choices import choices
from core.records.lists.large_table_pages import COUNTED
from core.records.lists.pages import ListPage
from core.records.projection import Row

SIZE, MOST = 20, 100
FACTS = 3
# The key of the column of those that have no stage.
NONE = "-"


class Fact(msgspec.Struct, frozen=True):
    """A line of a card."""

    label: str
    value: Any


class Card(msgspec.Struct, frozen=True):
    """A record on the board."""

    id: str
    title: str
    href: str
    action: str
    version: int
    facts: tuple[Fact, ...]


class Column(msgspec.Struct, frozen=True):
    """One stage. ``more`` shows more of its cards, ``all`` leads to the list of them."""

    key: str
    label: str
    tone: str
    count: str
    sum: str
    cards: tuple[Card, ...]
    more: str = ""
    all: str = ""


def on_board(entity: Declaration, state: ListState) -> ListState:
    """Return a state of the list whose addresses lead to the board."""
    return msgspec.structs.replace(state, resource=f"{entity.resource}/board", page=1)


def shown_fields(page: Page, entity: Declaration, stage: Field) -> tuple[str, ...]:
    """Return the fields that a card shows under its title."""
    usual = columns_of(page.ctx, entity, ())
    below_title = (name for name in usual if name not in (entity.title, stage.name))
    names = list(below_title)[:FACTS]
    if entity.stage_sum in page.ctx.rights.visible(entity.name) and entity.stage_sum not in names:
        names = [*names[: FACTS - 1], str(entity.stage_sum)]
    return tuple(names)


def columns(
    page: Page,
    entity: Declaration,
    stage: Field,
    state: ListState,
    pages: Mapping[str | None, ListPage],
    sums: Sums,
) -> list[Column]:
    _ = page.translate
    labels = {c["value"]: _(c["label"]) for c in choices(page.ctx, stage) or ()}
    retired = _retired(page, stage)
    result = []
    for code, part in pages.items():
        if not part.rows and (code is None or code in retired):
            continue
        column = Column(
            key=code or NONE,
            label=labels[code] if code else _("Not given"),
            tone=cells.tone_of(code),
            count=_count(page, part),
            sum=_sum(page, sums.get(code, {})),
            cards=tuple(cards(page, entity, stage, part.rows)),
        )
        result.append(_with_more(entity, stage, state, column, part))
    return result


def _retired(page: Page, stage: Field) -> set[str]:
    if not stage.dictionary:
        return set()
    return {c.code for c in page.ctx.tenant.dictionary(stage.dictionary) if c.retired}


def _count(page: Page, part: ListPage) -> str:
    if part.count is None:
        return ""
    if "count_is_estimate" in part.count_notes:
        return f"{page.formats.number(COUNTED)}+"
    return page.formats.number(part.count) + (
        "+" if part.count_notes.get("count_is_capped") else ""
    )


def _sum(page: Page, totals: Mapping[str, Any]) -> str:
    """Return what a column adds up to; amounts of several currencies stand side by side."""
    fmt = page.formats
    return " + ".join(
        fmt.money(total, currency) if currency else fmt.number(total)
        for currency, total in totals.items()
    )


def _with_more(
    entity: Declaration, stage: Field, state: ListState, column: Column, part: ListPage
) -> Column:
    """Return the column with the ways to the rest of its cards."""
    shown = len(part.rows)
    if part.count is None or part.count <= shown:
        return column
    board = on_board(entity, state).href()
    step = urlencode({f"_shown.{column.key}": min(MOST, shown + SIZE)})
    more = f"{board}{'&' if '?' in board else '?'}{step}" if shown < MOST else ""
    name, text = (
        (stage.name, column.key) if column.key != NONE else (f"{stage.name}__isnull", "true")
    )
    every = state.with_filter(name, text).href()
    return msgspec.structs.replace(column, more=more, all=every)


def cards(page: Page, entity: Declaration, stage: Field, rows: list[Row]) -> list[Card]:
    title = cells.title_of(page, entity)
    shown = cells.cells(page, entity, shown_fields(page, entity, stage))
    base, ctx = f"/app/{entity.resource}/", page.ctx
    views = "view" in entity.verbs and ctx.rights.may(entity.name, "view")
    return [
        Card(
            id=str(row["id"]),
            title=str(title(row)) or page.translate("Without a name"),
            href=f"{base}{row['id']}/" if views else "",
            action=f"{base}{row['id']}/stage/",
            version=row["version"],
            facts=tuple(Fact(cell.label, cell.show(row)) for cell in shown if cell.text(row)),
        )
        for row in rows
    ]
