"""Where a change comes from, as the audit keeps it once per request."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request

from core.access.rights import Principal
from core.auth.sign_in.client_address import is_address, place_of
from core.errors import Invalid

LONGEST_REASON = 200
REASON = b"x-reason"


class Origin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a request: sender, device, route and the permission it runs under."""

    address: str | None = None
    user_agent: str | None = None
    method: str | None = None
    route: str | None = None
    operation: str | None = None


class _Told(Origin, frozen=True, kw_only=True, omit_defaults=True):
    kind: str
    session: str | None = None
    key: str | None = None
    reason: str | None = None


def origin_of(request: Request[Any, Any, Any]) -> Origin:
    """Return where a request comes from, believing a proxy only where the operator said so."""
    place = place_of(request)
    scope = request.scope
    return Origin(
        address=place.address if is_address(place.address) else None,
        user_agent=place.user_agent or None,
        method=scope["method"],
        route=scope["path"],
        operation=request.route_handler.opt.get("permission"),
    )


def read_reason(headers: Mapping[bytes, bytes]) -> str | None:
    """Return why the caller changes something, from ``X-Reason``; at most 200 characters."""
    given = headers.get(REASON)
    if not given:
        return None
    try:
        text = given.decode().strip()
    except UnicodeDecodeError:
        raise Invalid.field("X-Reason", "The reason must be UTF-8.", "encoding") from None
    if len(text) > LONGEST_REASON or not text.isprintable():
        detail = f"The reason must be one line of at most {LONGEST_REASON} characters."
        raise Invalid.field("X-Reason", detail, "max_length")
    return text or None


def trace(request_id: str, principal: Principal, origin: Origin, reason: str | None = None) -> str:
    """Return the settings of a write transaction that its audit reads.

    The origin goes as hexadecimal digits: SET takes no parameters, and a device may call itself
    anything.
    """
    told = _Told(
        **msgspec.structs.asdict(origin),
        kind=principal.kind,
        session=_uuid(principal.session_id),
        key=_uuid(principal.key_id),
        reason=reason,
    )
    parts = [f"SET LOCAL app.origin = '{msgspec.json.encode(told).hex()}'"]
    if request_id:
        parts.append(f"SET LOCAL app.request_id = '{UUID(request_id).hex}'")
    return "; ".join(parts)


def _uuid(text: str | None) -> str | None:
    return str(UUID(text)) if text else None
