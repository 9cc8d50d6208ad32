"""Putting a value back that a record had before: one field of one entry of its history.

It is a change like any other: judged by the same rules, refused for another version, audited.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from litestar.response.base import ASGIResponse

from core.admin import paths
from core.admin.forms.form_errors import mistakes
from core.admin.page import WRITE, Flash, Page
from core.admin.screens.bulk.undo import before, undo_path
from core.admin.screens.form.fields import fields_of
from core.admin.screens.form.form_submit import form_key, id_of, record_gone, save_once, version_of
from core.admin.screens.routing import entity_path, screen_route
from core.audit.entries import EntryFilter, read_entries
from core.audit.history import require_history_access
from core.audit.rendering import HistoryView
from core.database.connections import Unit
from core.errors import Forbidden, NotFound, Refused, Stale, Unauthenticated
from core.model.conversion import amount, from_database
from core.model.entities import HISTORY, Declaration
from core.model.fields import Field
from core.records.changes.single import DETAIL, read_record, read_row, update_record
from core.records.projection import FieldSelection, Row, projection_of
from core.registry.registry import Registry
from core.rest.request.decode import read_id
from core.rest.route import Route

PUT = "put"
CURRENCY_THEN = """
SELECT changes -> $4 ->> 0 FROM core_audit_entry
 WHERE tenant_id = $1 AND record_id = $2 AND entity = $3 AND at >= $5 AND changes ? $4
 ORDER BY at, id LIMIT 1
"""


class CurrentRecord(msgspec.Struct, frozen=True):
    """A record that the reader may change: its version, and the values that they may set."""

    version: int
    row: Row

    def restore_button(self, entry: Mapping[str, Any], change: Mapping[str, Any]) -> str:
        """Return what a button sends that puts a value back; nothing where it is there already."""
        name = change["field"]
        known = entry["action"] == "updated" and name in self.row
        if not known or _plain(self.row[name]) == _plain(change["old"]):
            return ""
        return f"{entry['id']}:{name}"


def _plain(value: Any) -> Any:
    """Return a value as JSON has it, in which the audit's and the record's are the same."""
    return msgspec.json.decode(msgspec.json.encode(value))


async def read_current(
    page: Page, connection: asyncpg.Connection, entity: Declaration, id: UUID
) -> CurrentRecord | None:
    """Return the record if it is there and the reader may change it."""
    ctx = page.ctx
    if not {"update", "view"} <= set(entity.verbs) or not ctx.rights.may(entity.name, "update"):
        return None
    names = tuple(field.name for field in fields_of(page, entity, "update"))
    known = ctx.rights.visible(entity.name)
    asked = FieldSelection(fields=tuple(n for n in names if n in known), detail=True)
    shape = projection_of(ctx.tenant, ctx.rights, entity, asked)
    found = await read_row(ctx, connection, entity, id, shape, "update")
    if found is None:
        return None
    row, version = found
    return CurrentRecord(version, {name: row[name] for name in asked.fields})


def restore_form(entity: Declaration, id: UUID, now: CurrentRecord | None) -> dict[str, Any] | None:
    """Return the form that all the buttons belong to, if there are any."""
    if now is None:
        return None
    hidden = {"_version": now.version, "_key": form_key()}
    return {"action": entity_path(entity, id, "history/back/"), "hidden": hidden}


async def restore(page: Page, entity: Declaration) -> ASGIResponse:
    """Give a field the value that it had before an entry of the record's history."""
    ctx, _, id = page.ctx, page.translate, id_of(page)
    ctx.rights.require(entity.name, HISTORY)
    asked, _sep, name = page.form.get(PUT).partition(":")
    back = _home(page, entity, id)
    field = HistoryView(ctx, entity).fields.get(name)
    if field is None:
        raise NotFound
    try:
        shape = projection_of(ctx.tenant, ctx.rights, entity, DETAIL)
        row, _version = await read_record(ctx, entity, id, shape)
        body = await _body(page, entity, id, read_id(asked), field, row)

        async def run(unit: Unit) -> dict[str, Any]:
            version = version_of(page)
            await update_record(
                ctx, unit, entity, id, body, projection=shape, version=version, partial=True
            )
            return {"id": id}

        await save_once(page, run)
    except NotFound:
        return await record_gone(page, entity)
    except Stale:
        text = _("It was changed meanwhile. Look at the history again before you put this back.")
        return page.redirect(back, flash=Flash(text, "warning"))
    except (Unauthenticated, Forbidden):
        raise
    except Refused as refused:
        told = " ".join(one.text for one in mistakes(page, refused, entity.fields))
        text = _("This value cannot be put back. %(why)s") % {"why": told}
        return page.redirect(back, flash=Flash(text, "danger"))
    undo = undo_path(page, entity) if "list" in entity.verbs else ""
    said = _("%(field)s is as it was before.") % {"field": _(field.label)}
    return page.redirect(back, flash=Flash(said, undo=undo))


def _home(page: Page, entity: Declaration, id: UUID) -> str:
    """Return where the button was pressed: the page of the history, or the tab."""
    back = paths.referring_path(page.request)
    return entity_path(entity, id, "history/") if back == paths.HOME else back


async def _body(
    page: Page, entity: Declaration, id: UUID, asked: UUID, field: Field, row: Row
) -> dict[str, Any]:
    """Return the body that REST would get; an amount goes with the currency that it was in."""
    ctx = page.ctx

    async def read(connection: asyncpg.Connection) -> tuple[dict[str, Any], str]:
        await require_history_access(ctx, connection, entity, id)
        where = EntryFilter(ctx)
        where.add("e.id = {}", asked)
        where.add("e.record_id = {}", id)
        where.add("e.entity = {}", entity.name)
        where.add("e.action = 'updated'")
        found = await read_entries(connection, where, None, 1)
        changes = HistoryView(ctx, entity).changes(found[0]) if found else {}
        if field.name not in changes:
            raise NotFound
        code = ""
        if field.currency:
            given = (ctx.tenant.id, id, entity.name, field.currency, found[0]["at"])
            code = await connection.fetchval(CURRENCY_THEN, *given) or ""
        return changes, code

    changes, code = await ctx.read(read)
    old, new = changes[field.name]
    if field.kind == "money":
        now = row.get(str(field.currency)) or ctx.tenant.config.currency
        body = {field.name: None if old is None else amount(old, code or now)}
        return body | ({str(field.currency): code} if code not in ("", now) else {})
    convert = from_database(field)
    value = old if old is None or convert is None else convert(old, None)
    return {field.name: before(field.name, value, new)} | _amounts(entity, field, changes)


def _amounts(entity: Declaration, field: Field, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the amounts that changed together with their currency, in what it was."""
    if field.kind != "currency":
        return {}
    code = changes[field.name][0]
    beside = [f.name for f in entity.fields.values() if f.currency == field.name]
    olds = {name: changes[name][0] for name in beside if name in changes}
    return {name: None if old is None else amount(old, code) for name, old in olds.items()}


def routes(registry: Registry) -> list[Route]:
    """Return the way back for every entity whose records are changed by people."""
    return [
        screen_route(entity, "/{id:str}/history/back", WRITE, "update", restore)
        for entity in registry.entities.values()
        if {"update", "view"} <= set(entity.verbs)
    ]
