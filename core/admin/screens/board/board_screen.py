"""The board of an entity: its records in columns by stage, moved by hand, keys or menu.

It is the list in another form: the same address narrows both.
"""

from typing import Any
from urllib.parse import parse_qsl

import asyncpg
import msgspec
from litestar.response.base import ASGIResponse

from core.admin.page import READ, WRITE, Flash, Page
from core.admin.screens.board.columns import (
    MOST,
    NONE,
    SIZE,
    cards,
    columns,
    on_board,
    shown_fields,
)
from core.admin.screens.form.form_submit import id_of, version_of
from core.admin.screens.list.filters import bar_of
from core.admin.screens.list.list_query import ListState, list_query_on, parse_state, read_state
from core.admin.screens.routing import screen_route
from core.admin.words import cells
from core.database.connections import Unit
from core.errors import Forbidden, Invalid, NotFound
from core.model.entities import Declaration
from core.model.fields import Field
from core.records.changes.single import read_record, update_record
from core.records.lists.board import columns_on, stage_of, sums_on
from core.records.lists.choices import choices
from core.records.lists.list_query import Query
from core.records.projection import FieldSelection, projection_of
from core.registry.registry import Registry
from core.rest.route import Route

BODY = "board-body"


def routes(registry: Registry) -> list[Route]:
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


async def show_board(page: Page, entity: Declaration) -> ASGIResponse:
    """Show the columns that the address asks for."""
    stage, asked = _stage(page, entity), _narrowed(page, entity)
    sizes = _sizes(page, stage)

    async def run(connection: asyncpg.Connection) -> Any:
        shown_list = await list_query_on(connection, page, entity, asked)
        if shown_list.query is None:
            return shown_list, {}, {}
        query = _query(page, entity, stage, shown_list.query)
        found = await columns_on(connection, page.ctx, entity, query, sizes)
        return shown_list, found, await sums_on(connection, page.ctx, entity, query)

    shown_list, found, sums = await page.ctx.read(run)
    state = on_board(entity, shown_list.state)
    part = page.hx and page.htmx.target_id == BODY
    return page.render(
        "board_body.html" if part else "board.html",
        status=400 if shown_list.refused else 200,
        headers={"HX-Push-Url": state.href()} if part else None,
        entity=entity,
        stage=stage,
        state=state,
        bar=bar_of(page, entity, state, shown_list.trees, shown_list.titles),
        base=f"/app/{entity.resource}/",
        list_href=shown_list.state.href(),
        problem=page.tell(shown_list.refused.detail) if shown_list.refused else "",
        columns=columns(page, entity, stage, shown_list.state, found, sums),
        movable=_movable(page, entity, stage),
        may_create="create" in entity.verbs and page.ctx.rights.may(entity.name, "create"),
    )


def _narrowed(page: Page, entity: Declaration) -> ListState:
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


def _query(page: Page, entity: Declaration, stage: Field, query: Query) -> Query:
    names = (*shown_fields(page, entity, stage), stage.name)
    wanted = cells.cell_fields(page.ctx, entity, names)
    return msgspec.structs.replace(query, selection=wanted)


def _movable(page: Page, entity: Declaration, stage: Field) -> bool:
    return "update" in entity.verbs and stage.name in page.ctx.rights.writable(
        entity.name, "update"
    )


async def move_card(page: Page, entity: Declaration) -> ASGIResponse:
    """Put a record into another stage; answers the card and the figures of all columns."""
    stage, ctx, id = _stage(page, entity), page.ctx, id_of(page)
    if not _movable(page, entity, stage):
        raise Forbidden
    text = page.form.get(stage.name)
    code = None if text == NONE else text
    if code not in _codes(page, stage):
        raise Invalid.field(f"#/{stage.name}", "There is no such column.", "choice")
    shape = projection_of(
        ctx.tenant, ctx.rights, entity, FieldSelection(fields=(stage.name, "version"))
    )
    before, _version = await read_record(ctx, entity, id, shape)
    version, body = version_of(page), {stage.name: code}

    async def run(unit: Unit) -> None:
        await update_record(
            ctx, unit, entity, id, body, projection=shape, version=version, partial=True
        )

    await ctx.write(run, keyed=True)
    state = parse_state(entity, parse_qsl(page.form.get("state")))
    if not page.hx:
        words = page.translate("The card is moved.")
        return page.redirect(on_board(entity, state).href(), flash=Flash(words))
    return await _moved(page, entity, stage, state, str(before[stage.name] or NONE))


async def _moved(
    page: Page, entity: Declaration, stage: Field, state: ListState, back: str
) -> ASGIResponse:
    """Answer what the board replaces, and the way back."""
    shape = projection_of(
        page.ctx.tenant, page.ctx.rights, entity, _card_fields(page, entity, stage)
    )
    row, _version = await read_record(page.ctx, entity, id_of(page), shape)
    sizes = dict.fromkeys(_codes(page, stage), 1)

    async def run(connection: asyncpg.Connection) -> Any:
        shown_list = await list_query_on(connection, page, entity, state)
        query = _query(page, entity, stage, shown_list.valid_query)
        found = await columns_on(connection, page.ctx, entity, query, sizes)
        return found, await sums_on(connection, page.ctx, entity, query)

    found, sums = await page.ctx.read(run)
    return page.render(
        "board_moved.html",
        card=cards(page, entity, stage, [row])[0],
        key=str(row[stage.name] or NONE),
        columns=columns(page, entity, stage, state, found, sums),
        stage=stage,
        state=state,
        back=back,
    )


def _card_fields(page: Page, entity: Declaration, stage: Field) -> FieldSelection:
    return cells.cell_fields(page.ctx, entity, (*shown_fields(page, entity, stage), stage.name))
