"""One change for the chosen rows of a list: what will happen first, then what has happened."""

from typing import Any
from uuid import UUID

import msgspec
from litestar.response.base import ASGIResponse

from core.admin.forms.controls import Control, Controls
from core.admin.page import WRITE, Flash, Page
from core.admin.parts import Option
from core.admin.screens.bulk.undo import undo_path
from core.admin.screens.form.after_submit import noun, settle
from core.admin.screens.list.look import from_form, look
from core.admin.screens.list.state import State
from core.admin.screens.routing import screen_route
from core.admin.words import cells
from core.admin.words.wording import SWITCH
from core.database.connections import Unit
from core.errors import Forbidden, Invalid, Refused
from core.model.entities import Declaration
from core.model.fields import Field
from core.records.changes.bulk import BULK_VERBS, carry_out, read_order
from core.records.changes.selection import MOST_IDS, read_ids
from core.records.lists.list_query import Paging, Query, Sort
from core.records.lists.pages import ids_of, read_page
from core.registry.registry import Registry
from core.rest.request.decode import read_id
from core.rest.route import Route
from core.runtime.context import Context
from core.search.hits import Hits

NAMED = 5
# The buttons that switch a record, and to what.
SWITCHES = {"activate": True, "deactivate": False}


class Deed(msgspec.Struct, frozen=True):
    """What is to be done: ``name`` as the button says it, and the field that it sets."""

    name: str
    title: str
    submit: str
    field: Field | None = None
    dangerous: bool = False


def routes(registry: Registry) -> list[Route]:
    """Return the bulk screens of the entities whose records can be changed or deleted."""
    return [
        screen_route(entity, "/bulk", WRITE, "list", show_bulk)
        for entity in registry.entities.values()
        if "list" in entity.verbs and {"update", "delete"} & set(entity.verbs)
    ]


def settable(ctx: Context, entity: Declaration) -> list[Field]:
    """Return the fields that the caller may set for many records at once."""
    writable = ctx.rights.writable(entity.name, "update") if "update" in entity.verbs else ()
    return [
        field
        for field in entity.fields.values()
        if field.name in writable
        and not field.unique
        and field.kind not in ("json", "money", "currency")
    ]


def offered(page: Page, entity: Declaration) -> list[Deed]:
    """Return what the caller may do with chosen rows."""
    say, fields = page.translate, {f.name: f for f in settable(page.ctx, entity)}
    found = []
    if SWITCH in fields:
        field = fields[SWITCH]
        found.append(Deed("activate", say("Activate Selected"), say("Activate"), field))
        found.append(Deed("deactivate", say("Deactivate Selected"), say("Deactivate"), field))
    if fields:
        found.append(Deed("set", say("Set a field…"), say("Continue")))
    if "delete" in entity.verbs and page.ctx.rights.may(entity.name, "delete"):
        found.append(Deed("delete", say("Delete"), say("Delete"), dangerous=True))
    return found


async def show_bulk(page: Page, entity: Declaration) -> ASGIResponse:
    """Show what a button would do with the chosen rows, or do it once that is confirmed."""
    state = from_form(page, entity)
    # A row has buttons of its own, for itself alone.
    own, _, row = page.form.get("one").partition(":")
    wanted = own or page.form.get("do")
    deed = next((d for d in offered(page, entity) if d.name == wanted), None)
    if deed is None:
        raise Forbidden
    try:
        ids = [read_id(row)] if row else await chosen(page, entity, state)
    except Invalid as invalid:
        flash = Flash(page.tell(invalid.detail), kind="warning")
        return page.redirect(state.href(page=state.page), flash=flash)
    if page.form.get("step") != "run" and not at_once(page, entity, deed):
        return await preview(page, entity, state, deed, ids)
    try:
        found = await _run(page, entity, deed, ids)
    except (Invalid, Refused) as refused:
        return await preview(page, entity, state, deed, ids, refused)
    flash = told(page, entity, deed, found)
    return settle(page, entity, state.href(page=state.page), flash, chosen=not row)


def at_once(page: Page, entity: Declaration, deed: Deed) -> bool:
    """Return whether a deed needs no question: the rows are in sight, and it can be taken back."""
    seen = page.form.get("all") != "1"
    return deed.name in SWITCHES and seen and bool(undo_path(page, entity))


