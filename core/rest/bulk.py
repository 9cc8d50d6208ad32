"""Many records at once: batch create and the bulk door, both set-based.

Until there are jobs, at most 10,000 records per request; more is refused with 400 (ruling 18).
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
from litestar import Request
from litestar.response.base import ASGIResponse

from core import criteria
from core.database.doors import Broken, Unit
from core.entities import Declaration
from core.errors import Conflict, FieldError, Invalid, NotFound, Refused
from core.fields import Field
from core.rest.bodies import Input, Values, check_ids, constraint_refusal, with_defaults, with_scope
from core.rest.context import Context
from core.rest.decode import read_json, read_object
from core.rest.idempotency import Answer, write_once
from core.rest.records import hook, new_id
from core.rest.replies import encode
from core.rest.rows import conditions
from core.rest.trash import purge, trash, untrash

MOST_IDS = 10_000
# Verb of the request to the permission that guards it.
BULK_VERBS = {"delete": "delete", "restore": "restore", "purge": "purge"}


def _known(body: dict[str, Any], allowed: Sequence[str]) -> None:
    errors = [
        FieldError(f"#/{name}", f"Unknown key {name!r}.", "unknown", tuple(allowed))
        for name in body
        if name not in allowed
    ]
    if errors:
        raise Invalid.fields(errors)


def _atomic(body: dict[str, Any]) -> bool:
    atomic = body.get("atomic", False)
    if not isinstance(atomic, bool):
        raise Invalid.field("#/atomic", "atomic must be true or false.", "type")
    return atomic


def read_ids(value: Any, pointer: str = "#/ids") -> list[UUID]:
    """Return a list of ids: 1 to 10,000 texts that are UUIDs, each once, in their order."""
    if not isinstance(value, list) or not value:
        raise Invalid.field(pointer, "Name at least one record.", "required")
    if len(value) > MOST_IDS:
        raise Invalid.field(pointer, f"At most {MOST_IDS} records at once.", "too_many")
    found: dict[UUID, None] = {}
    for place, text in enumerate(value):
        try:
            found[UUID(text)] = None
        except (ValueError, TypeError, AttributeError):
            raise Invalid.field(f"{pointer}/{place}", "This is not an id.", "type") from None
    return list(found)


async def batch_create(
    ctx: Context, request: Request[Any, Any, Any], entity: Declaration
) -> ASGIResponse:
    """Answer ``POST …/batch/ {records, atomic}``: one statement for all good records.

    With ``atomic`` one wrong record refuses all; otherwise the good ones are created and the
    others are listed with their place and every wrong field.
    """
    ctx.rights.require(entity.name, "create")
    body = read_object(await read_json(request))
    _known(body, ("records", "atomic"))
    records = body.get("records")
    if not isinstance(records, list) or not records:
        raise Invalid.field("#/records", "records must be a list with at least one.", "required")
    if len(records) > MOST_IDS:
        raise Invalid.field("#/records", f"At most {MOST_IDS} records at once.", "too_many")
    good, errors = _read_all(ctx, entity, records)
    if errors and (_atomic(body) or not good):
        raise Invalid.fields(errors[:200])

    async def run(unit: Unit) -> Answer:
        await _check_all_links(ctx, unit, entity, [values for _, values in good])
        ids, taken = await _insert_all(ctx, unit, entity, good, atomic=_atomic(body))
        found = {
            "created": len(ids),
            "ids": ids,
            "errors": [*errors, *taken][:200],
            "message": f"{len(ids)} records created",
        }
        return Answer(encode(found), 201)

    return await write_once(ctx, request, run)


def _read_all(
    ctx: Context, entity: Declaration, records: list[Any]
) -> tuple[list[tuple[int, Values]], list[FieldError]]:
    given = Input(ctx, entity, "create")
    good: list[tuple[int, Values]] = []
    errors: list[FieldError] = []
    for place, record in enumerate(records):
        pointer = f"#/records/{place}"
        if not isinstance(record, dict):
            errors.append(FieldError(pointer, "A record must be an object.", "type"))
            continue
        try:
            values = given.read(record, partial=False, prefix=pointer)
            values = with_defaults(ctx, entity, values)
            good.append((place, with_scope(ctx, entity, "create", values)))
        except Invalid as invalid:
            errors += invalid.errors
    return good, errors


async def _check_all_links(
    ctx: Context, unit: Unit, entity: Declaration, records: list[Values]
) -> None:
    wanted: dict[str, tuple[Field, list[UUID]]] = {}
    for field in entity.fields.values():
        if field.kind == "link" and not field.system:
            ids = [v[field.name] for v in records if v.get(field.name) is not None]
            if ids:
                wanted[field.name] = (field, ids)
    if wanted:
        await check_ids(ctx, unit, wanted, "#/records")


async def _insert_all(
    ctx: Context,
    unit: Unit,
    entity: Declaration,
    good: list[tuple[int, Values]],
    *,
    atomic: bool,
) -> tuple[list[Any], list[FieldError]]:
    """Insert by column arrays; without ``atomic`` a record that exists already is skipped."""
    names = sorted({name for _, values in good for name in values})
    ids = [new_id() for _ in good]
    await hook(ctx, unit, entity, "create", tuple(ids), {"records": [v for _, v in good]})
    order = ", ".join(["tenant_id", "id", *names])
    picked = ", ".join(_picked(entity, name) for name in names)
    arrays = ", ".join(f"${place}" for place in range(3, len(names) + 3))
    casts = ", ".join(
        f"{mark}::{_array_type(entity, name)}"
        for mark, name in zip(arrays.split(", "), names, strict=True)
    )
    sql = (
        f"INSERT INTO {entity.table} ({order}) SELECT $1, g.id{', ' + picked if picked else ''}"
        f" FROM unnest($2::uuid[]{', ' + casts if casts else ''})"
        f" AS g(id{', ' + ', '.join(names) if names else ''})"
        f"{'' if atomic else ' ON CONFLICT DO NOTHING'} RETURNING id"
    )
    columns = [[_plain(entity, name, values) for _, values in good] for name in names]
    try:
        rows = await unit.fetch(sql, ctx.tenant.id, ids, *columns)
    except asyncpg.IntegrityConstraintViolationError as error:
        raise constraint_refusal(entity, Broken(error)) from error
    done = {str(row["id"]) for row in rows}
    taken = [
        FieldError(f"#/records/{place}", f"This {entity.label.lower()} already exists.", "unique")
        for id, (place, _) in zip(ids, good, strict=True)
        if str(id) not in done
    ]
    return [id for id in ids if str(id) in done], taken


_TYPES = {
    "integer": "int8[]",
    "money": "int8[]",
    "decimal": "int8[]",
    "boolean": "bool[]",
    "date": "date[]",
    "datetime": "timestamptz[]",
    "link": "uuid[]",
    "number": "float8[]",
}


def _array_type(entity: Declaration, name: str) -> str:
    return _TYPES.get(entity.fields[name].kind, "text[]")


def _picked(entity: Declaration, name: str) -> str:
    """Return how a column is read from its array: a left-out value takes the column's default."""
    field = entity.fields[name]
    if field.kind == "json":
        return f"coalesce(g.{name}::jsonb, '{{}}')" if not field.nullable else f"g.{name}::jsonb"
    if field.kind == "tags":
        return f"coalesce(ARRAY(SELECT jsonb_array_elements_text(g.{name}::jsonb)), '{{}}')"
    return f"g.{name}"


