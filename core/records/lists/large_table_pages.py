"""Pages of large tables whose filter and order no index serves together.

The planner takes the rows that pass a filter to lie evenly in the requested order, and walks the
order's index until a page is full. Where they lie at its far end, or do not exist, that is a
random read of the whole table, and counting them is another. Here the walk is short: either it
fills the page, or all that passes is gathered once, in parallel, to be sorted and counted; if that
is too much, the table is read as it lies, and only what is no worse than the best of a sample is
sorted.
"""

import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import asyncpg
import msgspec

from core.criteria.sql import Shape, is_plain, leaves, parts_of, render
from core.model.entities import Declaration
from core.records.lists.cursors import order_by
from core.records.lists.list_query import Query

# What a list counts exactly.
COUNTED = 10_000
# Tables with fewer rows are read whole in milliseconds.
LARGE = 100_000
# Comparisons of a column that tell where in its index the rows stand.
BOUNDING = ("=", "<", "<=", ">", ">=", "in", "between", "during", "null", "key_starts_with")
# So many rows of an order are looked at, which takes a few milliseconds.
WALKED = 5_000
# What the planner prices lower is done as soon as the walk would be.
CHEAP = 1_000
# More rows than this are not gathered: sorting while reading holds a page of them only.
GATHERED = 50_000
# How many rows tell how many pass a filter of which the planner knows nothing, and which page end
# is the worst.
SAMPLED = 2_000
# Where this share of them passes, twice as many rows as are counted hold as many that pass.
NEARLY_ALL = 0.7
SIZE_SECONDS = 60
SIZE = "SELECT reltuples::int8 FROM pg_class WHERE oid = $1::text::regclass"

# By table, when it was read, and how many rows the catalogue says it has.
Sizes = dict[str, tuple[float, int]]


class Scan(msgspec.Struct, frozen=True):
    """A list's page to come: its SELECT list, its condition and values."""

    entity: Declaration
    query: Query
    columns: str
    where: str
    values: tuple[Any, ...]

    @property
    def order(self) -> str:
        """The ORDER BY text."""
        return order_by(self.query.sorts)

    @property
    def counted(self) -> str:
        """The SQL of how many rows there are, to one more than is counted for a page."""
        cap = "" if self.query.paging.exact else f" LIMIT {COUNTED + 1}"
        found = f"SELECT 1 FROM {self.entity.table} x WHERE {self.where}{cap}"
        return f"(SELECT count(*) FROM ({found}) n)"

    @property
    def window(self) -> tuple[int, int]:
        """How many rows the page has, and how many stand before it."""
        paging = self.query.paging
        return paging.size, (paging.page - 1) * paging.size


async def scan_page(
    connection: asyncpg.Connection, sizes: Sizes, scan: Scan
) -> list[asyncpg.Record] | None:
    """Return the page's rows with ``__count``; None where the usual statement is the right one."""
    entity, query = scan.entity, scan.query
    straight, turned = has_order_index(entity, query), _has_reversed_index(entity, query)
    if query.trash or is_served_by_index(entity, query) or (straight and not query.filters):
        return None
    size = await _size(connection, sizes, entity.table)
    if size < LARGE:
        return None
    cost, rows = await _estimate(connection, scan)
    share = None
    if any(_is_unestimated(f.shape) for f in query.filters):
        share = await _share(connection, scan)
        rows = size * share
    if (straight or turned) and cost > CHEAP and rows:
        found = await _walk_index(connection, scan, turned=turned)
        if found is not None:
            return found
    if rows <= GATHERED:
        return await _gather(connection, scan)
    return await _read_table(connection, scan, share)


async def _size(connection: asyncpg.Connection, sizes: Sizes, table: str) -> int:
    kept = sizes.get(table)
    if kept is None or time.monotonic() - kept[0] > SIZE_SECONDS:
        rows = await connection.fetchval(SIZE, table)
        kept = sizes[table] = (time.monotonic(), rows)
    return kept[1]


async def _estimate(connection: asyncpg.Connection, scan: Scan) -> tuple[float, float]:
    """Return what the planner thinks that all rows cost, and how many there are."""
    sql = f"EXPLAIN (FORMAT JSON) SELECT 1 FROM {scan.entity.table} x WHERE {scan.where}"
    plan = (await connection.fetchval(sql, *scan.values))[0]["Plan"]
    return plan["Total Cost"], plan["Plan Rows"]


