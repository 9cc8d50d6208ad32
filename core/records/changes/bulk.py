"""Bulk changes: one change for many records, set-based.

Until there are jobs, at most 10,000 records per request; more is refused with 400 (ruling 18).
"""

from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from core import criteria
from core.database.connections import Broken, Unit
from core.errors import Conflict, FieldError, Invalid, NotFound, Refused
from core.model.entities import Declaration
from core.model.struct_values import read_object
from core.records.changes.input_validation import Input, Values, constraint_refusal, stay_in_scope
from core.records.changes.links import check_links
from core.records.changes.selection import MOST_IDS, known_keys, read_atomic, read_ids
from core.records.changes.single import assignments, refuse_large
from core.records.changes.trash import purge, trash, untrash
from core.records.changes.writing import call_before_write
from core.records.row_filter import FieldAccess, where_clause
from core.runtime.context import Context

__all__ = ["BulkChange", "apply_bulk_change", "change_many", "read_bulk_change", "read_ids"]

# Verb of the request to the permission that guards it.
BULK_VERBS = {"delete": "delete", "restore": "restore", "purge": "purge"}


class BulkChange(msgspec.Struct, frozen=True):
    """What to do with which records: ids, or all that meet criteria."""

    verb: str
    chosen: list[UUID] | criteria.Checked
    values: Values
    atomic: bool = False


def read_bulk_change(ctx: Context, entity: Declaration, body: dict[str, Any]) -> BulkChange:
    """Return the body of a bulk request, checked; refuses what the caller may not do at all."""
    known_keys(body, ("action", "set", "ids", "filter", "atomic"))
    if ("set" in body) == ("action" in body):
        raise Invalid.field("#/set", "Give either set or action.", "required")
    if ("ids" in body) == ("filter" in body):
        raise Invalid.field("#/ids", "Give either ids or filter.", "required")
    verb = "update" if "set" in body else _verb(ctx, entity, body["action"])
    ctx.rights.require(entity.name, verb)
    values: Values = {}
    if verb == "update":
        values = _values(ctx, entity, read_object(body["set"]))
    return BulkChange(verb, _read_target(ctx, entity, body), values, read_atomic(body))


async def apply_bulk_change(
    ctx: Context, unit: Unit, entity: Declaration, change: BulkChange
) -> dict[str, Any]:
    """Apply a bulk change; return the result of ``change_many``."""
    verb, chosen, values = change.verb, change.chosen, change.values
    return await change_many(ctx, unit, entity, verb, chosen, dict(values), atomic=change.atomic)


def _values(ctx: Context, entity: Declaration, body: dict[str, Any]) -> Values:
    """Return what is set. An amount goes with its currency: the records may differ in theirs."""
    errors = [
        FieldError(f"#/set/{f.name}", f"Set {f.label} together with its currency.", "currency")
        for f in entity.fields.values()
        if f.kind == "money" and (f.name in body) != (f.currency in body)
    ]
    if errors:
        raise Invalid.fields(errors)
    values = Input(ctx, entity, "update").read(body, partial=True, prefix="#/set")
    if not values:
        raise Invalid.field("#/set", "Name at least one field to set.", "required")
    stay_in_scope(ctx, entity, values, "#/set")
    return values


def _verb(ctx: Context, entity: Declaration, action: Any) -> str:
    allowed = [verb for verb in BULK_VERBS if verb in entity.verbs]
    if action not in allowed:
        raise Invalid.field("#/action", "Invalid action", "unknown", allowed)
    return BULK_VERBS[action]


def _read_target(ctx: Context, entity: Declaration, body: dict[str, Any]) -> Any:
    if "ids" in body:
        return read_ids(body["ids"])
    ctx.rights.require(entity.name, "list")
    return criteria.parse_and_check(
        body["filter"], entity, ctx.tenant.entities, FieldAccess(ctx), ctx.tenant.terms
    )


