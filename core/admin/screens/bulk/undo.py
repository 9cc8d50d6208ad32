"""Taking back what one request did to many records: those that it changed, and only those.

The former values are read from the audit. A record that somebody changed since stays as it is.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from litestar.response.base import ASGIResponse

from core.admin import paths
from core.admin.page import WRITE, Flash, Page
from core.admin.screens.form.form_submit import save_once
from core.admin.screens.routing import entity_path, screen_route
from core.audit.entries import EntryFilter, read_entries
from core.database.connections import Unit
from core.errors import NotFound, Refused
from core.model.entities import HISTORY, Declaration
from core.model.fields import Field
from core.records.changes.bulk import change_many
from core.records.changes.selection import MOST_IDS
from core.registry.registry import Registry
from core.rest.request.decode import read_id
from core.rest.route import Route

# How long a change can be taken back in one go, and into how many different values.
LATEST = timedelta(hours=1)
MOST_GROUPS = 500
# An amount is stored in the smallest unit of its currency, so that it is touched with that.
UNTOUCHED = (
    "NOT EXISTS (SELECT FROM core_audit_entry l WHERE l.tenant_id = e.tenant_id AND l.at > e.at"
    " AND l.entity = e.entity AND l.record_id = e.record_id AND (l.action <> 'updated'"
    " OR l.changes ?| ARRAY(SELECT jsonb_object_keys(e.changes))"
    " OR (e.changes ?| {} AND l.changes ?| {})))"
)
# An undo: values (JSON) to the ids that get them; for restored records there are none.
Groups = dict[tuple[str, bytes], list[UUID]]


def undo_path(page: Page, entity: Declaration) -> str:
    """Return where a POST takes back what this request did to records of ``entity``.

    Empty for who may not read what was changed.
    """
    if not page.ctx.rights.may(entity.name, HISTORY):
        return ""
    return entity_path(entity, under=f"undo/{UUID(page.ctx.request_id)}/")


async def undo(page: Page, entity: Declaration) -> ASGIResponse:
    """Take back what an own request did within the last hour."""
    ctx, _ = page.ctx, page.translate
    request = read_id(page.request.path_params["asked"])
    entries = await ctx.read(lambda c: _entries(page, c, entity, request))
    groups, left = _groups(page, entity, entries)
    if not groups:
        raise NotFound

    async def run(unit: Unit) -> dict[str, Any]:
        changed = 0
        for (verb, content), ids in groups.items():
            values = _values(entity, msgspec.json.decode(content))
            found = await change_many(ctx, unit, entity, verb, ids, values, atomic=False)
            changed += len(found["ids"])
        return {"changed": changed}

    back = paths.referring_path(page.request)
    try:
        done = await save_once(page, run)
    except Refused as refused:
        return page.redirect(back, flash=Flash(_(refused.detail), "danger"))
    text = _("%(count)s records are as they were.") % {"count": done["changed"]}
    if left:
        text += " " + _("%(count)s could not be taken back.") % {"count": left}
    return page.redirect(back, flash=Flash(text, "warning" if left else "success"))


async def _entries(
    page: Page, connection: asyncpg.Connection, entity: Declaration, request: UUID
) -> list[asyncpg.Record]:
    """Return what the reader's own request did, where nothing has happened since."""
    where = EntryFilter(page.ctx)
    where.add("e.request_id = {}", request)
    where.add("e.entity = {}", entity.name)
    where.add("e.at > {}", datetime.now(UTC) - LATEST)
    where.add("r.principal_id = {}", UUID(page.ctx.principal.id))
    amounts = _amounts(entity)
    where.add(UNTOUCHED, amounts, amounts)
    return await read_entries(connection, where, None, MOST_IDS)


def _amounts(entity: Declaration) -> list[str]:
    """Return the amounts of an entity and their currencies: one says what the other means."""
    pairs = ((f.name, f.currency) for f in entity.fields.values() if f.currency)
    return list(dict.fromkeys(name for pair in pairs for name in pair))


def _groups(page: Page, entity: Declaration, entries: list[asyncpg.Record]) -> tuple[Groups, int]:
    """Return what to do to which records, and how many have to stay as they are."""
    rights, left = page.ctx.rights, 0
    writable = rights.writable(entity.name, "update")
    groups: Groups = {}
    for entry in entries:
        if entry["action"] == "trashed" and rights.may(entity.name, "restore"):
            groups.setdefault(("restore", b"{}"), []).append(entry["record_id"])
            continue
        changes = (entry["changes"] or {}).items()
        old = {name: before(name, *pair) for name, pair in changes if name in writable}
        if entry["action"] != "updated" or not old:
            left += 1
            continue
        content = msgspec.json.encode(dict(sorted(old.items())))
        if ("update", content) not in groups and len(groups) >= MOST_GROUPS:
            left += 1
            continue
        groups.setdefault(("update", content), []).append(entry["record_id"])
    return groups, left


def before(name: str, old: Any, new: Any) -> Any:
    """Return what was there; own values that came with the change are taken out by null."""
    return {**dict.fromkeys(new or {}), **(old or {})} if name == "custom" else old


def _values(entity: Declaration, old: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _stored(entity.fields[name], value) for name, value in old.items()}


def _stored(field: Field, value: Any) -> Any:
    """Return a value of the audit as the driver takes it."""
    if value is None:
        return None
    if field.kind == "datetime":
        return datetime.fromisoformat(value)
    if field.kind == "date":
        return date.fromisoformat(value)
    if field.kind == "link":
        return UUID(value)
    return msgspec.json.encode(value).decode() if field.kind == "json" else value


def routes(registry: Registry) -> list[Route]:
    """Return the undo of every entity that has a list."""
    return [
        screen_route(entity, "/undo/{asked:str}", WRITE, HISTORY, undo)
        for entity in registry.entities.values()
        if "list" in entity.verbs and {"update", "restore"} & set(entity.verbs)
    ]
