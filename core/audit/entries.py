"""Entries from the database: one statement per page, and the names of everybody in it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from core.audit.queries import Cursor, HistoryQuery
from core.runtime.context import Context

COLUMNS = """
e.id, e.at, e.action, e.entity, e.record_id, e.responsible_id, e.changes, e.request_id,
r.principal_kind, r.principal_id, r.database_user, r.key_id, host(r.address) AS address,
r.user_agent, r.method, r.route, r.operation, r.reason
"""
REQUESTS = """
core_audit_entry e
LEFT JOIN core_audit_request r ON r.tenant_id = e.tenant_id AND r.id = e.request_id
"""
USER = "core.user"
PEOPLE = "SELECT id, name, gone FROM crm_audit_people($1::uuid[])"

People = Mapping[UUID, Mapping[str, Any]]


class EntryFilter:
    """The conditions of a query: each a text with ``{}`` for its values, numbered in order."""

    def __init__(self, ctx: Context) -> None:
        self.values: list[Any] = [ctx.tenant.id]
        self.conditions = ["e.tenant_id = $1"]

    def add(self, text: str, *values: Any) -> None:
        """Add a condition."""
        marks = [f"${len(self.values) + n}" for n in range(1, len(values) + 1)]
        self.conditions.append(text.format(*marks))
        self.values += values

    def add_query(
        self, query: HistoryQuery, since: datetime | None, until: datetime | None
    ) -> None:
        """Add the conditions of a caller's query and the bounds of its period."""
        if query.action is not None:
            self.add("e.action = {}", query.action)
        if query.field is not None:
            self.add("e.changes ? {}", query.field)
        if query.by is not None:
            self.add("r.principal_id = {}", query.by)
        if since is not None:
            self.add("e.at >= {}", since)
        if until is not None:
            self.add("e.at < {}", until)

    @property
    def sql(self) -> str:
        """The conditions as one text."""
        return " AND ".join(self.conditions)


async def read_entries(
    connection: asyncpg.Connection, entry_filter: EntryFilter, cursor: Cursor | None, size: int
) -> list[asyncpg.Record]:
    """Return one entry more than a page holds, the newest first, from ``cursor`` on."""
    if cursor is not None:
        entry_filter.add("(e.at, e.id) < ({}, {})", cursor.at, cursor.id)
    sql = (
        f"SELECT {COLUMNS} FROM {REQUESTS} WHERE {entry_filter.sql}"
        f" ORDER BY e.at DESC, e.id DESC LIMIT {size + 1}"
    )
    rows: list[asyncpg.Record] = await connection.fetch(sql, *entry_filter.values)
    return rows


async def read_people(ctx: Context, connection: asyncpg.Connection, ids: Iterable[Any]) -> People:
    """Return users by id, deleted ones included; empty where the caller may not see names."""
    user_ids: Sequence[UUID] = list({UUID(str(id)) for id in ids if id})
    if not user_ids or not may_see_names(ctx):
        return {}
    return {
        row["id"]: {"id": row["id"], "name": row["name"], "gone": row["gone"]}
        for row in await connection.fetch(PEOPLE, user_ids)
    }


def may_see_names(ctx: Context) -> bool:
    """Return whether the caller may see the names of all users."""
    held = {scope for right in ("view", "list") for scope in ctx.rights.scopes(USER, right)}
    return "all" in held and "name" in ctx.rights.visible(USER)
