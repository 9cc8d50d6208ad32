"""The form of a record: make one, change one, and check a field while it is filled in."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar.response.base import ASGIResponse

from core.admin.forms.struct_controls import is_id
from core.admin.page import READ, WRITE, Flash, Page
from core.admin.parts import Fact
from core.admin.screens.form import duplicates, edit_conflict
from core.admin.screens.form.after_submit import after_submit
from core.admin.screens.form.fields import (
    SHOWN,
    Texts,
    body_of,
    fields_of,
    mark,
    read_marks,
    stored_texts,
    typed_texts,
)
from core.admin.screens.form.form_submit import (
    id_of,
    path_after,
    record_gone,
    save_once,
    version_of,
)
from core.admin.screens.form.page import (
    back_of,
    check_field,
    form_page,
    in_dialog,
    requesting_control,
)
from core.admin.screens.routing import entity_path, screen_route
from core.database.connections import Unit
from core.errors import FieldError, Forbidden, Invalid, NotFound, Refused, Stale, Unauthenticated
from core.model.entities import Declaration
from core.model.fields import Field
from core.records.changes.input_validation import Input
from core.records.changes.single import (
    DETAIL,
    insert_record,
    read_new_values,
    read_record,
    update_record,
)
from core.records.projection import projection_of
from core.registry.registry import Registry
from core.rest.route import Route


async def show_new(page: Page, entity: Declaration) -> ASGIResponse:
    """Show the form of a new record; the address may say what stands in it."""
    fields = _new_fields(page, entity)
    asked = page.request.query_params
    texts = {f.name: str(asked.get(f.name, "")) for f in fields}
    links = {n: texts[n] for f in fields if (n := f.name) and f.kind == "link" and is_id(texts[n])}
    stored = await stored_texts(page, fields, {f.name: f.default for f in fields} | links)
    own = {f.name: texts[f.name] for f in fields if f.kind != "link" and texts[f.name]}
    filled = Texts({**stored.texts, **own}, stored.links)
    return await form_page(page, entity, fields, filled)


def _new_fields(page: Page, entity: Declaration) -> list[Field]:
    """Return the fields of a new record; in a dialog over another form those that it needs."""
    fields = fields_of(page, entity, "create")
    if requesting_control(page):
        return [f for f in fields if f.required or f.name == entity.title]
    return fields


async def create(page: Page, entity: Declaration) -> ASGIResponse:
    """Make a record out of the form, or show the form again with what is wrong."""
    ctx, fields = page.ctx, _new_fields(page, entity)
    typed = await typed_texts(page, fields)
    if asked := page.request.query_params.get("check"):
        return await check_field(page, entity, "create", fields, typed, str(asked))
    body = {n: v for n, v in body_of(page, fields, typed.texts).items() if v not in (None, "")}
    shape = projection_of(ctx.tenant, ctx.rights, entity, DETAIL)

    async def run(unit: Unit) -> dict[str, Any]:
        values = read_new_values(ctx, entity, body)
        _refuse_links(typed)
        if not page.form.get(duplicates.ANYWAY):
            await duplicates.refuse_duplicates(page, entity, unit, values)
        id, _record = await insert_record(ctx, unit, entity, values, shape)
        return {"id": id}

    try:
        made = await save_once(page, run)
    except (Unauthenticated, Forbidden):
        raise
    except duplicates.PossibleDuplicate as alike:
        refused = alike if alike.errors else None
        return await form_page(
            page, entity, fields, typed, alike=alike.links, refused=refused, status=409
        )
    except Refused as refused:
        return await form_page(page, entity, fields, typed, refused=refused)
    if target := requesting_control(page):
        words = typed.texts.get(entity.title) or made["id"]
        return page.render("form_made.html", target=target, value=made["id"], words=words)
    return _made(page, entity, made["id"])


def _refuse_links(typed: Texts) -> None:
    if typed.links.errors:
        name, text = next(iter(typed.links.errors.items()))
        raise Invalid.field(f"#/{name}", text, "lookup")


def _made(page: Page, entity: Declaration, id: str) -> ASGIResponse:
    label = page.translate(entity.label)
    said = Flash(page.translate("%(thing)s created") % {"thing": label})
    if page.form.get("_then") == "new":
        return page.redirect(entity_path(entity, under="new/"), flash=said)
    return after_submit(page, entity, back_of(page) or path_after(page, entity, id), said)


async def show_edit(page: Page, entity: Declaration) -> ASGIResponse:
    """Show the form of a record."""
    try:
        row, version = await _read(page, entity)
    except NotFound:
        return await record_gone(page, entity)
    fields = fields_of(page, entity, "update")
    texts = await stored_texts(page, fields, row)
    return await form_page(
        page, entity, fields, texts, row=row, version=version, marks=texts.marks()
    )


async def _read(page: Page, entity: Declaration) -> tuple[dict[str, Any], int]:
    ctx = page.ctx
    ctx.rights.require(entity.name, "view")
    shape = projection_of(ctx.tenant, ctx.rights, entity, DETAIL)
    return await read_record(ctx, entity, id_of(page), shape)


async def change_record(page: Page, entity: Declaration) -> ASGIResponse:
    """Save what was changed in the form; nobody else's change is ever overwritten by it."""
    fields = fields_of(page, entity, "update")
    typed = await typed_texts(page, fields)
    if asked := page.request.query_params.get("check"):
        return await check_field(page, entity, "update", fields, typed, str(asked))
    for _attempt in range(2):
        try:
            return await _change(page, entity, fields, typed)
        except Stale:  # somebody saved in the meantime: show their change
            continue
        except NotFound:
            kept = [Fact(f.label, typed.texts[f.name]) for f in fields if typed.texts.get(f.name)]
            return await record_gone(page, entity, kept)
    raise Stale


