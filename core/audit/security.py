"""Sign-ins and security events of a tenant: who came in, who was refused, what ended and why."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Meta

from core.audit.entries import USER, People, may_see_names, read_people
from core.audit.queries import Period, Size, read_cursor, recent_bounds, write_cursor
from core.audit.rendering import person
from core.model.entities import HISTORY
from core.records.lists.list_query import PAGE
from core.runtime.context import Context

SIGNED_IN, ENDED = "signed_in", "session_ended"
# A session gives two events, its start and its end; all others are rows of their own.
EVENTS = """
WITH events AS (
  SELECT e.id, e.created_at AS at, e.kind, e.user_id, e.detail, NULL AS address, NULL AS agent
    FROM core_security_event e
   WHERE e.tenant_id = $1 AND e.created_at >= $2 AND e.created_at < $3 AND e.deleted_at IS NULL
  UNION ALL
  SELECT s.id, s.created_at, 'signed_in', s.user_id, '{}', s.address, s.user_agent
    FROM core_session s
   WHERE s.tenant_id = $1 AND s.created_at >= $2 AND s.created_at < $3
  UNION ALL
  SELECT s.id, s.revoked_at, 'session_ended', s.user_id,
         jsonb_build_object('why', s.revoked_for), s.address, s.user_agent
    FROM core_session s
   WHERE s.tenant_id = $1 AND s.revoked_at >= $2 AND s.revoked_at < $3
)
SELECT h.id, h.at, h.kind, h.user_id, h.detail, h.address, h.agent, k.name AS key_name
  FROM events h
  LEFT JOIN core_user u ON u.tenant_id = $1 AND u.id = h.user_id AND $6
  LEFT JOIN core_api_key k ON k.tenant_id = $1 AND k.id::text = h.detail ->> 'key'
 WHERE ($4::text IS NULL OR h.kind = $4)
   AND ($5::uuid IS NULL OR h.user_id = $5 OR h.detail ->> 'by' = $5::text)
   AND ($7::text IS NULL OR u.name ILIKE $7 OR u.email ILIKE $7 OR k.name ILIKE $7
        OR h.detail ->> 'plugin' ILIKE $7
        OR ($8 AND (h.address ILIKE $7 OR h.agent ILIKE $7)))
   AND ($9::timestamptz IS NULL OR (h.at, h.id) < ($9, $10::uuid))
 ORDER BY h.at DESC, h.id DESC LIMIT $11
"""


class SecurityQuery(Period, frozen=True, kw_only=True):
    """The parameters of the security log."""

    kind: Annotated[str, Meta(max_length=60)] | None = None
    by: UUID | None = None
    q: Annotated[str, Meta(min_length=2, max_length=100)] | None = None
    cursor: str | None = None
    page_size: Size = PAGE


class SecurityEvent(msgspec.Struct, frozen=True):
    """One event; ``who`` and ``by`` are people as the reader may name them."""

    id: UUID
    at: datetime
    kind: str
    who: Mapping[str, Any] | None
    by: Mapping[str, Any] | None
    detail: Mapping[str, Any]
    address: str
    agent: str
    key: str


async def read_security_log(
    ctx: Context, connection: asyncpg.Connection, query: SecurityQuery
) -> tuple[list[SecurityEvent], str | None]:
    """Return the newest events, by default of the last 30 days, and the cursor of the next page.

    Only people who see the history of all users see addresses and user agents.
    """
    ctx.rights.require("core.setting", HISTORY)
    since, until = recent_bounds(ctx.tenant, query)
    cursor, origins = read_cursor(query.cursor), ctx.rights.scopes(USER, HISTORY) == ("all",)
    rows = await connection.fetch(
        EVENTS,
        ctx.tenant.id,
        since,
        until,
        query.kind,
        query.by,
        may_see_names(ctx),
        _like(query.q) if query.q else None,
        origins,
        cursor.at if cursor else None,
        cursor.id if cursor else None,
        query.page_size + 1,
    )
    shown = rows[: query.page_size]
    known = await read_people(ctx, connection, (id for row in shown for id in _people_ids(row)))
    found = [_event(row, known, origins=origins) for row in shown]
    more = len(rows) > query.page_size
    return found, write_cursor(shown[-1]["at"], shown[-1]["id"]) if more else None


def _event(row: asyncpg.Record, known: People, *, origins: bool) -> SecurityEvent:
    def named(id: Any) -> Mapping[str, Any] | None:
        return person(id, known) if id else None

    return SecurityEvent(
        id=row["id"],
        at=row["at"],
        kind=row["kind"],
        who=named(row["user_id"]),
        by=named(_by(row)),
        detail=dict(row["detail"]),
        address=(row["address"] or "") if origins else "",
        agent=(row["agent"] or "") if origins else "",
        key=row["key_name"] or "",
    )


def _by(row: asyncpg.Record) -> str | None:
    """Return the id of the person who did it to another; an operator of the server has none."""
    by = row["detail"].get("by")
    return None if by in (None, "operator") else str(by)


def _people_ids(row: asyncpg.Record) -> tuple[Any, Any]:
    return row["user_id"], _by(row)


def _like(text: str) -> str:
    return "%" + "".join(f"\\{letter}" if letter in "\\%_" else letter for letter in text) + "%"
