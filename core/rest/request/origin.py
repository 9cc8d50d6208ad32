"""The client that a request comes from, and why it changes something, for the audit."""

from collections.abc import Mapping
from typing import Any

from litestar import Request

from core.auth.sign_in.client_address import Client, is_address
from core.errors import Invalid
from core.runtime.origin import Origin

LONGEST_REASON = 200
REASON = b"x-reason"


def read_client(request: Request[Any, Any, Any]) -> Client:
    """Return address and user agent of a request's client; the middleware has judged proxies."""
    address = request.client.host if request.client else ""
    agent = request.headers.get("user-agent", "")
    if not agent.isprintable():
        agent = "".join(c for c in agent if c.isprintable())
    return Client(address, agent[:300])


def request_origin(request: Request[Any, Any, Any]) -> Origin:
    """Return where a request comes from, believing a proxy only where the operator said so."""
    client = read_client(request)
    scope = request.scope
    return Origin(
        address=client.address if is_address(client.address) else None,
        user_agent=client.user_agent or None,
        method=scope["method"],
        route=scope["path"],
        operation=request.route_handler.opt.get("permission"),
    )


def read_reason(headers: Mapping[bytes, bytes]) -> str | None:
    """Return why the caller changes something, from ``X-Reason``; at most 200 characters."""
    header = headers.get(REASON)
    if not header:
        return None
    try:
        text = header.decode().strip()
    except UnicodeDecodeError:
        raise Invalid.field("X-Reason", "The reason must be UTF-8.", "encoding") from None
    if len(text) > LONGEST_REASON or not text.isprintable():
        detail = f"The reason must be one line of at most {LONGEST_REASON} characters."
        raise Invalid.field("X-Reason", detail, "max_length")
    return text or None
