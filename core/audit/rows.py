"""Entries from the database: one statement per page, and the names of everybody in it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from core.audit.queries import Asked, Place
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


class Where:
    """The conditions of a query under way: text with ``{}`` for its values, numbered in order."""

    def __init__(self, ctx: Context) -> None:
        self.values: list[Any] = [ctx.tenant.id]
        self.parts = ["e.tenant_id = $1"]

    def add(self, text: str, *values: Any) -> None:
        """Demand one thing more."""
        marks = [f"${len(self.values) + n}" for n in range(1, len(values) + 1)]
        self.parts.append(text.format(*marks))
        self.values += values

    def asked(self, asked: Asked, since: datetime | None, until: datetime | None) -> None:
        """Demand what the caller asked for."""
        if asked.action is not None:
            self.add("e.action = {}", asked.action)
        if asked.field is not None:
            self.add("e.changes ? {}", asked.field)
        if asked.by is not None:
            self.add("r.principal_id = {}", asked.by)
        if since is not None:
            self.add("e.at >= {}", since)
        if until is not None:
            self.add("e.at < {}", until)

    @property
    def sql(self) -> str:
        """The conditions as one text."""
        return " AND ".join(self.parts)


async def newest(
    connection: asyncpg.Connection, where: Where, place: Place | None, size: int
) -> list[asyncpg.Record]:
    """Return one entry more than a page holds, the newest first, from behind ``place`` on."""
    if place is not None:
        where.add("(e.at, e.id) < ({}, {})", place.at, place.id)
    sql = (
        f"SELECT {COLUMNS} FROM {REQUESTS} WHERE {where.sql}"
        f" ORDER BY e.at DESC, e.id DESC LIMIT {size + 1}"
    )
    rows: list[asyncpg.Record] = await connection.fetch(sql, *where.values)
    return rows


async def people(ctx: Context, connection: asyncpg.Connection, ids: Iterable[Any]) -> People:
    """Return users by id, those who are gone as well; by name for who may see users, else not."""
    wanted: Sequence[UUID] = list({UUID(str(id)) for id in ids if id})
    if not wanted or not sees_names(ctx):
        return {}
    return {
        row["id"]: {"id": row["id"], "name": row["name"], "gone": row["gone"]}
        for row in await connection.fetch(PEOPLE, wanted)
    }


def sees_names(ctx: Context) -> bool:
    held = {scope for right in ("view", "list") for scope in ctx.rights.scopes(USER, right)}
    return "all" in held and "name" in ctx.rights.visible(USER)
