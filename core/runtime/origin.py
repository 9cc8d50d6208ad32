"""Where a change comes from, as the audit keeps it once per request."""

from uuid import UUID

import msgspec

from core.access.rights import Principal


class Origin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a request: client, route and the permission it runs under."""

    address: str | None = None
    user_agent: str | None = None
    method: str | None = None
    route: str | None = None
    operation: str | None = None


class _Record(Origin, frozen=True, kw_only=True, omit_defaults=True):
    """The origin with the credential and the reason, as ``app.origin`` carries it."""

    kind: str
    session: str | None = None
    key: str | None = None
    reason: str | None = None


def audit_settings(
    request_id: str, principal: Principal, origin: Origin, reason: str | None = None
) -> str:
    """Return the settings of a write transaction that its audit reads.

    The origin goes as hexadecimal digits: SET takes no parameters, and a device may call itself
    anything.
    """
    record = _Record(
        **msgspec.structs.asdict(origin),
        kind=principal.kind,
        session=_uuid(principal.session_id),
        key=_uuid(principal.key_id),
        reason=reason,
    )
    parts = [f"SET LOCAL app.origin = '{msgspec.json.encode(record).hex()}'"]
    if request_id:
        parts.append(f"SET LOCAL app.request_id = '{UUID(request_id).hex}'")
    return "; ".join(parts)


def _uuid(text: str | None) -> str | None:
    return str(UUID(text)) if text else None
