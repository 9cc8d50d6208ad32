"""Batch create: up to 10,000 records, set-based, all or the good ones."""

from collections import defaultdict
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from core.database.connections import Broken, Unit
from core.errors import FieldError, Invalid, Rejected
from core.model.encoding import encode
from core.model.entities import Declaration
from core.records.changes.input_validation import (
    Input,
    Values,
    constraint_refusal,
    with_defaults,
    with_scope,
)
from core.records.changes.links import link_error, links_in, unknown_ids
from core.records.changes.selection import MOST_IDS, known_keys, read_atomic
from core.records.changes.writing import call_before_write, new_id
from core.runtime.context import Context

MOST_ERRORS = 200


class NewRecord(msgspec.Struct, frozen=True):
    """A record that is about to be created: its position in the body, its id and its values."""

    index: int
    id: UUID
    values: Values

    @property
    def pointer(self) -> str:
        """Where the record stands in the body."""
        return f"#/records/{self.index}"


class Batch(msgspec.Struct, frozen=True):
    """A batch that was read: its records, the errors of those that are wrong, and their number."""

    drafts: list[NewRecord]
    errors: list[FieldError]
    size: int
    atomic: bool


def read_batch(ctx: Context, entity: Declaration, body: dict[str, Any]) -> Batch:
    """Return the body ``{records, atomic}`` of a batch, checked.

    With ``atomic`` one wrong record refuses all; otherwise only a batch without a good one is
    refused.
    """
    known_keys(body, ("records", "atomic"))
    atomic = read_atomic(body)
    records = body.get("records")
    if not isinstance(records, list) or not records:
        raise Invalid.field("#/records", "records must be a list with at least one.", "required")
    if len(records) > MOST_IDS:
        raise Invalid.field("#/records", f"At most {MOST_IDS} records at once.", "too_many")
    drafts, errors = _read_all(ctx, entity, records)
    if errors and (atomic or not drafts):
        raise Invalid.fields(errors[:MOST_ERRORS])
    return Batch(drafts, errors, len(records), atomic)


async def create_many(
    ctx: Context, unit: Unit, entity: Declaration, batch: Batch
) -> dict[str, Any]:
    """Create the good records of a batch; return how many, their ids, and every error."""
    errors, atomic = list(batch.errors), batch.atomic
    good = await _with_visible_links(ctx, unit, entity, batch.drafts, errors)
    good = await _accepted_by_plugins(ctx, unit, entity, good, errors, atomic=atomic)
    if errors and (atomic or not good):
        raise Invalid.fields(errors[:MOST_ERRORS])
    ids = await _insert_all(ctx, unit, entity, good, errors, atomic=atomic)
    return {
        "created": len(ids),
        "failed": batch.size - len(ids),
        "ids": ids,
        "errors": errors[:MOST_ERRORS],
        "message": f"{len(ids)} records created",
    }


def _read_all(
    ctx: Context, entity: Declaration, records: list[Any]
) -> tuple[list[NewRecord], list[FieldError]]:
    reader = Input(ctx, entity, "create")
    good: list[NewRecord] = []
    errors: list[FieldError] = []
    for index, record in enumerate(records):
        pointer = f"#/records/{index}"
        if not isinstance(record, dict):
            errors.append(FieldError(pointer, "A record must be an object.", "type"))
            continue
        try:
            values = reader.read(record, partial=False, prefix=pointer)
            values = with_scope(ctx, entity, with_defaults(ctx, entity, values), pointer)
            good.append(NewRecord(index, new_id(), values))
        except Invalid as invalid:
            errors += invalid.errors
    return good, errors


async def _with_visible_links(
    ctx: Context, unit: Unit, entity: Declaration, drafts: list[NewRecord], errors: list[FieldError]
) -> list[NewRecord]:
    """Return the records whose links the sender may make; the others go to ``errors``."""
    ids_by_link = links_in(entity, [draft.values for draft in drafts])
    unknown = await unknown_ids(ctx, unit, entity, ids_by_link)
    if not unknown:
        return drafts
    good = []
    for draft in drafts:
        bad = [name for name, ids in unknown.items() if str(draft.values.get(name)) in ids]
        errors += [link_error(entity, name, draft.pointer) for name in bad]
        if not bad:
            good.append(draft)
    return good