def _plain(entity: Declaration, name: str, values: Values) -> Any:
    field = entity.fields[name]
    value = values.get(name, field.default)
    if field.kind == "tags" and value is not None:
        return encode(value).decode()
    return value


async def bulk(ctx: Context, request: Request[Any, Any, Any], entity: Declaration) -> ASGIResponse:
    """Answer ``POST …/bulk/ {action | set, ids | filter, atomic}`` (ruling 18).

    The reply names the ids that changed. With ``atomic`` an id that cannot be changed refuses all.
    """
    body = read_object(await read_json(request))
    _known(body, ("action", "set", "ids", "filter", "atomic"))
    if ("set" in body) == ("action" in body):
        raise Invalid.field("#/set", "Give either set or action.", "required")
    if ("ids" in body) == ("filter" in body):
        raise Invalid.field("#/ids", "Give either ids or filter.", "required")
    verb = "update" if "set" in body else _verb(ctx, entity, body["action"])
    ctx.rights.require(entity.name, verb)
    values: Values = {}
    if verb == "update":
        values = Input(ctx, entity, "update").read(
            read_object(body["set"]), partial=True, prefix="#/set"
        )
        if not values:
            raise Invalid.field("#/set", "Name at least one field to set.", "required")
    chosen = _chosen(ctx, entity, body)
    atomic = _atomic(body)

    async def run(unit: Unit) -> Answer:
        found = await change_many(ctx, unit, entity, verb, chosen, values, atomic=atomic)
        return Answer(encode(found))

    return await write_once(ctx, request, run)


