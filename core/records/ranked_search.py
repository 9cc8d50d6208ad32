"""One search over all entities that the caller may list.

The order: the title is the phrase, the title begins with it, the newest of the others.
"""

from typing import Any

import asyncpg
import msgspec

from core.errors import Invalid
from core.model.entities import Declaration
from core.records.projection import FieldSelection, projection_of
from core.records.row_filter import where_clause
from core.runtime.context import Context
from core.search.hits import find, searchable

EXACT, BEGINS, OTHER = range(3)


class Count(msgspec.Struct, frozen=True):
    """How many records of one entity match."""

    entity: str
    resource: str
    label: str
    count: int
    count_is_capped: bool


class Result(msgspec.Struct, frozen=True):
    """One record that matches; ``title`` is null where the caller may not see it."""

    entity: str
    resource: str
    id: str
    title: str | None
    url: str


class SearchPage(msgspec.Struct, frozen=True):
    """The best results, and how many there are. A capped count means "or more"."""

    count: int
    count_is_capped: bool
    entities: list[Count]
    results: list[Result]


class _Part(msgspec.Struct, frozen=True):
    """What one entity brings: its count, and its best results with their rank."""

    count: Count
    ranked: list[tuple[int, Result]]


async def search_entities(
    ctx: Context, entities: list[Declaration], phrase: str, size: int, address: str = ""
) -> SearchPage:
    """Return the best results of some entities, and how many each has."""

    async def run(connection: asyncpg.Connection) -> list[_Part]:
        return [await _part(ctx, connection, entity, phrase, size, address) for entity in entities]

    parts = await ctx.read(run)
    ranked = sorted(
        (one for part in parts for one in part.ranked),
        key=lambda one: (-one[0], one[1].id),
        reverse=True,
    )
    counts = [part.count for part in parts if part.count.count]
    return SearchPage(
        count=sum(count.count for count in counts),
        count_is_capped=any(count.count_is_capped for count in counts),
        entities=counts,
        results=[result for _, result in ranked[:size]],
    )


def searchable_entities(ctx: Context, name: str | None = None) -> list[Declaration]:
    """Return the entities that the caller may list and search."""
    known = {
        entity.name: entity
        for entity in ctx.tenant.entities.values()
        if ctx.rights.may(entity.name, "list") and searchable(ctx, entity)
    }
    if name is None:
        return list(known.values())
    if name not in known:
        raise Invalid.field("?entity", "There is no such entity.", "unknown", list(known))
    return [known[name]]


async def _part(
    ctx: Context,
    connection: asyncpg.Connection,
    entity: Declaration,
    phrase: str,
    size: int,
    address: str,
) -> _Part:
    """Return what one entity brings."""
    hits = await find(ctx, connection, entity, phrase)
    rows = await _rows(ctx, connection, entity, hits.among(), phrase, size) if hits.ids else []
    count = Count(
        entity=entity.name,
        resource=entity.resource,
        label=entity.plural,
        count=rows[0]["__count"] if rows else 0,
        count_is_capped=hits.capped,
    )
    ranked = []
    for row in rows:
        title = row.get(entity.title)
        result = Result(
            entity=entity.name,
            resource=entity.resource,
            id=str(row["id"]),
            title=None if title is None else str(title),
            url=f"{address}/api/{entity.resource}/{row['id']}/",
        )
        ranked.append((row["__rank"], result))
    return _Part(count, ranked)


async def _rows(
    ctx: Context,
    connection: asyncpg.Connection,
    entity: Declaration,
    among: Any,
    phrase: str,
    size: int,
) -> list[dict[str, Any]]:
    """Return the best of the hits, as far as the caller may list them and see their titles."""
    title = entity.fields[entity.title]
    title_visible = title.name in ctx.rights.visible(entity.name)
    selection = FieldSelection(fields=(title.name if title_visible else "id",))
    projection = projection_of(ctx.tenant, ctx.rights, entity, selection)
    where, values = where_clause(ctx, entity, "list", (among,), 2)
    parameter = len(values) + 2
    folded = f"crm_fold(x.{title.name}::text)" if title_visible and not title.sql else "NULL::text"
    records = await connection.fetch(
        f"SELECT {projection.columns('x')}, count(*) OVER () AS __count,"
        f" CASE WHEN {folded} = crm_fold(${parameter}) THEN {EXACT}"
        f" WHEN {folded} ^@ crm_fold(${parameter}) THEN {BEGINS} ELSE {OTHER} END AS __rank"
        f" FROM {entity.table} x WHERE {where} ORDER BY __rank, x.id DESC LIMIT ${parameter + 1}",
        ctx.tenant.id,
        *values,
        phrase,
        size,
    )
    return [projection.row(record) for record in records]
