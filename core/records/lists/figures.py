"""Declared figures of an entity: one statement for those of all enabled plugins (ruling 26)."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from core import criteria
from core.model.aggregates import Aggregate
from core.model.entities import Declaration
from core.records.row_filter import plugin_conditions, where_clause
from core.runtime.context import Context
from core.schema.sql.scopes import TENANT

FRESH_SECONDS = 5.0
MOST_CACHED = 2000
# Word for word what the policy asks: the value alone would be compared to it above the scan, which
# hands each of a million rows on a second time. Criteria over links do name the value.
_TENANT = f"{TENANT} AND $1::uuid IS NOT NULL"
Fetch = Callable[..., Awaitable[Any]]


def visible_figures(ctx: Context, entity: Declaration) -> list[Aggregate]:
    """Return the figures whose fields the principal may see."""
    visible = ctx.rights.visible(entity.name)
    return [
        a for a in entity.aggregates if all(n in visible for n in (a.field, a.by) if n is not None)
    ]


def codes(ctx: Context, entity: Declaration, name: str) -> list[str]:
    """Return the codes by which a figure is split."""
    field = entity.fields[name]
    if field.dictionary:
        return [choice.code for choice in ctx.tenant.dictionary(field.dictionary)]
    return [code for code, _ in field.choices]


def _key(ctx: Context, entity: Declaration) -> tuple[Any, ...]:
    """Return under what figures are kept: tenant's snapshot, scope, fields and perhaps person."""
    who = tuple(sorted(ctx.principal.attributes.items()))
    scoped = ctx.rights.predicate(entity, "list", "x") != "true"
    # What a plugin demands of the rows may differ from person to person.
    personal = scoped or bool(plugin_conditions(ctx, entity))
    person = ctx.principal.id if personal else None
    return ("stats", entity.name, ctx.rights, who if scoped else (), person)


def cached_figures(ctx: Context, entity: Declaration) -> dict[str, Any] | None:
    """Return figures of the last seconds that the caller may have, or None."""
    kept = ctx.tenant.shapes.get(_key(ctx, entity))
    written = ctx.tenant.writes.get(ctx.principal.id, 0.0)
    if kept is None or kept[0] <= max(time.monotonic() - FRESH_SECONDS, written):
        return None
    found: dict[str, Any] = kept[1]
    return found


async def recent_figures(ctx: Context, entity: Declaration, fetch: Fetch) -> dict[str, Any]:
    """Return the figures over all that the caller may list; at most 5 s old."""
    kept = cached_figures(ctx, entity)
    if kept is not None:
        return kept
    began = time.monotonic()
    found = await figures(ctx, entity, (), fetch)
    if len(ctx.tenant.shapes) > MOST_CACHED:
        ctx.tenant.shapes.clear()
    ctx.tenant.shapes[_key(ctx, entity)] = (began, found)
    return found


async def figures(
    ctx: Context, entity: Declaration, filters: tuple[criteria.Checked, ...], fetch: Fetch
) -> dict[str, Any]:
    """Compute the figures in one statement.

    Its rows are the groups by which figures are split; counts and sums of groups add up.
    """
    figures = visible_figures(ctx, entity)
    if not figures:
        return {}
    where, values = where_clause(ctx, entity, "list", filters, 2, tenant=_TENANT)
    columns: list[str] = []
    for place, figure in enumerate(figures):
        condition, more = _condition(ctx, entity, figure, len(values) + 2)
        values += more
        sql = _expression(figure)
        sql = f"{sql} FILTER (WHERE {condition})" if condition else sql
        columns.append(f"coalesce({sql}, 0)::int8 AS f{place}")
    split = list(dict.fromkeys(figure.by for figure in figures if figure.by))
    groups = ", ".join(f"x.{name}" for name in split)
    rows = await fetch(
        f"SELECT {', '.join([*columns, *(f'x.{name}' for name in split)])}"
        f" FROM {entity.table} x WHERE {where}" + (f" GROUP BY {groups}" if groups else ""),
        ctx.tenant.id,
        *values,
    )
    found: dict[str, Any] = {}
    for place, figure in enumerate(figures):
        parts = [(row[figure.by] if figure.by else None, row[f"f{place}"]) for row in rows]
        if figure.by is None:
            found[figure.key] = sum(value for _, value in parts)
            continue
        counts = found[figure.key] = dict.fromkeys(codes(ctx, entity, figure.by), 0)
        for code, value in parts:
            if code in counts:
                counts[code] += value
    return found


def _expression(figure: Aggregate) -> str:
    return "count(*)" if figure.function == "count" else f"sum(x.{figure.field})"


def _condition(
    ctx: Context, entity: Declaration, figure: Aggregate, first: int
) -> tuple[str, list[Any]]:
    if figure.where is None:
        return "", []
    every = ctx.tenant.rights(("admin",))
    checked = criteria.parse_and_check(
        figure.where, entity, ctx.tenant.entities, every, ctx.tenant.terms, trusted=True
    )
    return checked.sql("x", first), list(checked.values)
