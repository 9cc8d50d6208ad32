"""Which rows an action may touch: tenant, trash, scope and what the plugins demand of each row."""

from collections.abc import Sequence
from typing import Any

import structlog

from core import criteria
from core.errors import Invalid, Unavailable
from core.model.entities import Declaration
from core.runtime.context import Context

log = structlog.get_logger("crm.rows")


def plugin_conditions(ctx: Context, entity: Declaration) -> tuple[criteria.Checked, ...]:
    """Return what the enabled plugins demand of every visible row (``visible_rows``)."""
    hooks = ctx.tenant.hooks
    if not hooks.implementations("visible_rows"):
        return ()
    asked = hooks.ask("visible_rows", tenant=ctx.tenant, actor=ctx.principal, entity=entity.name)
    return tuple(_trusted(ctx, entity, plugin, tree) for plugin, tree in asked)


def _trusted(ctx: Context, entity: Declaration, plugin: str, tree: Any) -> criteria.Checked:
    """Return a plugin's criteria; wrong ones are its fault and not the caller's."""
    every = ctx.tenant.rights(("admin",))
    try:
        return criteria.parse_and_check(
            tree, entity, ctx.tenant.entities, every, ctx.tenant.terms, trusted=True
        )
    except Invalid as invalid:
        log.exception("plugin_failed", plugin=plugin, hook="visible_rows", detail=invalid.detail)
        raise Unavailable(
            "A part of the server failed; try again later.", code="plugin_failed"
        ) from invalid


class FieldAccess:
    """The caller's rights as criteria ask for them.

    No filter leads over a link into an entity of which a plugin hides rows: the filter would
    tell what the rows hold.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.visible = ctx.rights.visible
        self.predicate = ctx.rights.predicate

    def may(self, entity: str, action: str) -> bool:
        """Return whether criteria may look at records of ``entity`` over a link."""
        ctx = self._ctx
        if not ctx.rights.may(entity, action):
            return False
        return not plugin_conditions(ctx, ctx.tenant.entities[entity])


def read_action(ctx: Context, entity: Declaration) -> str:
    """Return the right by which a principal sees records of ``entity``, if by any."""
    return "view" if ctx.rights.may(entity.name, "view") else "list"


def visible_predicate(ctx: Context, entity: Declaration, first: int) -> tuple[str, list[Any]]:
    """Return whether the caller may see a row ``x`` that they wrote, as SQL, and its values."""
    where, values = where_clause(ctx, entity, read_action(ctx, entity), (), first)
    return f"coalesce({where}, false)", values


def where_clause(
    ctx: Context,
    entity: Declaration,
    action: str,
    checked: Sequence[criteria.Checked],
    first: int,
    *,
    trash: bool | None = False,
    tenant: str = "$1",
) -> tuple[str, list[Any]]:
    """Return the WHERE text of the rows that ``action`` may touch, and its values from ``first``.

    Tenant, trash, scope, the plugins' conditions and the given criteria are all in it. ``trash``
    is whether rows in the trash are meant, or None for those in it and those not. ``tenant`` is
    the SQL of the tenant's id.
    """
    parts = [f"x.tenant_id = {tenant}"]
    if trash is not None:
        parts.append(f"x.deleted_at IS {'NOT ' if trash else ''}NULL")
    scope = ctx.rights.predicate(entity, action, "x")
    if scope != "true":
        parts.append(scope)
    values: list[Any] = []
    for one in (*checked, *plugin_conditions(ctx, entity)):
        parts.append(one.sql("x", first + len(values)))
        values += one.values
    return " AND ".join(parts), values
