"""Declared actions: the body, the lock, the hooks and the run are the same for all of them."""

from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from core.database.connections import Broken, Unit
from core.errors import Invalid, NotFound
from core.model.entities import Declaration
from core.model.struct_values import read_values
from core.records.changes.input_validation import constraint_refusal
from core.records.changes.writing import call_before_write, lock_record
from core.records.row_filter import where_clause
from core.registry.registry import Action
from core.runtime.context import Context


def read_action_values(action: Action, body: dict[str, Any]) -> Any:
    """Return the body of an action as its struct, None where it takes none."""
    if action.values is not None:
        return read_values(action.values, body)
    if body:
        raise Invalid.field("#", "This action takes no body.", "unknown")
    return None


async def perform_action(
    ctx: Context,
    unit: Unit,
    entity: Declaration,
    action: Action,
    id: UUID | None,
    version: int | None,
    values: Any,
) -> Any:
    """Do an action, on a record that the caller may do it on; return what it answers."""
    record = None
    if id is not None:
        record = await lock_record(ctx, unit, entity, action.right, id, version)
    given = {} if values is None else msgspec.structs.asdict(values)
    await call_before_write(ctx, unit, entity, action.name, () if id is None else (id,), given)
    try:
        return await action.run(ctx, unit, record, values)
    except asyncpg.IntegrityConstraintViolationError as error:
        raise constraint_refusal(entity, Broken(error)) from error


async def fetch_record(
    ctx: Context, connection: asyncpg.Connection, entity: Declaration, action: Action, id: UUID
) -> asyncpg.Record:
    """Return the record that a GET action reads, if it is in the caller's scope."""
    where, values = where_clause(ctx, entity, action.right, (), 3)
    record = await connection.fetchrow(
        f"SELECT x.* FROM {entity.table} x WHERE x.id = $2 AND {where}",
        ctx.tenant.id,
        id,
        *values,
    )
    if record is None:
        raise NotFound
    return record