async def _share(connection: asyncpg.Connection, scan: Scan) -> float:
    """Return what share of the newest rows passes."""
    sql = f"SELECT count(*) FROM ({_edge_rows(scan, SAMPLED)}) x WHERE {scan.where}"
    passing: int = await connection.fetchval(sql, *scan.values)
    return passing / SAMPLED


def _edge_rows(scan: Scan, rows: int, *, oldest: bool = False) -> str:
    """Return the SQL of the newest or oldest rows."""
    return (
        f"SELECT x.* FROM {scan.entity.table} x WHERE x.tenant_id = $1 AND x.deleted_at IS NULL"
        f" ORDER BY x.id{'' if oldest else ' DESC'} LIMIT {rows}"
    )


async def _walk_index(
    connection: asyncpg.Connection, scan: Scan, *, turned: bool
) -> list[asyncpg.Record] | None:
    """Return the page if the first rows in its order fill it.

    ``turned``: the order's index is walked from its other end, where nulls stand first; they are
    left out, since they come last in every page.
    """
    size, offset = scan.window
    place = len(scan.values) + 1
    order, within = scan.order, dict(_index_bounds(scan))
    if turned:
        order = order.replace(" NULLS LAST", " NULLS FIRST", 1)
        within.setdefault("null", f"x.{scan.query.sorts[0].column} IS NOT NULL")
    first = (
        f"SELECT x.* FROM {scan.entity.table} x WHERE x.tenant_id = $1 AND x.deleted_at IS NULL"
        f"{''.join(f' AND {part}' for part in within.values())} ORDER BY {order} LIMIT {WALKED}"
    )
    sql = (
        f"SELECT {scan.columns}, CASE WHEN count(*) OVER () = ${place} THEN {scan.counted} END"
        f" AS __count"
        f" FROM (SELECT x.* FROM ({first}) x WHERE {scan.where} ORDER BY {scan.order}"
        f" LIMIT ${place} OFFSET ${place + 1}) x ORDER BY {scan.order}"
    )
    rows: list[asyncpg.Record] = await connection.fetch(sql, *scan.values, size, offset)
    return rows if len(rows) == size else None


def _index_bounds(scan: Scan) -> Iterator[tuple[str, str]]:
    """Yield the filters on the order's own column by their form: its index begins where they do.

    Their values stand in ``values``, where all filters' follow the tenant.
    """
    numbers, column = count(2), scan.query.sorts[0].column
    for checked in scan.query.filters:
        for part in parts_of(checked.shape):
            sql = render(part, "x", numbers)
            if is_plain(part) and part.column == column and part.form in BOUNDING:
                yield part.form, sql


async def _gather(connection: asyncpg.Connection, scan: Scan) -> list[asyncpg.Record]:
    """Return the page after one pass over the table, with the exact count."""
    size, offset = scan.window
    place = len(scan.values) + 1
    columns = ", ".join(dict.fromkeys(("x.id", *(f"x.{s.column}" for s in scan.query.sorts))))
    sql = (
        f"WITH found AS MATERIALIZED ("
        f"SELECT {columns} FROM {scan.entity.table} x WHERE {scan.where}), page AS MATERIALIZED ("
        f"SELECT x.id, (SELECT count(*) FROM found) AS __count FROM found x"
        f" ORDER BY {scan.order} LIMIT ${place} OFFSET ${place + 1})"
        f" SELECT {scan.columns}, p.__count FROM page p JOIN {scan.entity.table} x"
        f" ON x.tenant_id = $1 AND x.id = p.id ORDER BY {scan.order}"
    )
    rows: list[asyncpg.Record] = await connection.fetch(sql, *scan.values, size, offset)
    return rows


