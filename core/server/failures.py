"""Every exception as a problem: what a client may know, and nothing of the inside."""

from typing import Any

import asyncpg
import structlog
from litestar import Request
from litestar.exceptions import HTTPException, MethodNotAllowedException
from litestar.response.base import ASGIResponse

from core.admin.failures import error_page, is_page
from core.errors import Invalid, NotAllowed, NotFound, Refused, TooLarge, Unavailable
from core.rest.responses import refusal

log = structlog.get_logger("crm.failure")


def _as_refusal(error: Exception) -> Refused:
    if isinstance(error, Refused):
        return error
    if isinstance(error, MethodNotAllowedException):
        return NotAllowed(headers=error.headers)
    if isinstance(error, HTTPException):
        if error.status_code == 404:
            return NotFound()
        if error.status_code == 413:
            return TooLarge()
        if error.status_code < 500:
            return Invalid(status=error.status_code)
    if isinstance(error, asyncpg.DataError):
        # The declared types keep such values out; should one slip through, it is still the input.
        log.warning("database_refused_value", error=type(error).__name__)
        return Invalid("A value cannot be stored.", code="value")
    log.error("unexpected", exc_info=error)
    return Unavailable("The server failed to answer.", status=500, code="internal")


def answer_failure(request: Request[Any, Any, Any], error: Exception) -> Any:
    """Return the answer to any exception: a page to who looks at pages, else RFC 9457."""
    scope: Any = request.scope
    path = scope.get("crm_path", scope["path"])
    request_id = scope.get("state", {}).get("request_id", "")
    refused = _as_refusal(error)
    if is_page(request):
        return _Ready(error_page(request, refused))
    answer: ASGIResponse = refusal(refused, path, request_id)
    return _Ready(answer)


class _Ready:
    """Litestar wants something that turns into an ASGI response; this is one already."""

    def __init__(self, response: ASGIResponse) -> None:
        self.response = response

    def to_asgi_response(self, **_: Any) -> ASGIResponse:
        return self.response
