"""The route of the tenant's whole log; those of each entity are generated with its others."""

from typing import Any

from litestar import Request
from litestar.response.base import ASGIResponse

from core.audit.queries import AskedOfAll
from core.audit.timeline import whole_log
from core.rest.context import open_context
from core.rest.operation_doc import Doc
from core.rest.route import READ, Route


async def show_log(request: Request[Any, Any, Any]) -> ASGIResponse:
    """Answer every change of the tenant, the newest first."""
    return await whole_log(await open_context(request), request)


def audit_routes() -> list[Route]:
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
    return [Route("/api/audit", READ, opt, show_log)]
