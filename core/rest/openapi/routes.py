"""The routes of the document and of the page that shows it."""

from typing import Any

from litestar import HttpMethod, Request
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from core.auth.credentials import tenant_at
from core.errors import Invalid, NotFound
from core.platform import Platform
from core.rest.context import open_context
from core.rest.doc import Doc
from core.rest.openapi.document import public_document, tenant_document
from core.rest.replies import encode, raw_reply
from core.tenancy.tenant import Tenant

AnyRequest = Request[Any, Any, Any]
READ = [HttpMethod.GET, HttpMethod.HEAD]


def refuse_when_off(request: AnyRequest) -> Platform:
    """Return the platform; refuses as an unknown path where the documentation is switched off."""
    platform: Platform = request.app.state.platform
    if not platform.config.server.docs:
        raise NotFound
    return platform


async def show_document(request: AnyRequest) -> ASGIResponse:
    """Answer the OpenAPI document of this tenant.

    With a credential it lists what its bearer may do, with the fields that he may read and write.
    Without one it lists what the tenant has enabled, as an administrator would see it; an address
    without tenant may name it with ``?tenant=``, and describes only health and login otherwise.
    """
    platform = refuse_when_off(request)
    for name in request.query_params:
        if name != "tenant":
            raise Invalid.field(f"?{name!r}", "Unknown parameter.", "unknown", ("tenant",))
    if "authorization" in request.headers:
        ctx = await open_context(request)
        # The credential is checked where all are: in a transaction.
        await ctx.fetchval("SELECT 1")
        return _written(request, ctx.tenant, ctx.rights)
    tenant = _meant(platform, request)
    if tenant is not None:
        return _written(request, tenant, tenant.rights(("admin",)))
    some = next(iter(platform.by_id.values()), None)
    if some is None:
        raise NotFound
    return raw_reply(encode(public_document(request.app, some)))


def _meant(platform: Platform, request: AnyRequest) -> Tenant | None:
    """Return the tenant of the host, the one named, or the only one there is."""
    here = tenant_at(platform, request.headers.get("host", ""))
    named = request.query_params.get("tenant")
    if named is None:
        alone = next(iter(platform.by_id.values())) if len(platform.by_id) == 1 else None
        return here or alone
    found = platform.by_slug.get(named)
    if found is None or (here is not None and here.id != found.id):
        raise NotFound
    return found


def _written(request: AnyRequest, tenant: Tenant, rights: Any) -> ASGIResponse:
    """Return the document from the tenant's snapshot; a change of anything makes a new snapshot."""
    place = ("openapi", rights)
    found = tenant.shapes.get(place)
    if found is None:
        found = encode(tenant_document(request.app, tenant, rights))
        tenant.shapes[place] = found
    return raw_reply(found)


def openapi_routes() -> list[HTTPRouteHandler]:
    """Return the routes of the document and of its page."""
    doc = Doc(
        summary="This document",
        id="openapi_get",
        tag="Documentation",
        answer=dict[str, Any],
        refuses=(400, 401, 403, 404),
    )
    opt = {"public": True, "doc": doc}
    made = HTTPRouteHandler(
        "/api/openapi.json", http_method=READ, opt=opt, status_code=200, include_in_schema=False
    )
    return [made(show_document)]