async def change_many(
    ctx: Context,
    unit: Unit,
    entity: Declaration,
    verb: str,
    chosen: list[UUID] | criteria.Checked,
    values: Values,
    *,
    atomic: bool,
) -> dict[str, Any]:
    """Do ``verb`` on the chosen records that the caller may change; return what was done.

    The result holds ``updated`` (how many were chosen and may be changed), ``ids`` (those that
    are different now), ``skipped`` (ids that do not exist for the caller) and a ``message``.
    """
    ids, stamps = await _lock_chosen(ctx, unit, entity, verb, chosen)
    missing = []
    if isinstance(chosen, list):
        known = {str(id) for id in ids}
        missing = [id for id in chosen if str(id) not in known]
        if atomic and missing:
            raise NotFound(
                "Some records do not exist.",
                errors=[
                    FieldError("#/ids", f"{id} does not exist.", "not_found") for id in missing[:50]
                ],
            )
    changed = await _apply(ctx, unit, entity, verb, ids, values, stamps) if ids else []
    noun = entity.plural.lower()
    return {
        "updated": len(ids),
        "ids": changed,
        "skipped": missing,
        "message": f"{len(ids)} {noun} updated successfully",
    }


async def _lock_chosen(
    ctx: Context,
    unit: Unit,
    entity: Declaration,
    verb: str,
    chosen: list[UUID] | criteria.Checked,
) -> tuple[list[UUID], set[Any]]:
    """Lock the records in the order of their ids, so that two bulks never wait for each other."""
    in_trash = verb in ("restore", "purge")
    given: list[Any] = []
    extra = ""
    checked: tuple[criteria.Checked, ...] = ()
    if isinstance(chosen, list):
        extra, given = " AND x.id = ANY ($2)", [chosen]
    else:
        checked = (chosen,)
    where, more = where_clause(ctx, entity, verb, checked, 2 + len(given), trash=in_trash)
    rows = await unit.fetch(
        f"SELECT x.id, x.deleted_at FROM {entity.table} x WHERE {where}{extra}"
        f" ORDER BY x.id LIMIT {MOST_IDS + 1} FOR UPDATE OF x",
        ctx.tenant.id,
        *given,
        *more,
    )
    if len(rows) > MOST_IDS:
        raise Invalid.field(
            "#/filter", f"The filter matches more than {MOST_IDS} records; narrow it.", "too_many"
        )
    return [row["id"] for row in rows], {row["deleted_at"] for row in rows}


async def _apply(
    ctx: Context,
    unit: Unit,
    entity: Declaration,
    verb: str,
    ids: list[UUID],
    values: Values,
    stamps: set[Any],
) -> list[UUID]:
    """Change the locked records; return the ids of those that are different now."""
    await call_before_write(ctx, unit, entity, verb, tuple(ids), values)
    if verb == "delete":
        await trash(ctx, unit, entity, ids)
    elif verb == "restore":
        for stamp in stamps:
            await untrash(ctx, unit, entity, ids, stamp)
    elif verb == "purge":
        await purge(ctx, unit, entity, ids)
    else:
        return await _set_all(ctx, unit, entity, ids, values)
    return ids


async def _set_all(
    ctx: Context, unit: Unit, entity: Declaration, ids: list[UUID], values: Values
) -> list[UUID]:
    await check_links(ctx, unit, entity, values, "#/set")
    if any(entity.fields[name].unique for name in values) and len(ids) > 1:
        raise Conflict("A unique field cannot be set on several records.", code="unique")
    sets, differs = assignments(values, 3, merge=True)
    try:
        rows = await unit.fetch(
            f"UPDATE {entity.table} x SET {sets} WHERE x.tenant_id = $1 AND x.id = ANY ($2)"
            f" AND {differs} RETURNING x.id",
            ctx.tenant.id,
            ids,
            *values.values(),
        )
    except asyncpg.IntegrityConstraintViolationError as error:
        refusal: Refused = constraint_refusal(entity, Broken(error))
        raise refusal from error
    if "custom" in values:
        await refuse_large(ctx, unit, entity, ids)
    changed = {str(row["id"]) for row in rows}
    return [id for id in ids if str(id) in changed]
