"""What a caller may do with one record, and how many records hang on it: one statement."""

from typing import Any
from uuid import UUID

import msgspec

from core.model.entities import Declaration
from core.records.lists.large_table_pages import COUNTED
from core.records.row_filter import where_clause
from core.runtime.context import Context


class CapabilityQuery(msgspec.Struct, frozen=True):
    """A record, the rights to check, and the links (entity, field) that point at it."""

    entity: Declaration
    id: UUID
    rights: tuple[str, ...]
    links: tuple[tuple[Declaration, str], ...]


class Capabilities(msgspec.Struct, frozen=True):
    """The rights that hold for this very record, and a count per link, in order."""

    rights: frozenset[str]
    counts: tuple[int, ...]


async def read_capabilities(ctx: Context, query: CapabilityQuery) -> Capabilities:
    """Return what is held of a record; a count stops where lists stop counting."""
    entity = query.entity
    parts: list[str] = []
    parameters: list[Any] = []
    narrow: list[str] = []
    for right in dict.fromkeys(query.rights):
        if not ctx.rights.may(entity.name, right):
            continue
        where, values = where_clause(ctx, entity, right, (), 3 + len(parameters))
        parts.append(f"EXISTS (SELECT 1 FROM {entity.table} x WHERE x.id = $2 AND {where})")
        narrow.append(right)
        parameters += values
    for child, name in query.links:
        where, values = where_clause(ctx, child, "list", (), 3 + len(parameters))
        parts.append(
            f"(SELECT count(*) FROM (SELECT 1 FROM {child.table} x"
            f" WHERE x.{name} = $2 AND {where} LIMIT {COUNTED + 1}) n)"
        )
        parameters += values
    if not parts:
        return Capabilities(frozenset(), ())
    sql = f"SELECT {', '.join(parts)} FROM (SELECT $1::uuid, $2::uuid) AS named"
    row = list(await ctx.fetchrow(sql, ctx.tenant.id, query.id, *parameters) or ())
    held = {right for right, holds in zip(narrow, row, strict=False) if holds}
    return Capabilities(frozenset(held), tuple(row[len(narrow) :]))
