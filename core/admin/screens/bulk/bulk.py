"""One change for the chosen rows of a list: what will happen first, then what has happened."""

from typing import Any
from uuid import UUID

from litestar.response.base import ASGIResponse

from core.admin.forms.controls import Control, Controls
from core.admin.page import WRITE, Flash, Page
from core.admin.parts import Option
from core.admin.screens.bulk.undo import undo_path
from core.admin.screens.form.after_submit import after_submit, noun
from core.admin.screens.list.bulk_actions import SWITCHES, BulkAction, bulk_actions, settable_fields
from core.admin.screens.list.list_query import ListState, read_list_query, state_from_form
from core.admin.screens.routing import screen_route
from core.admin.words import cells
from core.admin.words.wording import SWITCH
from core.database.connections import Unit
from core.errors import Forbidden, Invalid, Refused
from core.model.entities import Declaration
from core.model.fields import Field
from core.records.changes.bulk import BULK_VERBS, apply_bulk_change, read_bulk_change
from core.records.changes.selection import MOST_IDS, read_ids
from core.records.lists.list_query import Paging, Query, Sort
from core.records.lists.pages import find_ids, read_page
from core.registry.registry import Registry
from core.rest.request.decode import read_id
from core.rest.route import Route
from core.search.hits import Hits

NAMED = 5


def routes(registry: Registry) -> list[Route]:
    """Return the bulk screens of the entities whose records can be changed or deleted."""
    return [
        screen_route(entity, "/bulk", WRITE, "list", show_bulk)
        for entity in registry.entities.values()
        if "list" in entity.verbs and {"update", "delete"} & set(entity.verbs)
    ]


async def show_bulk(page: Page, entity: Declaration) -> ASGIResponse:
    """Show what a button would do with the chosen rows, or do it once that is confirmed."""
    state = state_from_form(page, entity)
    # A row has buttons of its own, for itself alone.
    own, _, row = page.form.get("one").partition(":")
    name = own or page.form.get("do")
    action = next((d for d in bulk_actions(page, entity) if d.name == name), None)
    if action is None:
        raise Forbidden
    try:
        ids = [read_id(row)] if row else await chosen(page, entity, state)
    except Invalid as invalid:
        flash = Flash(page.tell(invalid.detail), kind="warning")
        return page.redirect(state.href(page=state.page), flash=flash)
    if page.form.get("step") != "run" and not at_once(page, entity, action):
        return await preview(page, entity, state, action, ids)
    try:
        found = await _run(page, entity, action, ids)
    except (Invalid, Refused) as refused:
        return await preview(page, entity, state, action, ids, refused)
    flash = result_message(page, entity, action, found)
    return after_submit(page, entity, state.href(page=state.page), flash, chosen=not row)


def at_once(page: Page, entity: Declaration, action: BulkAction) -> bool:
    """Return whether an action runs unasked: its rows are in sight and it can be undone."""
    visible = page.form.get("all") != "1"
    return action.name in SWITCHES and visible and bool(undo_path(page, entity))


async def chosen(page: Page, entity: Declaration, state: ListState) -> list[UUID]:
    """Return the ids that are ticked, or of everything that the list's address matches."""
    say = page.translate
    if page.form.get("all") != "1":
        ids = page.form.getall("ids")
        if not ids:
            raise Invalid(say("Nothing is selected. Tick the rows that you mean."), code="none")
        return read_ids(ids)
    shown_list = await read_list_query(page, entity, state)
    found = await find_ids(page.ctx, entity, shown_list.valid_query, MOST_IDS)
    if len(found) > MOST_IDS:
        text = say("More than 10,000 records match. Filter further first.")
        raise Invalid(text, code="too_many")
    if not found:
        raise Invalid(say("Nothing matches any more."), code="none")
    return found


async def _run(
    page: Page, entity: Declaration, action: BulkAction, ids: list[UUID]
) -> dict[str, Any]:
    body: dict[str, Any] = {"ids": [str(id) for id in ids]}
    if action.name in BULK_VERBS:
        body["action"] = action.name
    elif action.name in SWITCHES:
        body["set"] = {SWITCH: SWITCHES[action.name]}
    else:
        field = _field(page, entity)
        if field is None:
            raise Invalid.field("#/field", page.translate("Choose a field."), "required")
        controls = Controls(page, page.ctx.tenant)
        body["set"] = {field.name: controls.read(field, page.form.get(field.name))}
    order = read_bulk_change(page.ctx, entity, body)

    async def run(unit: Unit) -> dict[str, Any]:
        return await apply_bulk_change(page.ctx, unit, entity, order)

    return await page.ctx.write(run)


def _field(page: Page, entity: Declaration) -> Field | None:
    name = page.form.get("field")
    return next((f for f in settable_fields(page.ctx, entity) if f.name == name), None)


def result_message(
    page: Page, entity: Declaration, action: BulkAction, result: dict[str, Any]
) -> Flash:
    """Return what has happened: how many were changed, and how many were not."""
    number, say = page.formats.number, page.translate
    done = len(result["ids"])
    same = result["updated"] - done
    text = say("%(count)s %(things)s updated")
    if action.name == "delete":
        text = say("%(count)s %(things)s deleted")
    parts = [text % {"count": number(done), "things": noun(page, entity, done)}]
    if same:
        was = say("No change was needed for %(count)s.") % {"count": number(same)}
        parts = [*parts, was] if done else [was]
    if result["skipped"]:
        skipped = {"count": number(len(result["skipped"]))}
        parts.append(say("Skipped %(count)s: gone, or not yours to change.") % skipped)
    kind = "warning" if result["skipped"] else "success"
    text = ". ".join(part.rstrip(".") for part in parts)
    return Flash(text, kind, undo_path(page, entity) if done else "")


async def preview(
    page: Page,
    entity: Declaration,
    state: ListState,
    action: BulkAction,
    ids: list[UUID],
    refused: Refused | None = None,
) -> ASGIResponse:
    """Show how many rows are meant, some by name, and what will be done with them."""
    field = action.field or _field(page, entity)
    every = page.form.get("all") == "1"
    return page.render(
        "list_bulk.html",
        status=refused.status if refused else 200,
        entity=entity,
        base=f"/app/{entity.resource}/",
        state=state,
        deed=action,
        field=field,
        fields=[Option(f.name, page.translate(f.label)) for f in settable_fields(page.ctx, entity)],
        control=_control(page, field, refused) if field and action.name == "set" else None,
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
    fields = cells.cell_fields(page.ctx, entity, ())
    query = Query(Paging(NAMED), fields, (Sort("id", "id", False, False),), (Hits(ids).among(),))
    found = await read_page(page.ctx, entity, query)
    title = cells.title_of(page, entity)
    return [title(row) for row in found.rows]
