"""Links in bodies: a record can only refer to those that its writer may see."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from core.database.connections import Unit
from core.errors import FieldError, Invalid
from core.model.entities import Declaration
from core.model.fields import Field
from core.records.changes.input_validation import Values
from core.records.row_filter import read_action, where_clause
from core.runtime.context import Context

LinkedIds = Mapping[str, Collection[UUID]]


def links_in(entity: Declaration, records: Collection[Values]) -> dict[str, set[UUID]]:
    """Return, per link that ``records`` set, the ids that they name."""
    found: dict[str, set[UUID]] = {}
    for field in entity.fields.values():
        if field.kind == "link" and not field.system:
            ids = {v[field.name] for v in records if v.get(field.name) is not None}
            if ids:
                found[field.name] = ids
    return found


async def unknown_ids(
    ctx: Context, unit: Unit, entity: Declaration, ids_by_link: LinkedIds
) -> dict[str, set[str]]:
    """Return, per link, the ids that the principal may not refer to; one statement."""
    if not ids_by_link:
        return {}
    parts: list[str] = []
    parameters: list[Any] = []
    for name, ids in ids_by_link.items():
        sql, values = _visible_rows(ctx, entity.fields[name], len(parameters) + 2)
        parts.append(f"ARRAY({sql})")
        parameters += [list(ids), *values]
    row = await unit.fetchrow(f"SELECT {', '.join(parts)}", ctx.tenant.id, *parameters)
    found = {}
    for (name, ids), visible in zip(ids_by_link.items(), row or (), strict=True):
        known = {str(id) for id in visible}
        if missing := {str(id) for id in ids} - known:
            found[name] = missing
    return found


def _visible_rows(ctx: Context, field: Field, first: int) -> tuple[str, list[Any]]:
    target = ctx.tenant.entities[field.target]
    where, values = where_clause(ctx, target, read_action(ctx, target), (), first + 1)
    sql = f"SELECT x.id FROM {target.table} x WHERE x.id = ANY (${first}::uuid[]) AND {where}"
    return sql, values


def link_error(entity: Declaration, name: str, prefix: str = "#") -> FieldError:
    """Return the error for a record that does not exist or may not be seen: they look the same."""
    label = entity.fields[name].label
    return FieldError(f"{prefix}/{name}", f"{label} does not exist.", "unknown_record")


async def check_links(
    ctx: Context, unit: Unit, entity: Declaration, values: Values, prefix: str = "#"
) -> None:
    """Refuse a link to a record that the sender cannot see, as if it did not exist."""
    unknown = await unknown_ids(ctx, unit, entity, links_in(entity, [values]))
    if unknown:
        raise Invalid.fields([link_error(entity, name, prefix) for name in unknown])


async def check_changed_links(
    ctx: Context, unit: Unit, entity: Declaration, id: UUID, values: Values
) -> None:
    """Refuse links to records that the sender cannot see, but for those that were there already.

    A record may be sent back as it was read, also when the person it names has left.
    """
    unknown = await unknown_ids(ctx, unit, entity, links_in(entity, [values]))
    if not unknown:
        return
    where, more = where_clause(ctx, entity, "update", (), 3)
    stored = await unit.fetchrow(
        f"SELECT {', '.join(f'x.{name}' for name in unknown)} FROM {entity.table} x"
        f" WHERE x.id = $2 AND {where} FOR UPDATE OF x",
        ctx.tenant.id,
        id,
        *more,
    )
    changed = [n for n in unknown if stored is None or str(stored[n]) != str(values[n])]
    if changed:
        raise Invalid.fields([link_error(entity, name) for name in changed])
