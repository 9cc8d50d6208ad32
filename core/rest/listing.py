"""The list contract: filters, sorting, pages and cursors, as one statement per request."""

from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec
from litestar import Request
from litestar.response.base import ASGIResponse

from core import criteria
from core.entities import Declaration
from core.errors import Invalid
from core.rest.addresses import page_url
from core.rest.context import Context
from core.rest.cursors import after, among, order_by, read_cursor, write_cursor
from core.rest.parameters import (
    MOST_OFFSET,
    Query,
    read_filters,
    read_paging,
    read_search,
    read_sorts,
    read_wanted,
    split,
)
from core.rest.replies import reply
from core.rest.rows import Sight, conditions
from core.rest.scans import Scan, has_order, scan_page
from core.rest.shape import Row, Shape, expanded, shape_of
from core.search.hits import find

COUNTED = 10_000
Said = dict[str, bool]
NOTHING_SAID: Said = {}


async def list_records(
    ctx: Context, request: Request[Any, Any, Any], entity: Declaration, *, trash: bool = False
) -> ASGIResponse:
    """Answer ``GET /api/<resource>/``."""
    action = "trash" if trash else "list"
    ctx.rights.require(entity.name, action)
    own, pairs = split(request)
    query = Query(
        paging=read_paging(own),
        wanted=msgspec.structs.replace(read_wanted(own), trash=trash),
        sorts=read_sorts(entity, ctx.rights.visible(entity.name), own.get("ordering")),
        filters=read_filters(ctx, entity, pairs),
        trash=trash,
        phrase=read_search(ctx, entity, own.get("search"), trash=trash),
    )
    return await answer(ctx, request, entity, query, action)


async def query_records(
    ctx: Context, request: Request[Any, Any, Any], entity: Declaration, body: dict[str, Any]
) -> ASGIResponse:
    """Answer ``POST /api/<resource>/query/``: the list, filtered by a tree of criteria."""
    ctx.rights.require(entity.name, "list")
    own, pairs = split(request)
    unknown = set(body) - {"criteria"}
    if unknown:
        raise Invalid.field(f"#/{sorted(unknown)[0]}", "Unknown key.", "unknown", ("criteria",))
    filters = list(read_filters(ctx, entity, pairs))
    if body.get("criteria") is not None:
        filters.append(
            criteria.parse_and_check(
                body["criteria"], entity, ctx.tenant.entities, Sight(ctx), ctx.tenant.terms
            )
        )
    sorts = read_sorts(entity, ctx.rights.visible(entity.name), own.get("ordering"))
    phrase = read_search(ctx, entity, own.get("search"), trash=False)
    query = Query(read_paging(own), read_wanted(own), sorts, tuple(filters), phrase=phrase)
    return await answer(ctx, request, entity, query, "list")


async def answer(
    ctx: Context, request: Request[Any, Any, Any], entity: Declaration, query: Query, action: str
) -> ASGIResponse:
    """Run a checked list query and return its page.

    A search comes first; everything else applies to its newest hits, and the reply says so when
    there are more (ruling 30).
    """
    shape = shape_of(ctx.tenant, ctx.rights, entity, query.wanted)
    filters, said = query.filters, NOTHING_SAID
    if query.phrase is not None:
        phrase = query.phrase
        hits = await ctx.read(lambda connection: find(ctx, connection, entity, phrase))
        filters, said = (*filters, hits.among()), {"count_is_capped": hits.capped}
    where, values = conditions(ctx, entity, action, filters, 2, trash=query.trash)
    if query.paging.cursor is not None:
        return await _by_cursor(ctx, request, entity, query, shape, where, values, said)
    return await _by_page(ctx, request, entity, query, shape, where, values, said)


