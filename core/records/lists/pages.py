"""One page of a list: its rows, how many there are, and how to go on; REST and screens share it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from core.model.entities import Declaration
from core.records.lists.cursors import (
    after_cursor,
    order_by,
    read_cursor,
    rows_in_branches,
    write_cursor,
)
from core.records.lists.large_table_pages import COUNTED, Scan, has_order_index, scan_page
from core.records.lists.list_query import MOST_OFFSET, Query
from core.records.projection import Projection, Row, expand_links, projection_of
from core.records.row_filter import where_clause
from core.runtime.context import Context
from core.search.hits import find

CountNotes = dict[str, bool]
NO_NOTES: CountNotes = {}


class ListPage(msgspec.Struct, frozen=True):
    """A page. ``next`` and ``previous`` are what the address of its neighbours changes.

    ``count_notes`` names what is not exact: ``count_is_estimate``, ``count_is_capped``.
    """

    rows: list[Row]
    count: int | None
    count_notes: CountNotes = NO_NOTES
    next: dict[str, Any] | None = None
    previous: dict[str, Any] | None = None


class CompiledQuery(msgspec.Struct, frozen=True):
    """A query as SQL: its projection, and the condition of its rows with the values."""

    entity: Declaration
    query: Query
    projection: Projection
    where: str
    values: list[Any]


async def read_page(
    ctx: Context, entity: Declaration, query: Query, action: str = "list"
) -> ListPage:
    """Return the page that a checked query asks for, read in a transaction of its own."""
    return await ctx.read(lambda connection: page_on(connection, ctx, entity, query, action))


async def page_on(
    connection: asyncpg.Connection, ctx: Context, entity: Declaration, query: Query, action: str
) -> ListPage:
    """Return the page of a checked query.

    A search comes first; everything else applies to its newest hits, and the page says so when
    there are more (ruling 30).
    """
    projection = projection_of(ctx.tenant, ctx.rights, entity, query.selection)
    filters, notes = query.filters, NO_NOTES
    if query.phrase is not None:
        hits = await find(ctx, connection, entity, query.phrase)
        filters, notes = (*filters, hits.among()), {"count_is_capped": hits.capped}
    where, values = where_clause(ctx, entity, action, filters, 2, trash=query.trash)
    compiled = CompiledQuery(entity, query, projection, where, values)
    if query.paging.cursor is not None:
        return await _by_cursor(connection, ctx, compiled, notes)
    return await _by_page(connection, ctx, compiled, notes)


async def find_ids(ctx: Context, entity: Declaration, query: Query, most: int) -> list[UUID]:
    """Return the ids of all rows of a query, whatever its page, in the order of the ids.

    There may be one more than ``most``, which tells that there are too many.
    """

    async def run(connection: asyncpg.Connection) -> list[UUID]:
        filters = query.filters
        if query.phrase is not None:
            hits = await find(ctx, connection, entity, query.phrase)
            filters = (*filters, hits.among())
        where, values = where_clause(ctx, entity, "list", filters, 2, trash=query.trash)
        sql = f"SELECT x.id FROM {entity.table} x WHERE {where} ORDER BY x.id LIMIT {most + 1}"
        return [row["id"] for row in await connection.fetch(sql, ctx.tenant.id, *values)]

    return await ctx.read(run)


async def _by_page(
    connection: asyncpg.Connection, ctx: Context, compiled: CompiledQuery, notes: CountNotes
) -> ListPage:
    entity, query, where, values = compiled.entity, compiled.query, compiled.where, compiled.values
    paging, columns = query.paging, compiled.projection.columns("x")
    place, order = len(values) + 2, order_by(query.sorts)
    page = f"{entity.table} x WHERE {where} ORDER BY {order} LIMIT ${place} OFFSET ${place + 1}"
    page = _page(entity, query, page, order)
    given = (ctx.tenant.id, *values)
    scan = Scan(entity, query, columns, where, given)
    sql = f"SELECT {columns}, {scan.counted} AS __count FROM {page}"
    records = await scan_page(connection, ctx.platform.sizes, scan)
    if records is None:
        records = await connection.fetch(sql, *given, *scan.window)
    count = records[0]["__count"] if records else 0
    if not records and paging.page > 1:
        count = await connection.fetchval(f"SELECT {scan.counted}", *given)
    rows = await _rows(ctx, connection, compiled, records, ("__count",))
    if count > COUNTED and not paging.exact:
        count = await _estimate(connection, entity, where, given)
        notes = {**notes, "count_is_estimate": True}
    more = paging.page * paging.size < count and (paging.page + 1) * paging.size <= MOST_OFFSET
    return ListPage(
        rows,
        count,
        notes,
        next={"page": paging.page + 1} if more else None,
        previous={"page": paging.page - 1} if paging.page > 1 else None,
    )


def _page(entity: Declaration, query: Query, page: str, order: str) -> str:
    """Return the FROM text of a page's rows as ``x``, in order.

    Where no index of its own gives the order, all rows may have to be sorted: their ids are, and
    only those of the page are read whole.
    """
    if has_order_index(entity, query):
        return page
    return (
        f"(SELECT x.id FROM {page}) p JOIN {entity.table} x ON x.tenant_id = $1 AND x.id = p.id"
        f" ORDER BY {order}"
    )


async def _rows(
    ctx: Context,
    connection: asyncpg.Connection,
    compiled: CompiledQuery,
    records: Sequence[asyncpg.Record],
    own: Sequence[str],
) -> list[Row]:
    """Return records as they are answered, without the list's ``own`` columns."""
    rows = [compiled.projection.row(record) for record in records]
    for row in rows:
        for name in own:
            del row[name]
    if compiled.projection.expand:
        await expand_links(connection.fetch, ctx, compiled.entity, rows, compiled.projection.expand)
    return rows


