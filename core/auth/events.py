"""Security events of a tenant: what was tried or ended, without addresses or secrets of people."""

from typing import Any
from uuid import UUID

import msgspec
import structlog

from core.database.connections import Unit

log = structlog.get_logger("crm.security")


async def record_event(
    unit: Unit, tenant: UUID, kind: str, user: UUID | None, **detail: Any
) -> None:
    """Record an event in the open transaction, and say so in the log."""
    await unit.execute(
        "INSERT INTO core_security_event (tenant_id, kind, user_id, detail)"
        " VALUES ($1, $2, $3, $4::text::jsonb)",
        tenant,
        kind,
        user,
        msgspec.json.encode(detail).decode(),
    )
    log.warning("security_event", kind=kind, tenant=str(tenant), user=user and str(user))
