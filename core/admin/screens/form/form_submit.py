"""What pages that change something share: once per form, and what a refusal becomes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec
from litestar.response.base import ASGIResponse

from core.admin.forms.body import KEY
from core.admin.headers import TOAST
from core.admin.page import Page
from core.admin.parts import Fact, Link
from core.admin.screens.form.after_submit import CHANGED
from core.admin.screens.routing import entity_path
from core.admin.session import csrf
from core.database.connections import Unit
from core.errors import Conflict
from core.model.encoding import encode
from core.model.entities import Declaration
from core.records.changes.idempotency import MOST_KEY, StoredAnswer, run_once
from core.records.changes.writing import new_id
from core.records.lists.list_query import Paging, Query, read_sorts
from core.records.lists.pages import read_page
from core.records.projection import FieldSelection
from core.rest.request.decode import read_id
from core.rest.request.idempotency import route_name
from core.search.hits import Hits

VERSION = "_version"
TRIES = 5
PAUSE = 0.2


def id_of(page: Page) -> UUID:
    """Return the id in the address."""
    return read_id(page.request.path_params["id"])


def form_key() -> str:
    """Return a key for a new form: sent twice, it has one effect."""
    return str(new_id())


def version_of(page: Page) -> int | None:
    """Return the version of the record that a form was made of."""
    text = page.form.get(VERSION)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def path_after(page: Page, entity: Declaration, id: object = "") -> str:
    """Return the address of a record, else of its list, else the start page: the first one allowed.

    People from outside have no such pages: their portal shows their records.
    """
    ctx = page.ctx
    if any(map(ctx.tenant.is_internal, ctx.principal.roles)):
        for right, found in (("view", id), ("list", "")):
            if right in entity.verbs and ctx.rights.may(entity.name, right):
                return entity_path(entity, found)
    return "/app/"


async def save_once(page: Page, fn: Callable[[Unit], Awaitable[Any]]) -> Any:
    """Run ``fn`` once per form, and return its value; a form that is sent again gets the same.

    A second click while the first is still under way waits for it.
    """

    async def run(unit: Unit) -> StoredAnswer:
        return StoredAnswer(encode(await fn(unit)))

    key = page.form.get(KEY)
    if not 0 < len(key) <= MOST_KEY or not (key.isascii() and key.isprintable()):
        return await page.ctx.write(fn, keyed=True)
    pairs = [pair for pair in page.form.pairs() if pair[0] != csrf.FIELD]
    content = msgspec.json.encode(pairs)
    for left in reversed(range(TRIES)):
        try:
            answer, _ = await run_once(
                page.ctx, route_name(page.request), key, content, run, keyed=True
            )
            break
        except Conflict as refused:
            if refused.code != "in_progress" or not left:
                raise
            await asyncio.sleep(PAUSE)
    return msgspec.json.decode(answer.body)


async def record_gone(
    page: Page, entity: Declaration, typed: list[Fact] | None = None
) -> ASGIResponse:
    """Show that a record is not there (any more), where it may be, and what was typed."""
    _, ctx = page.translate, page.ctx
    label = _(entity.label)
    heading = _("This %(record)s is not here") % {"record": label}
    text = _("It may have been deleted meanwhile, or you may not see it.")
    actions = []
    if "trash" in entity.verbs and ctx.rights.may(entity.name, "trash"):
        if await _in_trash(page, entity):
            heading = _("This %(record)s was deleted") % {"record": label}
            text = _("It lies in the trash. Whoever may can restore it.")
        actions.append(Link(_("Look in the trash"), entity_path(entity, under="trash/"), "trash-2"))
    if "list" in entity.verbs and ctx.rights.may(entity.name, "list"):
        actions.append(Link(_(entity.plural), entity_path(entity), "arrow-left"))
    if page.hx:  # what was typed stays; the list behind learns of it
        headers = {**TOAST, "HX-Trigger": CHANGED}
        return page.render(
            "refusal_toast.html",
            status=404,
            headers=headers,
            heading=heading,
            text=text,
            actions=[],
        )
    return page.render(
        "record_gone.html",
        status=404,
        heading=heading,
        text=text,
        actions=actions,
        typed=typed or [],
    )


async def _in_trash(page: Page, entity: Declaration) -> bool:
    ctx = page.ctx
    sorts = read_sorts(entity, ctx.rights.visible(entity.name), None)
    only = (Hits([id_of(page)]).among(),)
    query = Query(Paging(1), FieldSelection(fields=("id",)), sorts, only, trash=True)
    return bool((await read_page(ctx, entity, query, "trash")).rows)