async def _estimate(
    connection: asyncpg.Connection, entity: Declaration, where: str, given: Sequence[Any]
) -> int:
    """Return the planner's guess of a count that is larger than what is counted exactly."""
    plan = await connection.fetchval(
        f"EXPLAIN (FORMAT JSON) SELECT 1 FROM {entity.table} x WHERE {where}", *given
    )
    rows = plan[0]["Plan"]["Plan Rows"]
    return max(int(rows), COUNTED + 1)


async def _by_cursor(
    connection: asyncpg.Connection, ctx: Context, compiled: CompiledQuery, notes: CountNotes
) -> ListPage:
    entity, query, where, values = compiled.entity, compiled.query, compiled.where, compiled.values
    sorts, size, text = query.sorts, query.paging.size, query.paging.cursor
    cursor = read_cursor(text, sorts, entity, ctx.tenant.terms) if text else None
    back = cursor is not None and cursor.back
    order, found = order_by(sorts, back=back), f"{entity.table} x WHERE {where}"
    if cursor is not None:
        branches, keys = after_cursor(entity, sorts, cursor, len(values) + 2)
        values = [*values, *keys]
        found = rows_in_branches(entity.table, where, branches, order, f"${len(values) + 2}")
    names = [f"__s{place}" for place in range(len(sorts))]
    keys_sql = ", ".join(f"x.{s.column} AS {name}" for s, name in zip(sorts, names, strict=True))
    page = _page(entity, query, f"{found} ORDER BY {order} LIMIT ${len(values) + 2}", order)
    sql = f"SELECT {compiled.projection.columns('x')}, {keys_sql} FROM {page}"
    records = await connection.fetch(sql, ctx.tenant.id, *values, size + 1)
    rows = await _rows(ctx, connection, compiled, records[:size], names)
    more, shown = len(records) > size, records[:size]
    if back:
        rows, shown = rows[::-1], shown[::-1]

    def leading(record: asyncpg.Record, *, back: bool) -> dict[str, Any]:
        return {"cursor": write_cursor(entity, sorts, record, back=back)}

    started = not shown or cursor is None or (back and not more)
    return ListPage(
        rows,
        None,
        notes,
        next=leading(shown[-1], back=False) if shown and (more or back) else None,
        previous=None if started else leading(shown[0], back=True),
    )
