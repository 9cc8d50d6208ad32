"""Records of any entity as the caller may see them, for what answers with more than one entity."""

from typing import Any

import asyncpg

from core import criteria
from core.records.lists.cursors import order_by
from core.records.lists.list_query import read_sorts
from core.records.projection import FieldSelection, Row, projection_of
from core.records.row_filter import where_clause
from core.runtime.context import Context

MOST = 200


async def visible_records(
    ctx: Context,
    connection: asyncpg.Connection,
    name: str,
    where: dict[str, Any],
    *,
    limit: int = MOST,
    ordering: str | None = None,
    detail: bool = False,
) -> list[Row] | None:
    """Return the records of entity ``name`` that meet ``where``, as the caller may see them.

    None where they may not list the entity, or where its plugin is off: show no such part then.
    ``where`` is written in code, so it may use fields that are hidden from the caller.
    """
    entity = ctx.tenant.entities.get(name)
    right = "view" if detail else "list"
    if entity is None or not ctx.rights.may(name, right):
        return None
    every = ctx.tenant.rights(("admin",))
    checked = criteria.parse_and_check(
        where, entity, ctx.tenant.entities, every, ctx.tenant.terms, trusted=True
    )
    projection = projection_of(ctx.tenant, ctx.rights, entity, FieldSelection(detail=detail))
    sorts = read_sorts(entity, ctx.rights.visible(name), ordering)
    seen, values = where_clause(ctx, entity, right, (checked,), 2)
    records = await connection.fetch(
        f"SELECT {projection.columns('x')} FROM {entity.table} x WHERE {seen}"
        f" ORDER BY {order_by(sorts)} LIMIT ${len(values) + 2}",
        ctx.tenant.id,
        *values,
        limit,
    )
    return [projection.row(record) for record in records]
