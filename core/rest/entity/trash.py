"""The routes into the trash, out of it, and of deletion for good."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from litestar.response.base import ASGIResponse

from core.database.connections import Unit
from core.model.entities import Declaration
from core.records.changes.idempotency import StoredAnswer
from core.records.changes.trash import delete, destroy, restore
from core.records.projection import projection_of
from core.rest.entity.records import record_answer
from core.rest.request.decode import read_id
from core.rest.request.etags import required_version
from core.rest.request.idempotency import write_once
from core.rest.request.query_string import read_selection
from core.rest.route import AnyRequest
from core.runtime.context import Context

Remove = Callable[[Context, Unit, Declaration, UUID, int | None], Awaitable[object]]


async def delete_record(ctx: Context, request: AnyRequest, entity: Declaration) -> ASGIResponse:
    """Answer DELETE: the record goes to the trash, with what its links say goes along."""
    return await _remove(ctx, request, entity, "delete", delete)


async def restore_record(ctx: Context, request: AnyRequest, entity: Declaration) -> ASGIResponse:
    """Answer ``POST …/{id}/restore/``: out of the trash, with what went there along with it."""
    ctx.rights.require(entity.name, "restore")
    id = read_id(request.path_params["id"])
    version = required_version(ctx, request, id)
    projection = projection_of(ctx.tenant, ctx.rights, entity, read_selection(request))

    async def run(unit: Unit) -> StoredAnswer:
        await restore(ctx, unit, entity, id, version)
        return await record_answer(ctx, unit, entity, id, projection)

    return await write_once(ctx, request, run, keyed=True)


async def purge_record(ctx: Context, request: AnyRequest, entity: Declaration) -> ASGIResponse:
    """Answer ``POST …/{id}/purge/``: a record in the trash is deleted for good."""
    return await _remove(ctx, request, entity, "purge", destroy)


async def _remove(
    ctx: Context, request: AnyRequest, entity: Declaration, right: str, remove: Remove
) -> ASGIResponse:
    """Do what takes a record away, as ``right`` allows it, and answer with nothing."""
    ctx.rights.require(entity.name, right)
    id = read_id(request.path_params["id"])
    version = required_version(ctx, request, id)

    async def run(unit: Unit) -> StoredAnswer:
        await remove(ctx, unit, entity, id, version)
        return StoredAnswer(b"", 204)

    return await write_once(ctx, request, run, keyed=True)
