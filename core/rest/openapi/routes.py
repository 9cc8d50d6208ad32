"""The routes of the document and of the page that shows it."""

from typing import Annotated, Any

import msgspec
from litestar import Request
from litestar.response.base import ASGIResponse
from msgspec import Meta

from core.auth.credentials import tenant_at
from core.errors import NotFound
from core.model.encoding import encode
from core.model.struct_values import read_query
from core.rest import docs
from core.rest.openapi.document import public_document, tenant_document
from core.rest.operation_doc import OperationDoc
from core.rest.request.context import open_context
from core.rest.responses import raw_reply
from core.rest.route import READ, Route
from core.runtime.platform import Platform
from core.runtime.tenant import Tenant

AnyRequest = Request[Any, Any, Any]


class DocumentQuery(msgspec.Struct, frozen=True):
    """The parameters of the document."""

    tenant: Annotated[
        str | None, Meta(description="The tenant's slug, where the address does not say it.")
    ] = None


def refuse_when_off(request: AnyRequest) -> Platform:
    """Return the platform; refuses as an unknown path where the documentation is switched off."""
    platform: Platform = request.app.state.platform
    if not platform.config.server.docs:
        raise NotFound
    return platform


async def show_document(request: AnyRequest) -> ASGIResponse:
    """Answer the OpenAPI document of this tenant.

    With a credential it lists what its bearer may do, with the fields that they may read and write.
    Without one it lists what the tenant has enabled, as an administrator would see it; an address
    without tenant may name it with ``?tenant=``, and describes only health and login otherwise.
    """
    platform = refuse_when_off(request)
    asked: DocumentQuery = read_query(DocumentQuery, dict(request.query_params))
    if "authorization" in request.headers:
        ctx = await open_context(request)
        # The credential is checked where all are: in a transaction.
        await ctx.fetchval("SELECT 1")
        return _document_reply(request, ctx.tenant, ctx.rights)
    tenant = _requested_tenant(platform, request, asked.tenant)
    if tenant is not None:
        return _document_reply(request, tenant, tenant.rights(("admin",)))
    some = next(iter(platform.by_id.values()), None)
    if some is None:
        raise NotFound
    return raw_reply(encode(public_document(request.app.state.routes, some)))


def _requested_tenant(platform: Platform, request: AnyRequest, named: str | None) -> Tenant | None:
    """Return the tenant of the host, the one named, or the only one there is."""
    here = tenant_at(platform, request.headers.get("host", ""))
    if named is None:
        alone = next(iter(platform.by_id.values())) if len(platform.by_id) == 1 else None
        return here or alone
    found = platform.by_slug.get(named)
    if found is None or (here is not None and here.id != found.id):
        raise NotFound
    return found


def _document_reply(request: AnyRequest, tenant: Tenant, rights: Any) -> ASGIResponse:
    """Return the document from the tenant's snapshot; a change of anything makes a new snapshot."""
    place = ("openapi", rights)
    found = tenant.shapes.get(place)
    if found is None:
        found = encode(tenant_document(request.app.state.routes, tenant, rights))
        tenant.shapes[place] = found
    return raw_reply(found)


async def show_page(request: AnyRequest) -> ASGIResponse:
    """Answer the page that shows the document."""
    refuse_when_off(request)
    return ASGIResponse(
        body=docs.page(),
        media_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": docs.POLICY},
    )


async def show_asset(request: AnyRequest) -> ASGIResponse:
    """Answer one of the page's files; whatever is not in the list does not exist."""
    refuse_when_off(request)
    asset = docs.assets().get(str(request.path_params["name"]))
    if asset is None:
        raise NotFound
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    packed = "gzip" in request.headers.get("accept-encoding", "")
    if packed:
        headers["Content-Encoding"] = "gzip"
    return ASGIResponse(
        body=asset.packed if packed else asset.content, media_type=asset.media, headers=headers
    )


def _doc(summary: str, id: str, *refuses: int, **more: Any) -> OperationDoc:
    return OperationDoc(summary=summary, id=id, tag="Documentation", refuses=refuses, **more)


def openapi_routes() -> list[Route]:
    """Return the routes of the document and of its page."""

    def route(path: str, fn: Any, doc: OperationDoc) -> Route:
        return Route(path, READ, {"public": True, "doc": doc}, fn)

    document = _doc(
        "This document",
        "openapi_get",
        400,
        401,
        403,
        404,
        query=DocumentQuery,
        answer=dict[str, Any],
    )
    page = _doc("The page that shows this document", "docs_page", 404, media="text/html")
    asset = _doc("A file of the page", "docs_asset", 404, media="*/*")
    return [
        route("/api/openapi.json", show_document, document),
        route("/api/docs", show_page, page),
        route("/api/docs/{name:str}", show_asset, asset),
    ]