async def _change(
    page: Page, entity: Declaration, fields: list[Field], typed: Texts
) -> ASGIResponse:
    row, version = await _read(page, entity)
    was = read_marks(page.form.get(SHOWN))
    known = [f for f in fields if f.name in typed.texts]
    changed = [f for f in known if mark(typed.texts[f.name]) != was.get(f.name)]
    if version_of(page) not in (None, version):
        stored = await stored_texts(page, known, row)
        found = edit_conflict.differences(page, entity, known, typed, stored, was)
        if found and page.hx and not in_dialog(page):
            return await _inline(page, entity, known, typed, stored, row, version)
        if found:
            return edit_conflict.show_conflict(page, entity, found, typed, stored, row, version)
    changed = edit_conflict.without_theirs(page, changed)
    try:
        await _save(page, entity, changed, typed, row, version)
    except (Unauthenticated, Forbidden, NotFound, Stale):
        raise
    except Refused as refused:
        return await _again(page, entity, fields, typed, refused, row, version)
    said = page.translate("Nothing was changed.")
    if changed:
        said = page.translate("%(thing)s updated") % {"thing": page.translate(entity.label)}
    return after_submit(
        page, entity, back_of(page) or path_after(page, entity, row["id"]), Flash(said)
    )


async def _inline(
    page: Page,
    entity: Declaration,
    fields: list[Field],
    typed: Texts,
    stored: Texts,
    row: Mapping[str, Any],
    version: int,
) -> ASGIResponse:
    """Show, where one field is edited in place, what somebody else made of it meanwhile."""
    _ = page.translate
    errors = []
    for field in fields:
        theirs = stored.links.words.get(field.name) or stored.texts[field.name]
        text = _("Somebody wrote “%(theirs)s” here. Save to keep yours, cancel to keep theirs.")
        told = text % {"theirs": theirs or _("(empty)")}
        errors.append(FieldError(f"#/{field.name}", told, "stale"))
    marks, refused = stored.marks(), Stale(errors=errors)
    return await form_page(
        page, entity, fields, typed, row=row, version=version, marks=marks, refused=refused
    )


async def _save(
    page: Page,
    entity: Declaration,
    changed: list[Field],
    typed: Texts,
    row: Mapping[str, Any],
    version: int,
) -> None:
    ctx, id = page.ctx, UUID(str(row["id"]))
    body = body_of(page, changed, typed.texts)
    if isinstance(body.get("custom"), dict):  # what was taken out of it is sent as null
        body["custom"] = dict.fromkeys(row.get("custom") or {}) | body["custom"]
    shape = projection_of(ctx.tenant, ctx.rights, entity, DETAIL)

    async def run(unit: Unit) -> dict[str, Any]:
        await update_record(
            ctx, unit, entity, id, body, projection=shape, version=version, partial=True
        )
        return {"id": id}

    links = {f.name for f in changed} & typed.links.errors.keys()
    if links:  # with whatever else is wrong
        Input(ctx, entity, "update").read(body, partial=True)
        _refuse_links(typed)
    if body:
        await save_once(page, run)


async def _again(
    page: Page,
    entity: Declaration,
    fields: list[Field],
    typed: Texts,
    refused: Refused,
    row: Mapping[str, Any],
    version: int,
) -> ASGIResponse:
    """Show the form again: in place where one field was changed there, else the whole."""
    only = page.form.get("_only")
    shown = [f for f in fields if f.name == only] if only else fields
    stored = await stored_texts(page, shown, row)
    marks = page.form.get(SHOWN)
    texts = Texts({**stored.texts, **typed.texts}, typed.links)
    return await form_page(
        page, entity, shown, texts, row=row, version=version, marks=marks, refused=refused
    )


def routes(registry: Registry) -> list[Route]:
    """Return the forms of all entities."""
    found = []
    for entity in registry.entities.values():
        if "create" in entity.verbs:
            found.append(screen_route(entity, "/new", READ, "create", show_new))
            found.append(screen_route(entity, "/new", WRITE, "create", create))
        if "update" in entity.verbs and "view" in entity.verbs:
            found.append(screen_route(entity, "/{id:str}/edit", READ, "update", show_edit))
            found.append(screen_route(entity, "/{id:str}/edit", WRITE, "update", change_record))
    return found
