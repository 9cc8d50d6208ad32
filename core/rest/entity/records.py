"""The routes of one record: view, create and change."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar.response.base import ASGIResponse

from core.database.connections import Unit
from core.model.encoding import encode
from core.model.entities import Declaration
from core.model.struct_values import read_object
from core.records.changes.idempotency import StoredAnswer
from core.records.changes.single import insert_record, read_new_values, read_record, update_record
from core.records.changes.writing import read_written
from core.records.projection import Projection, projection_of
from core.rest.addresses import base_url, requested_path
from core.rest.request.decode import read_id, read_json
from core.rest.request.etags import etag, required_version, tags
from core.rest.request.idempotency import write_once
from core.rest.request.query_string import read_selection
from core.rest.responses import no_content, raw_reply
from core.rest.route import AnyRequest
from core.runtime.context import Context


async def view_record(ctx: Context, request: AnyRequest, entity: Declaration) -> ASGIResponse:
    """Answer ``GET /api/<resource>/{id}/``; 304 when the caller has this version and projection."""
    ctx.rights.require(entity.name, "view")
    id = read_id(request.path_params["id"])
    projection = projection_of(ctx.tenant, ctx.rights, entity, read_selection(request))
    row, version = await read_record(ctx, entity, id, projection)
    tag = etag(id, version, projection.hash)
    given = request.headers.get("if-none-match", "")
    if not projection.expand and (tag.strip('"') in tags(given) or given.strip() == "*"):
        return no_content(304, {"ETag": tag})
    return raw_reply(encode(row), 200, {"ETag": tag})


async def create_record(ctx: Context, request: AnyRequest, entity: Declaration) -> ASGIResponse:
    """Answer ``POST /api/<resource>/`` with 201, the record and its address."""
    ctx.rights.require(entity.name, "create")
    projection = projection_of(ctx.tenant, ctx.rights, entity, read_selection(request))
    body = read_object(await read_json(request))
    given = read_new_values(ctx, entity, body)
    home = f"{base_url(request, ctx)}{requested_path(request)}"

    async def run(unit: Unit) -> StoredAnswer:
        id, record = await insert_record(ctx, unit, entity, given, projection)
        place = {"Location": f"{home}/{id}/"}
        return await record_answer(
            ctx, unit, entity, id, projection, record, status=201, headers=place
        )

    return await write_once(ctx, request, run, keyed=True)


async def change_record(
    ctx: Context, request: AnyRequest, entity: Declaration, *, partial: bool
) -> ASGIResponse:
    """Answer PUT and PATCH. PUT demands the required fields; what is left out stays."""
    ctx.rights.require(entity.name, "update")
    projection = projection_of(ctx.tenant, ctx.rights, entity, read_selection(request))
    id = read_id(request.path_params["id"])
    version = required_version(ctx, request, id)
    body = read_object(await read_json(request))

    async def run(unit: Unit) -> StoredAnswer:
        record = await update_record(
            ctx, unit, entity, id, body, projection=projection, version=version, partial=partial
        )
        return await record_answer(ctx, unit, entity, id, projection, record)

    return await write_once(ctx, request, run, keyed=True)


async def record_answer(
    ctx: Context,
    unit: Unit,
    entity: Declaration,
    id: UUID,
    projection: Projection,
    record: Mapping[str, Any] | None = None,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> StoredAnswer:
    """Return the answer to a writer: the record as they may see it, or its id alone."""
    written = await read_written(ctx, unit, entity, id, projection, record)
    if written is None:
        return StoredAnswer(encode({"id": id}), status, dict(headers or {}))
    row, version = written
    tag = etag(id, version, projection.hash)
    return StoredAnswer(encode(row), status, {**(headers or {}), "ETag": tag})
