"""The trash: a record goes there, with what hangs on it, comes back, or is deleted for good.

What happens to the records that link to it is the declaration's business and not the caller's:
it must also reach those that the caller cannot see.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg

from core.database.connections import Broken, Unit
from core.errors import Conflict
from core.model.entities import Declaration
from core.records.changes.input_validation import constraint_refusal
from core.records.changes.writing import call_before_write, lock_record
from core.runtime.context import Context


@asynccontextmanager
async def every_row(ctx: Context, unit: Unit) -> AsyncIterator[None]:
    """Let the statements inside reach all rows of the tenant, for what links demand."""
    setting = "SELECT set_config('app.scopes', $1, true)"
    await unit.execute(setting, "*")
    yield
    # After an exception the transaction ends, and the setting with it.
    await unit.execute(setting, ctx.rights.scopes_setting)


async def delete(
    ctx: Context, unit: Unit, entity: Declaration, id: UUID, version: int | None
) -> None:
    """Put a record, that the caller may delete, in the trash."""
    await lock_record(ctx, unit, entity, "delete", id, version, columns="x.id")
    await call_before_write(ctx, unit, entity, "delete", (id,), {})
    await trash(ctx, unit, entity, [id])


async def trash(ctx: Context, unit: Unit, entity: Declaration, ids: list[UUID]) -> None:
    """Put records in the trash; refuses while others, that may not go along, refer to them."""
    async with every_row(ctx, unit):
        await _trash(ctx, unit, entity, ids)


async def _trash(ctx: Context, unit: Unit, entity: Declaration, ids: list[UUID]) -> None:
    await _refuse_referenced(ctx, unit, entity, ids)
    await unit.execute(
        f"UPDATE {entity.table} x SET deleted_at = now() WHERE x.tenant_id = $1"
        " AND x.id = ANY ($2) AND x.deleted_at IS NULL",
        ctx.tenant.id,
        ids,
    )
    for child, name in _followers(ctx, entity):
        if found := await _lock_linked(unit, child, name, "IS NULL", ctx.tenant.id, ids):
            await call_before_write(ctx, unit, child, "delete", tuple(found), {})
            await _trash(ctx, unit, child, found)


def _followers(ctx: Context, entity: Declaration) -> Iterator[tuple[Declaration, str]]:
    """Yield each link whose records go to the trash, and come back, with those of ``entity``."""
    for child, name in ctx.platform.registry.links_to(entity.name):
        if child.fields[name].on_delete == "cascade" and "delete" in child.verbs:
            yield child, name


async def _lock_linked(
    unit: Unit, child: Declaration, name: str, deleted: str, *values: Any
) -> list[UUID]:
    """Lock the records that hold a link to one of the ids in ``values``; return their own."""
    rows = await unit.fetch(
        f"SELECT x.id FROM {child.table} x WHERE x.tenant_id = $1 AND x.{name} = ANY ($2)"
        f" AND x.deleted_at {deleted} ORDER BY x.id FOR UPDATE OF x",
        *values,
    )
    return [row["id"] for row in rows]


async def _refuse_referenced(
    ctx: Context, unit: Unit, entity: Declaration, ids: list[UUID]
) -> None:
    """Refuse with ``Conflict`` when live records hold on to one of ``ids`` (restrict)."""
    holders = [
        (child, name)
        for child, name in ctx.platform.registry.links_to(entity.name)
        if child.fields[name].on_delete == "restrict" and not child.fields[name].system
    ]
    if not holders:
        return
    tests = ", ".join(
        f"EXISTS (SELECT 1 FROM {child.table} h WHERE h.tenant_id = $1 AND h.{name} = ANY ($2)"
        " AND h.deleted_at IS NULL)"
        for child, name in holders
    )
    row = await unit.fetchrow(f"SELECT {tests}", ctx.tenant.id, ids)
    for (child, _), held in zip(holders, row or (), strict=True):
        if held:
            known = child.name in ctx.tenant.entities and ctx.rights.may(child.name, "list")
            what = child.plural if known else "Other records"
            raise Conflict(f"{what} still refer to this record.", code="referenced")


async def restore(
    ctx: Context, unit: Unit, entity: Declaration, id: UUID, version: int | None
) -> None:
    """Take a record, that the caller may restore, out of the trash."""
    found = await lock_record(
        ctx, unit, entity, "restore", id, version, columns="x.deleted_at", trash=True
    )
    await call_before_write(ctx, unit, entity, "restore", (id,), {})
    await untrash(ctx, unit, entity, [id], found["deleted_at"])


async def untrash(ctx: Context, unit: Unit, entity: Declaration, ids: list[UUID], at: Any) -> None:
    """Take records out of the trash, and those children that went there in the same moment."""
    async with every_row(ctx, unit):
        await _untrash(ctx, unit, entity, ids, at)


async def _untrash(ctx: Context, unit: Unit, entity: Declaration, ids: list[UUID], at: Any) -> None:
    try:
        await unit.execute(
            f"UPDATE {entity.table} x SET deleted_at = NULL WHERE x.tenant_id = $1"
            " AND x.id = ANY ($2) AND x.deleted_at = $3",
            ctx.tenant.id,
            ids,
            at,
        )
    except asyncpg.UniqueViolationError as error:
        refusal = constraint_refusal(entity, Broken(error))
        raise Conflict(refusal.detail, code="unique", errors=refusal.errors) from error
    await _refuse_orphans(ctx, unit, entity, ids)
    for child, name in _followers(ctx, entity):
        if found := await _lock_linked(unit, child, name, "= $3", ctx.tenant.id, ids, at):
            await call_before_write(ctx, unit, child, "restore", tuple(found), {})
            await _untrash(ctx, unit, child, found, at)


async def _refuse_orphans(ctx: Context, unit: Unit, entity: Declaration, ids: list[UUID]) -> None:
    """Refuse to bring back a record whose link leads into the trash: it could not stay there."""
    holding = [
        (field, ctx.platform.registry.entities[field.target])
        for field in entity.fields.values()
        if field.kind == "link" and not field.system and field.on_delete != "null"
    ]
    if not holding:
        return
    tests = ", ".join(
        f"EXISTS (SELECT 1 FROM {entity.table} x JOIN {target.table} h ON h.tenant_id = $1"
        f" AND h.id = x.{field.name} WHERE x.tenant_id = $1 AND x.id = ANY ($2)"
        " AND h.deleted_at IS NOT NULL)"
        for field, target in holding
    )
    row = await unit.fetchrow(f"SELECT {tests}", ctx.tenant.id, ids)
    for (field, _), lost in zip(holding, row or (), strict=True):
        if lost:
            raise Conflict(f"{field.label} is in the trash; restore it first.", code="in_trash")


async def destroy(
    ctx: Context, unit: Unit, entity: Declaration, id: UUID, version: int | None
) -> None:
    """Delete a record in the trash, that the caller may purge, for good."""
    await lock_record(ctx, unit, entity, "purge", id, version, columns="x.id", trash=True)
    await call_before_write(ctx, unit, entity, "purge", (id,), {})
    await purge(ctx, unit, entity, [id])


async def purge(ctx: Context, unit: Unit, entity: Declaration, ids: list[UUID]) -> None:
    """Delete records for good. Links that may be empty are emptied first: the key holds the tenant.

    Refuses with ``Conflict`` while other records refer to them.
    """
    async with every_row(ctx, unit):
        try:
            await _purge(ctx, unit, entity, ids)
        except asyncpg.ForeignKeyViolationError as error:
            detail = "Other records still refer to this one."
            raise Conflict(detail, code="referenced") from error


async def _purge(ctx: Context, unit: Unit, entity: Declaration, ids: list[UUID]) -> None:
    for child, name in ctx.platform.registry.links_to(entity.name):
        field = child.fields[name]
        if field.on_delete == "null" and not field.system:
            await unit.execute(
                f"UPDATE {child.table} x SET {name} = NULL WHERE x.tenant_id = $1"
                f" AND x.{name} = ANY ($2)",
                ctx.tenant.id,
                ids,
            )
        elif field.on_delete == "cascade":
            await _purge_followers(ctx, unit, child, name, ids)
    await unit.execute(
        f"DELETE FROM {entity.table} x WHERE x.tenant_id = $1 AND x.id = ANY ($2)"
        " AND x.deleted_at IS NOT NULL",
        ctx.tenant.id,
        ids,
    )


async def _purge_followers(
    ctx: Context, unit: Unit, child: Declaration, name: str, ids: list[UUID]
) -> None:
    """Ask the plugins about what the key's cascade takes along, and purge what hangs on that."""
    rows = await unit.fetch(
        f"SELECT x.id FROM {child.table} x WHERE x.tenant_id = $1 AND x.{name} = ANY ($2)",
        ctx.tenant.id,
        ids,
    )
    if found := [row["id"] for row in rows]:
        await call_before_write(ctx, unit, child, "purge", tuple(found), {})
        if "purge" in child.verbs:
            await _purge(ctx, unit, child, found)
