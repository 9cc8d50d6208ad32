"""An entity by its stage: the rows of each column, how many there are, and what they add up to."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import asyncpg
import msgspec

from core import criteria
from core.criteria.sql import Leaf
from core.model.conversion import from_database
from core.model.entities import Declaration
from core.model.fields import Field
from core.records.lists.list_query import Paging, Query
from core.records.lists.pages import ListPage, page_on
from core.records.row_filter import where_clause
from core.runtime.context import Context
from core.search.hits import find

# Per code of the stage: per currency (empty for plain numbers) the sum as JSON has it.
Sums = Mapping[str | None, Mapping[str, Decimal]]


def stage_of(ctx: Context, entity: Declaration) -> Field | None:
    """Return the field whose codes are the columns, if the caller may see it."""
    field = entity.fields.get(entity.stage or "")
    visible = ctx.rights.visible(entity.name)
    return field if field is not None and field.name in visible else None


def stage_criteria(field: Field, code: str | None) -> criteria.Checked:
    """Return the criteria of a column."""
    if code is None:
        return criteria.Checked(Leaf("null", field.name, "text"), [], None)
    return criteria.Checked(Leaf("=", field.name, "text"), [code], None)


async def columns_on(
    connection: asyncpg.Connection,
    ctx: Context,
    entity: Declaration,
    query: Query,
    sizes: Mapping[str | None, int],
) -> dict[str | None, ListPage]:
    """Return the first rows of each column, with its count; a statement per column."""
    stage = entity.fields[str(entity.stage)]
    found = {}
    for code, size in sizes.items():
        narrowed = (*query.filters, stage_criteria(stage, code))
        part = msgspec.structs.replace(query, paging=Paging(size), filters=narrowed)
        found[code] = await page_on(connection, ctx, entity, part, "list")
    return found


async def sums_on(
    connection: asyncpg.Connection, ctx: Context, entity: Declaration, query: Query
) -> Sums:
    """Return what each column adds up to, per currency; nothing where nothing is added up."""
    field = entity.fields.get(entity.stage_sum or "")
    if field is None or field.name not in ctx.rights.visible(entity.name):
        return {}
    filters = query.filters
    if query.phrase is not None:
        filters = (*filters, (await find(ctx, connection, entity, query.phrase)).among())
    where, values = where_clause(ctx, entity, "list", filters, 2)
    currency = f"x.{field.currency}" if field.currency else "''"
    rows = await connection.fetch(
        f"SELECT x.{entity.stage} AS stage, {currency} AS currency, sum(x.{field.name})::numeric"
        f" AS total FROM {entity.table} x WHERE {where} AND x.{field.name} IS NOT NULL"
        " GROUP BY 1, 2 ORDER BY 1, 2",
        ctx.tenant.id,
        *values,
    )
    return _by_stage(field, rows)


def _by_stage(field: Field, rows: Sequence[Any]) -> Sums:
    convert = from_database(field)
    found: dict[str | None, dict[str, Decimal]] = {}
    for row in rows:
        total = int(row["total"])
        value = convert(total, row["currency"]) if convert else total
        found.setdefault(row["stage"], {})[row["currency"]] = Decimal(value)
    return found