async def _read_table(
    connection: asyncpg.Connection, scan: Scan, share: float | None
) -> list[asyncpg.Record]:
    """Return the page by reading the table as it lies, whatever index gives the order."""
    bound, values = await _bound(connection, scan)
    place = len(scan.values) + len(values) + 1
    sql = (
        f"SELECT x.id FROM {scan.entity.table} x WHERE {scan.where}{bound}"
        f" ORDER BY {scan.order} LIMIT ${place} OFFSET ${place + 1}"
    )
    await connection.execute("SET LOCAL enable_indexscan = off")
    ids = await connection.fetch(sql, *scan.values, *values, *scan.window)
    await connection.execute("SET LOCAL enable_indexscan = on")
    sql = (
        f"SELECT {scan.columns}, {await _count(connection, scan, share)} AS __count"
        f" FROM {scan.entity.table} x"
        f" WHERE x.tenant_id = $1 AND x.id = ANY (${len(scan.values) + 1}) ORDER BY {scan.order}"
    )
    rows: list[asyncpg.Record] = await connection.fetch(
        sql, *scan.values, [found["id"] for found in ids]
    )
    return rows


async def _count(connection: asyncpg.Connection, scan: Scan, share: float | None) -> str:
    """Return the SQL of the count: of the newest rows where those alone exceed what is counted.

    What passes may lie at the table's end, to which the usual count would read by one processor.
    ``share`` is what share of them passes, if it is known.
    """
    if scan.query.paging.exact:
        return scan.counted
    if share is None:
        share = await _share(connection, scan)
    if share < NEARLY_ALL:
        return scan.counted
    newest = (
        f"SELECT 1 FROM ({_edge_rows(scan, 2 * COUNTED)}) x WHERE {scan.where} LIMIT {COUNTED + 1}"
    )
    place = f"(SELECT count(*) FROM ({newest}) n)"
    return f"CASE WHEN {place} > {COUNTED} THEN {COUNTED + 1} ELSE {scan.counted} END"


async def _bound(connection: asyncpg.Connection, scan: Scan) -> tuple[str, tuple[Any, ...]]:
    """Return a condition that every row of the page fulfils, and its values.

    The page of a sample ends somewhere; that of all rows ends there or before. The sample is the
    newest or oldest rows: of equal ones those come first.
    """
    sorts, (size, offset) = scan.query.sorts, scan.window
    if len({sort.down for sort in sorts}) > 1 or any(sort.nullable for sort in sorts[1:]):
        return "", ()
    keys = ", ".join(f"x.{sort.column}" for sort in sorts)
    sample = _edge_rows(scan, SAMPLED, oldest=not sorts[-1].down)
    last = await connection.fetchrow(
        f"SELECT {keys} FROM ({sample}) x WHERE {scan.where}"
        f" ORDER BY {scan.order} LIMIT 1 OFFSET {offset + size - 1}",
        *scan.values,
    )
    if last is None or last[0] is None:
        return "", ()
    marks = ", ".join(f"${len(scan.values) + 1 + n}" for n in range(len(sorts)))
    return f" AND ({keys}) {'>=' if sorts[0].down else '<='} ({marks})", tuple(last)


def is_served_by_index(entity: Declaration, query: Query) -> bool:
    """Return whether a declared index serves the first order within a filter's equal values."""
    parts = (part for f in query.filters for part in parts_of(f.shape))
    equal = {part.column for part in parts if is_plain(part) and part.form == "="}
    return any(
        len(pair) > 1 and _ends_in(pair, query) and equal.issuperset(_leading(entity, pair))
        for pair in entity.indexed
    )


def _leading(entity: Declaration, pair: tuple[str, ...]) -> Iterator[str]:
    for name in pair[:-1]:
        found = entity.field(name.lstrip("-"))
        yield found.name if found else name


def has_order_index(entity: Declaration, query: Query) -> bool:
    """Return whether an index of its own gives the first order."""
    return any(len(pair) == 1 and _ends_in(pair, query) for pair in entity.indexed)


def _has_reversed_index(entity: Declaration, query: Query) -> bool:
    """Return whether an index of its own gives the first order but for its nulls."""
    own = any(
        pair[-1].lstrip("-") == query.sorts[0].field for pair in entity.indexed if len(pair) == 1
    )
    return own and not has_order_index(entity, query)


def _ends_in(pair: tuple[str, ...], query: Query) -> bool:
    first = query.sorts[0]
    if first.nullable:  # nulls stand last both ways, so its index serves one
        return pair[-1] == (f"-{first.field}" if first.down else first.field)
    return pair[-1].lstrip("-") == first.field


def _is_unestimated(shape: Shape) -> bool:
    """Return whether the planner knows nothing of how many rows pass."""
    return any("contains" in leaf.form for leaf in leaves(shape))