async def chosen(page: Page, entity: Declaration, state: State) -> list[UUID]:
    """Return the ids that are ticked, or of everything that the list's address matches."""
    say = page.translate
    if page.form.get("all") != "1":
        ids = page.form.getall("ids")
        if not ids:
            raise Invalid(say("Nothing is selected. Tick the rows that you mean."), code="none")
        return read_ids(ids)
    seen = await look(page, entity, state)
    found = await ids_of(page.ctx, entity, seen.checked, MOST_IDS)
    if len(found) > MOST_IDS:
        text = say("More than 10,000 records match. Filter further first.")
        raise Invalid(text, code="too_many")
    if not found:
        raise Invalid(say("Nothing matches any more."), code="none")
    return found


async def _run(page: Page, entity: Declaration, deed: Deed, ids: list[UUID]) -> dict[str, Any]:
    body: dict[str, Any] = {"ids": [str(id) for id in ids]}
    if deed.name in BULK_VERBS:
        body["action"] = deed.name
    elif deed.name in SWITCHES:
        body["set"] = {SWITCH: SWITCHES[deed.name]}
    else:
        field = _field(page, entity)
        if field is None:
            raise Invalid.field("#/field", page.translate("Choose a field."), "required")
        controls = Controls(page, page.ctx.tenant)
        body["set"] = {field.name: controls.read(field, page.form.get(field.name))}
    order = read_order(page.ctx, entity, body)

    async def run(unit: Unit) -> dict[str, Any]:
        return await carry_out(page.ctx, unit, entity, order)

    return await page.ctx.write(run)


def _field(page: Page, entity: Declaration) -> Field | None:
    name = page.form.get("field")
    return next((f for f in settable(page.ctx, entity) if f.name == name), None)


def told(page: Page, entity: Declaration, deed: Deed, found: dict[str, Any]) -> Flash:
    """Return what has happened: how many were changed, and how many were not."""
    number, say = page.formats.number, page.translate
    done = len(found["ids"])
    same = found["updated"] - done
    text = say("%(count)s %(things)s updated")
    if deed.name == "delete":
        text = say("%(count)s %(things)s deleted")
    parts = [text % {"count": number(done), "things": noun(page, entity, done)}]
    if same:
        was = say("No change was needed for %(count)s.") % {"count": number(same)}
        parts = [*parts, was] if done else [was]
    if found["skipped"]:
        skipped = {"count": number(len(found["skipped"]))}
        parts.append(say("Skipped %(count)s: gone, or not yours to change.") % skipped)
    kind = "warning" if found["skipped"] else "success"
    text = ". ".join(part.rstrip(".") for part in parts)
    return Flash(text, kind, undo_path(page, entity) if done else "")


async def preview(
    page: Page,
    entity: Declaration,
    state: State,
    deed: Deed,
    ids: list[UUID],
    refused: Refused | None = None,
) -> ASGIResponse:
    """Show how many rows are meant, some by name, and what will be done with them."""
    field = deed.field or _field(page, entity)
    every = page.form.get("all") == "1"
    return page.render(
        "list_bulk.html",
        status=refused.status if refused else 200,
        entity=entity,
        base=f"/app/{entity.resource}/",
        state=state,
        deed=deed,
        field=field,
        fields=[Option(f.name, page.translate(f.label)) for f in settable(page.ctx, entity)],
        control=_control(page, field, refused) if field and deed.name == "set" else None,
        number=len(ids),
        things=noun(page, entity, len(ids)),
        names=await _names(page, entity, ids[:NAMED]),
        ids=() if every else ids,
        every=every,
        problem=page.tell(refused.detail) if refused else "",
        back=state.href(page=state.page),
    )


def _control(page: Page, field: Field, refused: Refused | None) -> Control:
    tenant = page.ctx.tenant
    target = tenant.entities.get(field.target) if field.kind == "link" else None
    return Controls(page, tenant).control(
        field,
        page.form.get(field.name),
        error=page.tell(refused.detail) if refused else "",
        src=f"/app/{target.resource}/lookup/" if target else "",
    )


async def _names(page: Page, entity: Declaration, ids: list[UUID]) -> list[str]:
    """Return the titles of some records."""
    wanted = cells.wanted(page.ctx, entity, ())
    query = Query(Paging(NAMED), wanted, (Sort("id", "id", False, False),), (Hits(ids).among(),))
    found = await read_page(page.ctx, entity, query)
    title = cells.title_of(page, entity)
    return [title(row) for row in found.rows]
