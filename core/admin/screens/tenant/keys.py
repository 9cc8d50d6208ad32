"""API keys of the tenant, as far as the reader may see them; a new key is the reader's own."""

from datetime import UTC, datetime
from typing import Any

import asyncpg
from litestar.response.base import ASGIResponse

from core.admin.page import READ, WRITE, Flash, Page, page_route
from core.admin.screens.account import keys
from core.auth.tokens.api_keys import MadeKey
from core.database.connections import Unit
from core.records.changes.trash import delete
from core.records.lists.list_query import Paging, Query, read_sorts
from core.records.lists.pages import ListPage, page_on
from core.records.projection import FieldSelection, expandable
from core.registry.registry import Registry
from core.rest.request.decode import read_id
from core.rest.route import Route

KEY = "core.api_key"
HOME = "/app/keys/"
FIELDS = ("id", "name", "user_id", "scopes", "created_at", "expires_at", "last_used_at")
SIZE = 50


def routes(registry: Registry) -> list[Route]:
    """Return the routes of the keys."""
    return [
        page_route("/app/keys", READ, f"{KEY}.list", show_keys),
        page_route("/app/keys", WRITE, f"{KEY}.create", create_key),
        page_route("/app/keys/{id:str}/revoke", WRITE, f"{KEY}.delete", revoke_key),
    ]


async def show_keys(page: Page) -> ASGIResponse:
    """Show the keys and the form of a new one."""
    return await _keys(page, {})


async def _keys(
    page: Page, errors: dict[str, str], status: int = 200, made: MadeKey | None = None
) -> ASGIResponse:
    ctx = page.ctx
    asked = page.request.query_params.get("page", "1")
    number = int(asked) if asked.isascii() and asked.isdigit() and 0 < len(asked) < 3 else 1
    found = await ctx.read(lambda connection: _read_keys(page, connection, max(1, number)))
    return page.render(
        "keys.html",
        status=status,
        errors=errors,
        made=made,
        keys=found.rows,
        now=datetime.now(UTC),
        previous=f"{HOME}?page={number - 1}" if found.previous else "",
        onward=f"{HOME}?page={number + 1}" if found.next else "",
        count=page.formats.number(found.count or 0),
        may_create=ctx.rights.may(KEY, "create"),
        may_end=ctx.rights.may(KEY, "delete"),
        **keys.form_values(page, made),
    )


async def _read_keys(page: Page, connection: asyncpg.Connection, number: int) -> ListPage:
    ctx, entity = page.ctx, page.ctx.tenant.entities[KEY]
    visible = ctx.rights.visible(KEY)
    expand = ("user",) if "user" in expandable(ctx.tenant, ctx.rights, entity) else ()
    query = Query(
        Paging(SIZE, number),
        FieldSelection(fields=tuple(name for name in FIELDS if name in visible), expand=expand),
        read_sorts(entity, visible, "-created_at"),
        (),
    )
    return await page_on(connection, ctx, entity, query, "list")


async def create_key(page: Page) -> ASGIResponse:
    """Make a key for oneself; its text stands on the page that answers, and nowhere else."""
    made, errors = await keys.make(page)
    return await _keys(page, errors, 400 if errors else 201, made)


async def revoke_key(page: Page) -> ASGIResponse:
    """End a key at once."""
    ctx, id = page.ctx, read_id(page.request.path_params["id"])

    async def run(unit: Unit) -> Any:
        await delete(ctx, unit, ctx.tenant.entities[KEY], id, None)

    await ctx.write(run)
    return page.redirect(HOME, flash=Flash(page.translate("The key has ended.")))