async def _accepted_by_plugins(
    ctx: Context,
    unit: Unit,
    entity: Declaration,
    drafts: list[NewRecord],
    errors: list[FieldError],
    *,
    atomic: bool,
) -> list[NewRecord]:
    """Ask the plugins about each record: a rule on its values must see them as in a single one."""
    good = []
    for draft in drafts:
        try:
            await call_before_write(ctx, unit, entity, "create", (draft.id,), draft.values)
        except Invalid as invalid:
            errors += [
                msgspec.structs.replace(e, pointer=e.pointer.replace("#", draft.pointer, 1))
                for e in invalid.errors
            ]
        except Rejected as rejected:
            if atomic:
                raise
            errors.append(FieldError(draft.pointer, rejected.detail, rejected.code))
        else:
            good.append(draft)
    return good


async def _insert_all(
    ctx: Context,
    unit: Unit,
    entity: Declaration,
    drafts: list[NewRecord],
    errors: list[FieldError],
    *,
    atomic: bool,
) -> list[UUID]:
    """Insert by column arrays; without ``atomic`` a record that exists already is skipped.

    Records that name the same fields share a statement: a field that is left out must get its
    column's default, and a statement either names a column or does not.
    """
    alike: dict[tuple[str, ...], list[NewRecord]] = defaultdict(list)
    for draft in drafts:
        alike[tuple(sorted(draft.values))].append(draft)
    done: set[str] = set()
    for names, some in alike.items():
        done |= await _insert_group(ctx, unit, entity, names, some, atomic=atomic)
    errors += [_duplicate_error(entity, draft) for draft in drafts if str(draft.id) not in done]
    return [draft.id for draft in drafts if str(draft.id) in done]


async def _insert_group(
    ctx: Context,
    unit: Unit,
    entity: Declaration,
    names: tuple[str, ...],
    drafts: list[NewRecord],
    *,
    atomic: bool,
) -> set[str]:
    order = ", ".join(["tenant_id", "id", *names])
    picked = ", ".join(["$1", "g.id", *(_select_expression(entity, name) for name in names)])
    arrays = ["$2::uuid[]"]
    arrays += [f"${n}::{_array_type(entity, name)}" for n, name in enumerate(names, start=3)]
    conflict = "" if atomic else " ON CONFLICT DO NOTHING"
    sql = (
        f"INSERT INTO {entity.table} ({order}) SELECT {picked}"
        f" FROM unnest({', '.join(arrays)}) AS g({', '.join(['id', *names])}){conflict}"
        " RETURNING id"
    )
    columns = [
        [_array_value(entity, name, draft.values[name]) for draft in drafts] for name in names
    ]
    try:
        rows = await unit.fetch(sql, ctx.tenant.id, [draft.id for draft in drafts], *columns)
    except asyncpg.IntegrityConstraintViolationError as error:
        raise constraint_refusal(entity, Broken(error)) from error
    return {str(row["id"]) for row in rows}


def _duplicate_error(entity: Declaration, draft: NewRecord) -> FieldError:
    """Say that a record exists already, at its unique field when it can only be that one."""
    unique = [f for f in entity.fields.values() if f.unique and draft.values.get(f.name)]
    detail = f"This {entity.label.lower()} already exists."
    if len(unique) == 1 and not entity.unique:
        return FieldError(f"{draft.pointer}/{unique[0].name}", detail, "unique")
    return FieldError(draft.pointer, detail, "unique")


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


def _select_expression(entity: Declaration, name: str) -> str:
    """Return how a column is read from its array; a list of lists travels as JSON."""
    kind = entity.fields[name].kind
    if kind == "json":
        return f"g.{name}::jsonb"
    if kind == "tags":
        return f"ARRAY(SELECT jsonb_array_elements_text(g.{name}::jsonb))"
    return f"g.{name}"


def _array_value(entity: Declaration, name: str, value: Any) -> Any:
    if entity.fields[name].kind == "tags" and value is not None:
        return encode(value).decode()
    return value
