"""The columns of a list: which are shown and in which order, per view or for oneself."""

import msgspec
from litestar.response.base import ASGIResponse

from core.admin.page import Flash, Page
from core.admin.preferences import store_preference
from core.admin.screens.list import views
from core.admin.screens.list.list_query import (
    EVERYTHING,
    ListState,
    column_fields,
    columns_of,
    read_list_query,
    state_from_form,
)
from core.admin.words.cells import heading
from core.model.entities import Declaration

UP, DOWN = "up", "down"


class Choice(msgspec.Struct, frozen=True):
    """One field that can be a column."""

    name: str
    label: str
    chosen: bool


async def show_columns(page: Page, entity: Declaration) -> ASGIResponse:
    """Show which columns there are, the current ones first and in their order."""
    query = await read_list_query(page, entity)
    return _render(page, entity, query.state, list(query.columns), list(query.columns))


async def change_columns(page: Page, entity: Declaration) -> ASGIResponse:
    """Move a column, or store the choice: in the view's address, or else as a preference."""
    state = state_from_form(page, entity)
    order, chosen = page.form.getall("order"), page.form.getall("columns")
    deed, _, name = page.form.get("do").partition(":")
    if deed in (UP, DOWN) and name in order:
        return _render(page, entity, state, _moved(order, name, deed), chosen)
    named = [n for n in order if n in chosen] if deed != "reset" else []
    columns = columns_of(page.ctx, entity, named) if named else ()
    if state.view and state.view != EVERYTHING:
        return page.redirect(state.href(columns=columns))
    await save_preferences(page, entity, columns=columns)
    flash = Flash(page.translate("The columns are kept for you."))
    return page.redirect(state.href(columns=()), flash=flash)


async def save_preferences(page: Page, entity: Declaration, **changed: object) -> None:
    """Store one's own preferences for a list."""
    saved = await page.ctx.read(lambda c: views.read_saved_views(c, page.ctx, entity))
    preferences = msgspec.structs.replace(saved.preferences, **changed)
    await store_preference(page.ctx, views.preferences_name(entity), preferences)


def _moved(order: list[str], name: str, deed: str) -> list[str]:
    here = order.index(name)
    there = max(0, min(len(order) - 1, here + (-1 if deed == UP else 1)))
    rest = [one for one in order if one != name]
    return [*rest[:there], name, *rest[there:]]


def _render(
    page: Page, entity: Declaration, state: ListState, order: list[str], chosen: list[str]
) -> ASGIResponse:
    fields = {field.name: field for field in column_fields(page.ctx, entity)}
    names = dict.fromkeys((*(n for n in order if n in fields), *fields))
    return page.render(
        "list_columns.html",
        entity=entity,
        base=f"/app/{entity.resource}/",
        state=state,
        back=state.href(),
        choices=[Choice(n, heading(page, fields[n]), n in chosen) for n in names],
    )
