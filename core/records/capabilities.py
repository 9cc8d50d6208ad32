"""What a caller may do with one record, and how many records hang on it: one statement."""

from typing import Any
from uuid import UUID

import msgspec

from core.model.entities import Declaration
from core.records.lists.large_table_pages import COUNTED
from core.records.row_filter import conditions
from core.runtime.context import Context


class Asked(msgspec.Struct, frozen=True):
    """A record, the rights that are asked for, and the links (entity, field) that point at it."""

    entity: Declaration
    id: UUID
    rights: tuple[str, ...]
    links: tuple[tuple[Declaration, str], ...]


class Reach(msgspec.Struct, frozen=True):
    """The rights that hold for this very record, and a count per link, in order."""

    rights: frozenset[str]
    counts: tuple[int, ...]


async def read_reach(ctx: Context, asked: Asked) -> Reach:
    """Return what is held of a record; a count stops where lists stop counting."""
    entity = asked.entity
    parts: list[str] = []
    given: list[Any] = []
    narrow: list[str] = []
    for right in dict.fromkeys(asked.rights):
        if not ctx.rights.may(entity.name, right):
            continue
        where, values = conditions(ctx, entity, right, (), 3 + len(given))
        parts.append(f"EXISTS (SELECT 1 FROM {entity.table} x WHERE x.id = $2 AND {where})")
        narrow.append(right)
        given += values
    for child, name in asked.links:
        where, values = conditions(ctx, child, "list", (), 3 + len(given))
        parts.append(
            f"(SELECT count(*) FROM (SELECT 1 FROM {child.table} x"
            f" WHERE x.{name} = $2 AND {where} LIMIT {COUNTED + 1}) n)"
        )
        given += values
    if not parts:
        return Reach(frozenset(), ())
    sql = f"SELECT {', '.join(parts)} FROM (SELECT $1::uuid, $2::uuid) AS named"
    row = list(await ctx.fetchrow(sql, ctx.tenant.id, asked.id, *given) or ())
    held = {right for right, holds in zip(narrow, row, strict=False) if holds}
    return Reach(frozenset(held), tuple(row[len(narrow) :]))