def _verb(ctx: Context, entity: Declaration, action: Any) -> str:
    allowed = [verb for verb in BULK_VERBS if verb in entity.verbs]
    if action not in allowed:
        raise Invalid.field("#/action", "Invalid action", "unknown", allowed)
    return BULK_VERBS[action]


def _chosen(ctx: Context, entity: Declaration, body: dict[str, Any]) -> Any:
    if "ids" in body:
        return read_ids(body["ids"])
    ctx.rights.require(entity.name, "list")
    return criteria.parse_and_check(
        body["filter"], entity, ctx.tenant.entities, ctx.rights, ctx.tenant.terms
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

    The result holds ``updated`` (a count), ``ids`` (those changed), ``skipped`` (ids or a count)
    and the sources' ``message``.
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
    if ids:
        await _do(ctx, unit, entity, verb, ids, values, stamps)
    noun = entity.plural.lower()
    return {
        "updated": len(ids),
        "ids": ids,
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
    where, more = conditions(ctx, entity, verb, checked, 2 + len(given), trash=in_trash)
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


async def _do(
    ctx: Context,
    unit: Unit,
    entity: Declaration,
    verb: str,
    ids: list[UUID],
    values: Values,
    stamps: set[Any],
) -> None:
    await hook(ctx, unit, entity, verb, tuple(ids), values)
    if verb == "delete":
        await trash(ctx, unit, entity, ids)
    elif verb == "restore":
        for stamp in stamps:
            await untrash(ctx, unit, entity, ids, stamp)
    elif verb == "purge":
        await purge(ctx, unit, entity, ids)
    else:
        await _set_all(ctx, unit, entity, ids, values)


async def _set_all(
    ctx: Context, unit: Unit, entity: Declaration, ids: list[UUID], values: Values
) -> None:
    links = {
        f.name: (f, [values[f.name]])
        for f in entity.fields.values()
        if f.kind == "link" and values.get(f.name) is not None
    }
    if links:
        await check_ids(ctx, unit, links, "#/set")
    if any(entity.fields[name].unique for name in values) and len(ids) > 1:
        raise Conflict("A unique field cannot be set on several records.", code="unique")
    sets = ", ".join(f"{name} = ${place}" for place, name in enumerate(values, start=3))
    try:
        await unit.execute(
            f"UPDATE {entity.table} x SET {sets} WHERE x.tenant_id = $1 AND x.id = ANY ($2)",
            ctx.tenant.id,
            ids,
            *values.values(),
        )
    except asyncpg.IntegrityConstraintViolationError as error:
        refusal: Refused = constraint_refusal(entity, Broken(error))
        raise refusal from error
