"""The board of an entity: its records in columns by stage, moved by hand, keys or menu.

It is the list in another form: the same address narrows both.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import asyncpg
import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from core.admin import cells
from core.admin.page import READ, WRITE, Flash, Page
from core.admin.screens.list_filters import bar_of
from core.admin.screens.list_lens import columns_of
from core.admin.screens.list_look import look_on
from core.admin.screens.list_state import State, read_state, state_of
from core.admin.screens.making import screen_route
from core.admin.screens.saving import id_of, version_of
from core.database.doors import Unit
from core.entities import Declaration
from core.errors import Forbidden, Invalid, NotFound
from core.fields import Field
from core.registry import Registry
from core.rest.board import Sums, columns_on, stage_of, sums_on
from core.rest.options import choices
from core.rest.pages import COUNTED, Found
from core.rest.parameters import Query
from core.rest.records import change, read_one
from core.rest.shape import Row, Wanted, shape_of

BODY = "board-body"
SIZE, MOST = 20, 100
FACTS = 3
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


def routes(registry: Registry) -> list[HTTPRouteHandler]:
    """Return the boards of all entities that declare a stage."""
    found = []
    for entity in registry.entities.values():
        if entity.stage and "list" in entity.verbs:
            found.append(screen_route(entity, "/board", READ, "list", show_board))
            if "update" in entity.verbs:
                found.append(screen_route(entity, "/{id:str}/stage", WRITE, "update", move_card))
    return found


def _stage(page: Page, entity: Declaration) -> Field:
    """Return the field of the columns; without it there is no board for the reader."""
    field = stage_of(page.ctx, entity)
    if field is None:
        raise NotFound
    return field


def on_board(entity: Declaration, state: State) -> State:
    """Return a state of the list whose addresses lead to the board."""
    return msgspec.structs.replace(state, resource=f"{entity.resource}/board", page=1)


async def show_board(page: Page, entity: Declaration) -> ASGIResponse:
    """Show the columns that the address asks for."""
    stage, asked = _stage(page, entity), _narrowed(page, entity)
    sizes = _sizes(page, stage)

    async def run(connection: asyncpg.Connection) -> Any:
        seen = await look_on(connection, page, entity, asked)
        if seen.query is None:
            return seen, {}, {}
        query = _query(page, entity, stage, seen.query)
        found = await columns_on(connection, page.ctx, entity, query, sizes)
        return seen, found, await sums_on(connection, page.ctx, entity, query)

    seen, found, sums = await page.ctx.read(run)
    state = on_board(entity, seen.state)
    part = page.hx and page.htmx.target_id == BODY
    return page.render(
        "board_body.html" if part else "board.html",
        status=400 if seen.refused else 200,
        headers={"HX-Push-Url": state.href()} if part else None,
        entity=entity,
        stage=stage,
        state=state,
        bar=bar_of(page, entity, state),
        base=f"/app/{entity.resource}/",
        list_href=seen.state.href(),
        problem=page.translate(seen.refused.detail) if seen.refused else "",
        columns=_columns(page, entity, stage, seen.state, found, sums),
        movable=_movable(page, entity, stage),
        may_create="create" in entity.verbs and page.ctx.rights.may(entity.name, "create"),
    )


def _narrowed(page: Page, entity: Declaration) -> State:
    """Return the state in the address, without what only the board understands."""
    state = read_state(page.request, entity)
    rest = tuple(pair for pair in state.filters if not pair[0].startswith("_shown."))
    return msgspec.structs.replace(state, filters=rest)


def _codes(page: Page, stage: Field) -> list[str | None]:
    found: list[str | None] = [choice["value"] for choice in choices(page.ctx, stage) or ()]
    return [None, *found] if stage.nullable else found


def _sizes(page: Page, stage: Field) -> dict[str | None, int]:
    """Return how many cards of each column are shown."""
    given, sizes = page.request.query_params, {}
    for code in _codes(page, stage):
        text = given.get(f"_shown.{code or NONE}", "")
        whole = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else SIZE
        sizes[code] = max(SIZE, min(MOST, whole))
    return sizes


def _names(page: Page, entity: Declaration, stage: Field) -> tuple[str, ...]:
    """Return the fields that a card shows under its title."""
    usual = columns_of(page.ctx, entity, ())
    kept = (name for name in usual if name not in (entity.title, stage.name))
    names = list(kept)[:FACTS]
    if entity.stage_sum in page.ctx.rights.visible(entity.name) and entity.stage_sum not in names:
        names = [*names[: FACTS - 1], str(entity.stage_sum)]
    return tuple(names)


def _query(page: Page, entity: Declaration, stage: Field, query: Query) -> Query:
    names = (*_names(page, entity, stage), stage.name)
    wanted = cells.wanted(page.ctx, entity, names)
    return msgspec.structs.replace(query, wanted=wanted)


def _movable(page: Page, entity: Declaration, stage: Field) -> bool:
    return "update" in entity.verbs and stage.name in page.ctx.rights.writable(
        entity.name, "update"
    )


def _columns(
    page: Page,
    entity: Declaration,
    stage: Field,
    state: State,
    found: Mapping[str | None, Found],
    sums: Sums,
) -> list[Column]:
    _ = page.translate
    labels = {c["value"]: _(c["label"]) for c in choices(page.ctx, stage) or ()}
    retired = _retired(page, stage)
    columns = []
    for code, part in found.items():
        if not part.rows and (code is None or code in retired):
            continue
        column = Column(
            key=code or NONE,
            label=labels[code] if code else _("Not given"),
            tone=cells.tone_of(code),
            count=_count(page, part),
            sum=_sum(page, sums.get(code, {})),
            cards=tuple(_cards(page, entity, stage, part.rows)),
        )
        columns.append(_with_more(entity, stage, state, column, part))
    return columns


def _retired(page: Page, stage: Field) -> set[str]:
    if not stage.dictionary:
        return set()
    return {c.code for c in page.ctx.tenant.dictionary(stage.dictionary) if c.retired}


def _count(page: Page, part: Found) -> str:
    if part.count is None:
        return ""
    if "count_is_estimate" in part.said:
        return f"{page.formats.number(COUNTED)}+"
    return page.formats.number(part.count) + ("+" if part.said.get("count_is_capped") else "")


def _sum(page: Page, totals: Mapping[str, Any]) -> str:
    """Return what a column adds up to; amounts of several currencies stand side by side."""
    fmt = page.formats
    return " + ".join(
        fmt.money(total, currency) if currency else fmt.number(total)
        for currency, total in totals.items()
    )


def _with_more(
    entity: Declaration, stage: Field, state: State, column: Column, part: Found
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


def _cards(page: Page, entity: Declaration, stage: Field, rows: list[Row]) -> list[Card]:
    title = cells.title_of(page, entity)
    shown = cells.cells(page, entity, _names(page, entity, stage))
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


async def move_card(page: Page, entity: Declaration) -> ASGIResponse:
    """Put a record into another stage; answers the card and the figures of all columns."""
    stage, ctx, id = _stage(page, entity), page.ctx, id_of(page)
    if not _movable(page, entity, stage):
        raise Forbidden
    text = page.form.get(stage.name)
    code = None if text == NONE else text
    if code not in _codes(page, stage):
        raise Invalid.field(f"#/{stage.name}", "There is no such column.", "choice")
    shape = shape_of(ctx.tenant, ctx.rights, entity, Wanted(fields=(stage.name, "version")))
    before, _version = await read_one(ctx, entity, id, shape)
    version, body = version_of(page), {stage.name: code}

    async def run(unit: Unit) -> None:
        await change(ctx, unit, entity, id, body, shape=shape, version=version, partial=True)

    await ctx.write(run, keyed=True)
    state = state_of(entity, parse_qsl(page.form.get("state")))
    if not page.hx:
        words = page.translate("The card is moved.")
        return page.redirect(on_board(entity, state).href(), flash=Flash(words))
    return await _moved(page, entity, stage, state, str(before[stage.name] or NONE))


async def _moved(
    page: Page, entity: Declaration, stage: Field, state: State, back: str
) -> ASGIResponse:
    """Answer what the board replaces, and the way back."""
    shape = shape_of(page.ctx.tenant, page.ctx.rights, entity, _wanted(page, entity, stage))
    row, _version = await read_one(page.ctx, entity, id_of(page), shape)
    sizes = dict.fromkeys(_codes(page, stage), 1)

    async def run(connection: asyncpg.Connection) -> Any:
        seen = await look_on(connection, page, entity, state)
        query = _query(page, entity, stage, seen.checked)
        found = await columns_on(connection, page.ctx, entity, query, sizes)
        return found, await sums_on(connection, page.ctx, entity, query)

    found, sums = await page.ctx.read(run)
    return page.render(
        "board_moved.html",
        card=_cards(page, entity, stage, [row])[0],
        key=str(row[stage.name] or NONE),
        columns=_columns(page, entity, stage, state, found, sums),
        stage=stage,
        state=state,
        back=back,
    )


def _wanted(page: Page, entity: Declaration, stage: Field) -> Wanted:
    return cells.wanted(page.ctx, entity, (*_names(page, entity, stage), stage.name))