async def _by_page(
    ctx: Context,
    request: Request[Any, Any, Any],
    entity: Declaration,
    query: Query,
    shape: Shape,
    where: str,
    values: list[Any],
    said: Said,
) -> ASGIResponse:
    paging = query.paging
    cap = "" if paging.exact else f" LIMIT {COUNTED + 1}"
    counted = f"(SELECT count(*) FROM (SELECT 1 FROM {entity.table} x WHERE {where}{cap}) n)"
    place, order = len(values) + 2, order_by(query.sorts)
    page = f"{entity.table} x WHERE {where} ORDER BY {order} LIMIT ${place} OFFSET ${place + 1}"
    page = _page(entity, query, page, order)
    sql = f"SELECT {shape.columns('x')}, {counted} AS __count FROM {page}"
    given = (ctx.tenant.id, *values)

    scan = Scan(entity, query, sql, shape.columns("x"), where, given)

    async def run(connection: asyncpg.Connection) -> tuple[list[Row], int, bool]:
        records = await scan_page(connection, ctx.platform.sizes, scan, counted)
        if records is None:
            records = await connection.fetch(sql, *given, *scan.window)
        count = records[0]["__count"] if records else 0
        if not records and paging.page > 1:
            count = await connection.fetchval(f"SELECT {counted}", *given)
        rows = await _rows(ctx, connection, entity, shape, records, ("__count",))
        if count <= COUNTED or paging.exact:
            return rows, count, False
        return rows, await _estimate(connection, entity, where, given), True

    rows, count, estimated = await ctx.read(run)
    if estimated:
        said = {**said, "count_is_estimate": True}
    more = paging.page * paging.size < count and (paging.page + 1) * paging.size <= MOST_OFFSET
    onward = page_url(request, ctx, page=paging.page + 1) if more else None
    backward = page_url(request, ctx, page=paging.page - 1) if paging.page > 1 else None
    return reply({"count": count, **said, "next": onward, "previous": backward, "results": rows})


def _page(entity: Declaration, query: Query, page: str, order: str) -> str:
    """Return the FROM text of a page's rows as ``x``, in order.

    Where no index of its own gives the order, all rows may have to be sorted: their ids are, and
    only those of the page are read whole.
    """
    if has_order(entity, query):
        return page
    return (
        f"(SELECT x.id FROM {page}) p JOIN {entity.table} x ON x.tenant_id = $1 AND x.id = p.id"
        f" ORDER BY {order}"
    )


async def _rows(
    ctx: Context,
    connection: asyncpg.Connection,
    entity: Declaration,
    shape: Shape,
    records: Sequence[asyncpg.Record],
    own: Sequence[str],
) -> list[Row]:
    """Return records as they are answered, without the list's ``own`` columns."""
    rows = [shape.row(record) for record in records]
    for row in rows:
        for name in own:
            del row[name]
    if shape.expand:
        await expanded(connection.fetch, ctx, entity, rows, shape.expand)
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
    ctx: Context,
    request: Request[Any, Any, Any],
    entity: Declaration,
    query: Query,
    shape: Shape,
    where: str,
    values: list[Any],
    said: Said,
) -> ASGIResponse:
    sorts, size, text = query.sorts, query.paging.size, query.paging.cursor
    cursor = read_cursor(text, sorts, entity, ctx.tenant.terms) if text else None
    back = cursor is not None and cursor.back
    order, found = order_by(sorts, back=back), f"{entity.table} x WHERE {where}"
    if cursor is not None:
        branches, keys = after(entity, sorts, cursor, len(values) + 2)
        values = [*values, *keys]
        found = among(entity.table, where, branches, order, f"${len(values) + 2}")
    names = [f"__s{place}" for place in range(len(sorts))]
    keys_sql = ", ".join(f"x.{s.column} AS {name}" for s, name in zip(sorts, names, strict=True))
    page = _page(entity, query, f"{found} ORDER BY {order} LIMIT ${len(values) + 2}", order)
    sql = f"SELECT {shape.columns('x')}, {keys_sql} FROM {page}"

    async def run(connection: asyncpg.Connection) -> tuple[list[Any], list[Row]]:
        records = await connection.fetch(sql, ctx.tenant.id, *values, size + 1)
        rows = await _rows(ctx, connection, entity, shape, records[:size], names)
        return records, rows

    records, rows = await ctx.read(run)
    more, shown = len(records) > size, records[:size]
    if back:
        rows, shown = rows[::-1], shown[::-1]

    def leading(record: asyncpg.Record, *, back: bool) -> str:
        return page_url(request, ctx, cursor=write_cursor(entity, sorts, record, back=back))

    onward = leading(shown[-1], back=False) if shown and (more or back) else None
    started = not shown or cursor is None or (back and not more)
    backward = None if started else leading(shown[0], back=True)
    return reply({"count": None, **said, "next": onward, "previous": backward, "results": rows})
