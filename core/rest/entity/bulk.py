"""The routes of many records: bulk changes and batch creation."""

from litestar.response.base import ASGIResponse

from core.database.connections import Unit
from core.model.encoding import encode
from core.model.entities import Declaration
from core.model.struct_values import read_object
from core.records.changes.batch import create_many, read_batch
from core.records.changes.bulk import apply_bulk_change, read_bulk_change
from core.records.changes.idempotency import StoredAnswer
from core.rest.request.decode import read_json
from core.rest.request.idempotency import write_once
from core.rest.route import AnyRequest
from core.runtime.context import Context


async def bulk_change(ctx: Context, request: AnyRequest, entity: Declaration) -> ASGIResponse:
    """Answer ``POST …/bulk/ {action | set, ids | filter, atomic}`` (ruling 18).

    The reply names the ids that changed. With ``atomic`` an id that cannot be changed refuses all.
    """
    order = read_bulk_change(ctx, entity, read_object(await read_json(request)))

    async def run(unit: Unit) -> StoredAnswer:
        return StoredAnswer(encode(await apply_bulk_change(ctx, unit, entity, order)))

    return await write_once(ctx, request, run)


async def batch_create(ctx: Context, request: AnyRequest, entity: Declaration) -> ASGIResponse:
    """Answer ``POST …/batch/ {records, atomic}``.

    With ``atomic`` one wrong record refuses all; otherwise the good ones are created and the
    others are listed with their position and every wrong field.
    """
    ctx.rights.require(entity.name, "create")
    batch = read_batch(ctx, entity, read_object(await read_json(request)))

    async def run(unit: Unit) -> StoredAnswer:
        return StoredAnswer(encode(await create_many(ctx, unit, entity, batch)), 201)

    return await write_once(ctx, request, run)
