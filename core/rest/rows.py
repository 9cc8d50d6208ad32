"""Which rows an action may touch: tenant, trash, scope and what the plugins demand of each row."""

from collections.abc import Sequence
from typing import Any

from core import criteria
from core.entities import Declaration
from core.rest.context import Context


def plugin_conditions(ctx: Context, entity: Declaration) -> tuple[criteria.Checked, ...]:
    """Return what the enabled plugins demand of every visible row (``visible_rows``)."""
    hooks = ctx.tenant.hooks
    if not hooks.implementations("visible_rows"):
        return ()
    asked = hooks.ask("visible_rows", tenant=ctx.tenant, actor=ctx.principal, entity=entity.name)
    every = ctx.tenant.rights(("admin",))
    return tuple(
        criteria.parse_and_check(
            tree, entity, ctx.tenant.entities, every, ctx.tenant.terms, trusted=True
        )
        for _, tree in asked
    )


def conditions(
    ctx: Context,
    entity: Declaration,
    action: str,
    checked: Sequence[criteria.Checked],
    first: int,
    *,
    trash: bool = False,
) -> tuple[str, list[Any]]:
    """Return the WHERE text of the rows that ``action`` may touch, and its values from ``first``.

    Tenant, trash, scope, the plugins' conditions and the given criteria are all in it.
    """
    parts = ["x.tenant_id = $1", f"x.deleted_at IS {'NOT ' if trash else ''}NULL"]
    scope = ctx.rights.predicate(entity, action, "x")
    if scope != "true":
        parts.append(scope)
    values: list[Any] = []
    for one in (*checked, *plugin_conditions(ctx, entity)):
        parts.append(one.sql("x", first + len(values)))
        values += one.values
    return " AND ".join(parts), values
