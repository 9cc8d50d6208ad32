"""The route of the tenant's whole log; those of each entity are generated with its others."""

from typing import Any

from litestar.response.base import ASGIResponse

from core.audit.history import read_log
from core.audit.queries import LogQuery
from core.model.entities import HISTORY
from core.rest.operation_doc import OperationDoc
from core.rest.request.context import open_context
from core.rest.request.query_string import read_parameters
from core.rest.responses import reply
from core.rest.route import READ, AnyRequest, Route


async def show_log(request: AnyRequest) -> ASGIResponse:
    """Answer every change of the tenant, by default of the last 30 days, the newest first."""
    ctx = await open_context(request)
    query = read_parameters(LogQuery, request)
    ctx.rights.require("core.setting", HISTORY)
    return reply((await ctx.read(lambda c: read_log(ctx, c, query))).to_json())


def audit_routes() -> list[Route]:
    """Return the route of the log."""
    doc = OperationDoc(
        id="audit_list",
        tag="Audit",
        summary="Every change of the tenant, the newest first",
        description="Of the last 30 days, unless a period is given.",
        query=LogQuery,
        answer=Any,
    )
    opt = {"permission": "core.setting.history", "doc": doc}
    return [Route("/api/audit", READ, opt, show_log)]
