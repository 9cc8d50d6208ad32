"""The route of the tenant's whole log; those of each entity are generated with its others."""

from typing import Any

from litestar import HttpMethod, Request
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from core.audit.queries import AskedOfAll
from core.audit.timeline import whole_log
from core.rest.context import open_context
from core.rest.operation_doc import Doc


async def show_log(request: Request[Any, Any, Any]) -> ASGIResponse:
    """Answer every change of the tenant, the newest first."""
    return await whole_log(await open_context(request), request)


def audit_routes() -> list[HTTPRouteHandler]:
    """Return the route of the log."""
    doc = Doc(
        id="audit_list",
        tag="Audit",
        summary="Every change of the tenant, the newest first",
        description="Of the last 30 days, unless a period is given.",
        query=AskedOfAll,
        answer=Any,
    )
    opt = {"permission": "core.setting.history", "doc": doc}
    made = HTTPRouteHandler(
        "/api/audit",
        http_method=[HttpMethod.GET, HttpMethod.HEAD],
        opt=opt,
        include_in_schema=False,
    )
    return [made(show_log)]
