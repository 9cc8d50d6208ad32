"""The trash of an entity: what lies in it, back again, or deleted for good; and the way into it."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec
from litestar.response.base import ASGIResponse

from core.admin.page import READ, WRITE, Flash, Page
from core.admin.parts import Column, Link
from core.admin.screens.form.form_submit import form_key, id_of, record_gone, save_once, version_of
from core.admin.screens.routing import entity_path, screen_route
from core.admin.words.cells import cell_fields, cells
from core.database.connections import Unit
from core.errors import Conflict, Invalid, NotFound, Refused, Stale
from core.model.entities import Declaration
from core.records.changes import trash
from core.records.changes.bulk import change_many
from core.records.changes.selection import read_ids
from core.records.lists.list_query import Paging, Query, Sort
from core.records.lists.pages import ListPage, read_page
from core.records.projection import FieldSelection
from core.registry.registry import Registry
from core.rest.route import Route
from core.search.hits import Hits

COLUMNS = 3
SIZE = 50
LAST = 200
CONFIRMED = "_sure"
VERBS = ("restore", "purge")
Change = Callable[..., Awaitable[None]]


class Line(msgspec.Struct, frozen=True):
    """One row as the table takes it."""

    id: str
    title: str
    version: int
    cells: dict[str, Any]


async def show_trash(page: Page, entity: Declaration) -> ASGIResponse:
    """Show what lies in the trash, the latest first."""
    return await _trash(page, entity)


async def _trash(page: Page, entity: Declaration, problem: str = "") -> ASGIResponse:
    ctx, _ = page.ctx, page.translate
    visible = ctx.rights.visible(entity.name)
    columns = [f.name for n in entity.columns if (f := entity.field(n)) is not None]
    names = list(dict.fromkeys(n for n in (entity.title, *columns) if n in visible))[:COLUMNS]
    names += [n for n in ("deleted_at", "updated_by") if n in visible]
    found = await _read_trash(page, entity, names, _number(page))
    shown = cells(page, entity, names)
    title = next((c for c in shown if c.key == entity.title), None)
    rows = [_line(entity, row, shown, title) for row in found.rows]
    base = entity_path(entity, under="trash/")
    held = {v for v in VERBS if v in entity.verbs and ctx.rights.may(entity.name, v)}
    return page.render(
        "trash.html",
        status=409 if problem else 200,
        entity=entity,
        title=_("Trash: %(records)s") % {"records": _(entity.plural)},
        crumbs=[Link(_(entity.plural), entity_path(entity)), Link(_("Trash"), "")],
        columns=[Column(c.key, c.label, c.kind, primary=c.key == entity.title) for c in shown],
        rows=rows,
        base=entity_path(entity),
        action=base,
        held=held,
        problem=problem,
        key=form_key(),
        previous=f"{base}?page={found.previous['page']}" if found.previous else "",
        onward=f"{base}?page={found.next['page']}" if found.next else "",
        count=found.count or 0,
    )


def _number(page: Page) -> int:
    text = page.request.query_params.get("page", "1")
    return min(max(int(text), 1), LAST) if text.isascii() and text.isdigit() else 1


async def _read_trash(page: Page, entity: Declaration, names: list[str], number: int) -> ListPage:
    links = cell_fields(page.ctx, entity, [n for n in names if n != "deleted_at"]).expand
    asked = FieldSelection(expand=links, detail=True, trash=True)
    latest = (Sort("deleted_at", "deleted_at", True, False), Sort("id", "id", True, False))
    query = Query(Paging(SIZE, number), asked, latest, (), trash=True)
    return await read_page(page.ctx, entity, query, "trash")


def _line(entity: Declaration, row: dict[str, Any], shown: Any, title: Any) -> Line:
    name = title.text(row) if title is not None else str(row["id"])
    told = {c.key: name if c is title else c.show(row) for c in shown}
    return Line(str(row["id"]), name, row["version"], told)


async def delete(page: Page, entity: Declaration) -> ASGIResponse:
    """Put a record in the trash; the message on the next page takes it back."""

    def message(name: str) -> Flash:
        undo = entity_path(entity, id_of(page), "restore/")
        may = "restore" in entity.verbs and page.ctx.rights.may(entity.name, "restore")
        text = page.translate("%(name)s was moved to the trash.") % {"name": name}
        return Flash(text, undo=undo if may else "")

    try:
        return await _change_one(
            page, entity, trash.delete, message, entity_path(entity), in_trash=False
        )
    except Stale:
        text = page.translate("It was changed meanwhile. Look at it before you delete it.")
        return page.redirect(entity_path(entity, id_of(page)), flash=Flash(text, "warning"))
    except Conflict as refused:
        text = page.tell(refused.detail)
        return page.redirect(entity_path(entity, id_of(page)), flash=Flash(text, "danger"))


async def restore(page: Page, entity: Declaration) -> ASGIResponse:
    """Take a record out of the trash."""

    def message(name: str) -> Flash:
        return Flash(page.translate("%(name)s is back.") % {"name": name})

    after = entity_path(entity, id_of(page)) if page.ctx.rights.may(entity.name, "view") else ""
    try:
        return await _change_one(page, entity, trash.restore, message, after or entity_path(entity))
    except Conflict as refused:
        return await _refused(page, entity, refused)


async def show_purge(page: Page, entity: Declaration) -> ASGIResponse:
    """Ask whether a record is to be deleted for good."""
    name = await _name(page, entity, in_trash=True)
    if name is None:
        return await record_gone(page, entity)
    title = page.translate("Delete %(name)s for good?") % {"name": name}
    return _question(page, entity, title, name, entity_path(entity, id_of(page), "purge/"))


async def purge(page: Page, entity: Declaration) -> ASGIResponse:
    """Delete a record in the trash for good."""

    def message(name: str) -> Flash:
        return Flash(page.translate("%(name)s was deleted for good.") % {"name": name})

    try:
        return await _change_one(
            page, entity, trash.destroy, message, entity_path(entity, under="trash/")
        )
    except Conflict as refused:
        return await _refused(page, entity, refused)


async def _refused(page: Page, entity: Declaration, refused: Refused) -> ASGIResponse:
    """Show the trash with what stands against it, or say so where the trash may not be seen."""
    if not page.ctx.rights.may(entity.name, "trash"):
        raise refused
    return await _trash(page, entity, page.tell(refused.detail))


async def _change_one(
    page: Page,
    entity: Declaration,
    deed: Change,
    message: Callable[[str], Flash],
    after: str,
    *,
    in_trash: bool = True,
) -> ASGIResponse:
    ctx, id = page.ctx, id_of(page)
    name = await _name(page, entity, in_trash=in_trash)

    async def run(unit: Unit) -> dict[str, Any]:
        await deed(ctx, unit, entity, id, version_of(page))
        return {"id": id}

    try:
        await save_once(page, run)
    except NotFound:
        return await record_gone(page, entity)
    may_list = "list" in entity.verbs and ctx.rights.may(entity.name, "list")
    home = after if may_list or after != entity_path(entity) else "/app/"
    return page.redirect(home, flash=message(name or page.translate(entity.label)))


async def _name(page: Page, entity: Declaration, *, in_trash: bool) -> str | None:
    """Return what a record is called; None where it is not there for the reader."""
    ctx = page.ctx
    right = "trash" if in_trash else "view"
    if not ctx.rights.may(entity.name, right):
        return None
    named = entity.title in ctx.rights.visible(entity.name)
    asked = FieldSelection(fields=(entity.title,) if named else ("id",))
    query = Query(
        Paging(1),
        asked,
        (Sort("id", "id", False, False),),
        (Hits([id_of(page)]).among(),),
        trash=in_trash,
    )
    rows = (await read_page(ctx, entity, query, right)).rows
    return str(rows[0].get(entity.title) or rows[0]["id"]) if rows else None


def _confirm_purge(page: Page, entity: Declaration, ids: list[UUID]) -> ASGIResponse:
    """Ask whether the selected records are to be deleted for good."""
    title = page.translate("Delete %(count)s records for good?") % {"count": len(ids)}
    hidden = [("deed", "purge"), (CONFIRMED, "1"), *(("ids", str(id)) for id in ids)]
    return _question(page, entity, title, title, entity_path(entity, under="trash/"), hidden)


def _question(
    page: Page, entity: Declaration, title: str, name: str, action: str, hidden: Any = ()
) -> ASGIResponse:
    _ = page.translate
    return page.render(
        "trash_purge.html",
        title=title,
        action=action,
        back=entity_path(entity, under="trash/"),
        hidden=[*hidden, ("_key", form_key())],
        crumbs=[
            Link(_(entity.plural), entity_path(entity)),
            Link(_("Trash"), entity_path(entity, under="trash/")),
            Link(name, ""),
        ],
    )


async def change_trash(page: Page, entity: Declaration) -> ASGIResponse:
    """Restore or purge the selected records, as far as nothing stands against it."""
    verb = page.form.get("deed")
    if verb not in VERBS or verb not in entity.verbs:
        raise NotFound
    page.ctx.rights.require(entity.name, verb)
    try:
        ids: list[UUID] = read_ids(page.form.getall("ids"))
    except Invalid:
        return await _trash(page, entity, page.translate("Select at least one row."))

    if verb == "purge" and not page.form.get(CONFIRMED):
        return _confirm_purge(page, entity, ids)

    async def run(unit: Unit) -> dict[str, Any]:
        return await change_many(page.ctx, unit, entity, verb, ids, {}, atomic=False)

    try:
        done = await save_once(page, run)
    except Conflict as refused:
        return await _trash(page, entity, page.tell(refused.detail))
    texts = {
        "restore": page.translate("%(count)s records are back."),
        "purge": page.translate("%(count)s records were deleted for good."),
    }
    flash = Flash(texts[verb] % {"count": len(done["ids"])})
    return page.redirect(entity_path(entity, under="trash/"), flash=flash)


def routes(registry: Registry) -> list[Route]:
    """Return the trashes of all entities, and the ways into and out of them."""
    one = "/{id:str}"
    ways = (
        ("trash", "/trash", READ, "trash", show_trash),
        ("trash", "/trash", WRITE, "trash", change_trash),
        ("delete", f"{one}/delete", WRITE, "delete", delete),
        ("restore", f"{one}/restore", WRITE, "restore", restore),
        ("purge", f"{one}/purge", READ, "purge", show_purge),
        ("purge", f"{one}/purge", WRITE, "purge", purge),
    )
    return [
        screen_route(entity, path, methods, right, screen)
        for entity in registry.entities.values()
        for verb, path, methods, right, screen in ways
        if verb in entity.verbs
    ]
