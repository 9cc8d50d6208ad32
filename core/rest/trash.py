"""The trash: a record goes there, with what hangs on it, comes back, or is deleted for good."""

from typing import Any
from uuid import UUID

import asyncpg
from litestar import Request
from litestar.response.base import ASGIResponse

from core.database.doors import Broken, Unit
from core.entities import Declaration
from core.errors import Conflict
from core.rest.bodies import constraint_refusal
from core.rest.context import Context
from core.rest.decode import read_id
from core.rest.idempotency import Answer, write_once
from core.rest.records import demanded_version, hook, locked, own_parameters
from core.rest.replies import encode, etag, nothing
from core.rest.shape import shape_of


async def delete_record(
    ctx: Context, request: Request[Any, Any, Any], entity: Declaration
) -> ASGIResponse:
    """Answer DELETE: the record goes to the trash, with what its links say goes along."""
    ctx.rights.require(entity.name, "delete")
    id = read_id(request.path_params["id"])
    version = demanded_version(ctx, request, id)

    async def run(unit: Unit) -> None:
        await locked(ctx, unit, entity, "delete", id, version, columns="x.id")
        await hook(ctx, unit, entity, "delete", (id,), {})
        await trash(ctx, unit, entity, [id])

    await ctx.write(run)
    return nothing()


async def trash(ctx: Context, unit: Unit, entity: Declaration, ids: list[UUID]) -> None:
    """Put records in the trash; refuses while others, that may not go along, refer to them."""
    await refuse_referenced(ctx, unit, entity, ids)
    await unit.execute(
        f"UPDATE {entity.table} x SET deleted_at = now() WHERE x.tenant_id = $1"
        " AND x.id = ANY ($2) AND x.deleted_at IS NULL",
        ctx.tenant.id,
        ids,
    )
    for child, name in ctx.platform.registry.links_to(entity.name):
        if child.fields[name].on_delete == "cascade" and "delete" in child.verbs:
            rows = await unit.fetch(
                f"SELECT x.id FROM {child.table} x WHERE x.tenant_id = $1"
                f" AND x.{name} = ANY ($2) AND x.deleted_at IS NULL",
                ctx.tenant.id,
                ids,
            )
            if rows:
                await trash(ctx, unit, child, [row["id"] for row in rows])


async def refuse_referenced(ctx: Context, unit: Unit, entity: Declaration, ids: list[UUID]) -> None:
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


async def restore_record(
    ctx: Context, request: Request[Any, Any, Any], entity: Declaration
) -> ASGIResponse:
    """Answer ``POST …/{id}/restore/``: out of the trash, with what went there along with it."""
    ctx.rights.require(entity.name, "restore")
    id = read_id(request.path_params["id"])
    version = demanded_version(ctx, request, id)
    shape = shape_of(ctx.tenant, ctx.rights, entity, own_parameters(request))

    async def run(unit: Unit) -> Answer:
        found = await locked(
            ctx, unit, entity, "restore", id, version, columns="x.deleted_at", trash=True
        )
        await hook(ctx, unit, entity, "restore", (id,), {})
        await untrash(ctx, unit, entity, [id], found["deleted_at"])
        record = await unit.fetchrow(
            f"SELECT {shape.columns('x')}, x.version AS __version FROM {entity.table} x"
            " WHERE x.tenant_id = $1 AND x.id = $2",
            ctx.tenant.id,
            id,
        )
        row = shape.row(record or {})
        tag = etag(id, row.pop("__version"), shape.hash)
        return Answer(encode(row), 200, {"ETag": tag})

    return await write_once(ctx, request, run)


async def untrash(ctx: Context, unit: Unit, entity: Declaration, ids: list[UUID], at: Any) -> None:
    """Take records out of the trash, and those children that went there in the same moment."""
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
    for child, name in ctx.platform.registry.links_to(entity.name):
        if child.fields[name].on_delete == "cascade" and "delete" in child.verbs:
            rows = await unit.fetch(
                f"SELECT x.id FROM {child.table} x WHERE x.tenant_id = $1"
                f" AND x.{name} = ANY ($2) AND x.deleted_at = $3",
                ctx.tenant.id,
                ids,
                at,
            )
            if rows:
                await untrash(ctx, unit, child, [row["id"] for row in rows], at)


async def purge_record(
    ctx: Context, request: Request[Any, Any, Any], entity: Declaration
) -> ASGIResponse:
    """Answer ``POST …/{id}/purge/``: a record in the trash is deleted for good."""
    ctx.rights.require(entity.name, "purge")
    id = read_id(request.path_params["id"])
    version = demanded_version(ctx, request, id)

    async def run(unit: Unit) -> Answer:
        await locked(ctx, unit, entity, "purge", id, version, columns="x.id", trash=True)
        await hook(ctx, unit, entity, "purge", (id,), {})
        await purge(ctx, unit, entity, [id])
        return Answer(b"", 204)

    return await write_once(ctx, request, run)


async def purge(ctx: Context, unit: Unit, entity: Declaration, ids: list[UUID]) -> None:
    """Delete records for good. Links that may be empty are emptied first: the key holds the tenant.

    Refuses with ``Conflict`` while other records refer to them.
    """
    for child, name in ctx.platform.registry.links_to(entity.name):
        if child.fields[name].on_delete == "null" and not child.fields[name].system:
            await unit.execute(
                f"UPDATE {child.table} x SET {name} = NULL WHERE x.tenant_id = $1"
                f" AND x.{name} = ANY ($2)",
                ctx.tenant.id,
                ids,
            )
    try:
        await unit.execute(
            f"DELETE FROM {entity.table} x WHERE x.tenant_id = $1 AND x.id = ANY ($2)"
            " AND x.deleted_at IS NOT NULL",
            ctx.tenant.id,
            ids,
        )
    except asyncpg.IntegrityConstraintViolationError as error:
        raise constraint_refusal(entity, Broken(error)) from error
