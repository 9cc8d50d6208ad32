"""What an address means for one reader: the saved view behind it, the columns, the query."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

import asyncpg
import msgspec

from core.admin.page import Page
from core.admin.screens.form.lookup import titles_on
from core.admin.screens.list.filters import Trees, linked, trees_of
from core.admin.screens.list.lens import columns_of, query_of
from core.admin.screens.list.state import State, read_state, state_of
from core.admin.screens.list.views import Kept, read_kept, resolve
from core.errors import Invalid, Refused
from core.model.entities import Declaration
from core.records.lists.list_query import Query


class Look(msgspec.Struct, frozen=True):
    """A list as somebody looks at it. ``query`` is None where ``refused`` says what is wrong."""

    state: State
    columns: tuple[str, ...]
    kept: Kept
    query: Query | None = None
    refused: Refused | None = None
    trees: Trees = {}
    # Titles by id of the records that filters name and the reader may see.
    titles: Mapping[str, str] = {}

    @property
    def checked(self) -> Query:
        """The query; raises what is wrong with it."""
        if self.query is None:
            raise self.refused or Invalid()
        return self.query


async def look(page: Page, entity: Declaration, state: State | None = None) -> Look:
    """Return how the caller looks at a list, read in a transaction of its own."""
    asked = read_state(page.request, entity) if state is None else state
    return await page.ctx.read(lambda connection: look_on(connection, page, entity, asked))


async def look_on(
    connection: asyncpg.Connection, page: Page, entity: Declaration, asked: State
) -> Look:
    """Return how the caller looks at a list; one statement, and one for links in its filters."""
    kept = await read_kept(connection, page.ctx, entity)
    state = resolve(asked, kept, entity)
    if not state.size and kept.likes.size:
        state = msgspec.structs.replace(state, size=kept.likes.size)
    columns = columns_of(page.ctx, entity, state.columns or kept.likes.columns)
    trees = trees_of(page, entity, state)
    titles = await titles_on(connection, page, linked(page, entity, trees))
    query, refused = None, None
    try:
        query = query_of(page.ctx, entity, state, columns)
    except Invalid as invalid:
        refused = invalid
    return Look(state, columns, kept, query, refused, trees, titles)


def from_form(page: Page, entity: Declaration) -> State:
    """Return the state that a form carries in its hidden field."""
    return state_of(entity, parse_qsl(page.form.get("state"), keep_blank_values=True))
