"""The outermost layer: request id, host, aliases, safe headers, one log line per request."""

import time
from collections.abc import MutableMapping
from typing import Any

import structlog
import uuid_utils
from litestar.types import ASGIApp, Receive, Scope, Send

from core.errors import Refused, Unavailable
from core.rest.responses import refusal
from core.runtime.platform import Platform
from core.server.proxy_headers import believe, canonical, check_host

log = structlog.get_logger("crm.request")
SAFE: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (
        b"permissions-policy",
        b"camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(),"
        b" microphone=(), payment=(), usb=()",
    ),
    (b"api-version", b"1"),
)
POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
# Two years, and only where TLS is in use already: a browser that once saw it refuses http.
STRICT = (b"strict-transport-security", b"max-age=63072000")
PRIVATE = (b"cache-control", b"no-store")


class Edge:
    """Wraps the application: whatever happens inside, the answer carries id and safe headers."""

    def __init__(self, app: ASGIApp, platform: Platform) -> None:
        self.app = app
        self.platform = platform

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        began = time.perf_counter()
        request_id = uuid_utils.uuid7().hex
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        status = 0
        head = scope["method"] == "HEAD"  # type: ignore[typeddict-item]

        async def sending(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                state["answering"] = True
                secure = scope.get("scheme") == "https"
                message["headers"] = _headers(message["headers"], request_id, secure=secure)
            elif head:
                message["body"] = b""
            await send(message)  # type: ignore[arg-type]

        try:
            await self._serve(scope, receive, sending, request_id)
        finally:
            _log(scope, state, request_id, status, began)

    async def _serve(self, scope: Scope, receive: Receive, send: Any, request_id: str) -> None:
        asked = scope["path"]
        headers = dict(scope["headers"])
        try:
            await self.platform.refresh()
            believe(scope, headers, self.platform.config.server)
            check_host(headers, self.platform)
        except Refused as refused:
            await refusal(refused, asked, request_id)(scope, receive, send)
            return
        path = canonical(asked, headers, self.platform)
        if path != asked:
            scope["crm_path"] = asked  # type: ignore[typeddict-unknown-key]
            scope["path"] = path
            scope["raw_path"] = path.encode()
        try:
            await self.app(scope, receive, send)
        except Exception:
            log.exception("request_failed", request_id=request_id)
            if scope["state"].get("answering"):
                raise  # half an answer is out: only the server can end the connection
            await refusal(
                Unavailable("The server failed to answer.", status=500, code="internal"),
                asked,
                request_id,
            )(scope, receive, send)


def _headers(given: Any, request_id: str, *, secure: bool) -> list[tuple[bytes, bytes]]:
    headers = [*given, *SAFE, (b"x-request-id", request_id.encode())]
    if secure:
        headers.append(STRICT)
    names = {name.lower() for name, _ in given}
    if POLICY[0] not in names:
        headers.append(POLICY)
    if PRIVATE[0] not in names:
        headers.append(PRIVATE)
    return headers


def _log(scope: Scope, state: dict[str, Any], request_id: str, status: int, began: float) -> None:
    """Write the one line of a request: no body, no query, no secret."""
    handler: Any = scope.get("route_handler")
    tenant, principal = state.get("tenant"), state.get("principal")
    log.info(
        "request",
        request_id=request_id,
        method=scope["method"],  # type: ignore[typeddict-item]
        route=scope.get("path_template", "") if handler is not None else "",
        status=status,
        ms=round((time.perf_counter() - began) * 1000, 2),
        tenant=tenant.slug if tenant else None,
        principal=principal.id if principal else None,
    )
