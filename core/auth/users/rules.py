"""Who may change whom: nobody grants or changes more than they hold themselves."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import msgspec

from core.access.rights import ADMIN, Principal, Rights
from core.database.connections import Unit
from core.errors import Forbidden, Invalid, Rejected
from core.registry.hookspecs import Change
from core.runtime.tenant import Tenant


class Escalation(Forbidden):
    """The change would give or touch more rights than its author holds."""

    code = "escalation"
    detail = "You cannot give or change rights that you do not hold yourself."


class RightsHolder(msgspec.Struct, frozen=True):
    """What decides a person's rights: roles, and per scope the attribute that limits it."""

    roles: tuple[str, ...]
    attributes: Mapping[str, str | None]


def attributes_of(tenant: Tenant) -> dict[str, str]:
    """Return, per scope, the user's column that holds the attribute."""
    fields = tenant.entities["core.user"].fields
    scopes = tenant.registry.scopes.values()
    return {s.name: s.attribute for s in scopes if s.attribute and s.attribute in fields}


def covers(tenant: Tenant, actor: Principal, mine: Rights, other: RightsHolder) -> bool:
    """Return whether the actor may do all that ``other`` may, on at least the same rows."""
    wanted = tenant.rights(tuple(sorted(other.roles)))
    return all(
        wanted.visible(name) <= mine.visible(name)
        and all(
            _reaches(actor, mine.scopes(name, action), wanted.scopes(name, action), other)
            and wanted.writable(name, action) <= mine.writable(name, action)
            for action in wanted.actions(name)
        )
        for name in tenant.entities
    )


def _reaches(
    actor: Principal, held: Collection[str], wanted: Collection[str], other: RightsHolder
) -> bool:
    if "all" in held:
        return True
    return all(
        scope in held
        and (scope not in other.attributes or _same(actor, scope, other.attributes[scope]))
        for scope in wanted
    )


def _same(actor: Principal, scope: str, value: str | None) -> bool:
    return value is None or actor.attributes.get(scope) == value


def check_roles(tenant: Tenant, roles: Collection[str]) -> None:
    """Refuse a role that the tenant does not have."""
    known = sorted({*tenant.roles, *tenant.config.roles})
    for role in roles:
        if role not in known:
            raise Invalid.field("#/roles", f"There is no role {role!r}.", "choice", known)


async def check_users(tenant: Tenant, actor: Principal, change: Change, unit: Unit) -> None:
    """Judge a write on users; what the kernel itself does is not judged."""
    values = change.values
    check_roles(tenant, values.get("roles") or ())
    if actor.kind == "system":
        return
    mine = tenant.rights(actor.roles, actor.key_scopes)
    columns = attributes_of(tenant)
    before = await _stored(tenant, change.ids, columns, unit)
    holders = [*before, *(_holder_after(holder, values, columns) for holder in before)]
    if change.verb == "create":
        holders = [_holder_after(RightsHolder((), {}), values, columns)]
    if not all(covers(tenant, actor, mine, holder) for holder in holders):
        raise Escalation
    if not _ends(change):
        return
    if UUID(actor.id) in {UUID(str(id)) for id in change.ids} and "roles" not in values:
        raise Rejected("You cannot end your own account.", code="own_account")
    await _require_remaining_admin(tenant, change.ids, unit)


def _holder_after(
    holder: RightsHolder, values: Mapping[str, Any], columns: Mapping[str, str]
) -> RightsHolder:
    """Return what a person would hold once ``values`` are written."""
    roles = tuple(values["roles"] or ()) if "roles" in values else holder.roles
    sent = {scope: values[column] for scope, column in columns.items() if column in values}
    texts = {scope: None if value is None else str(value) for scope, value in sent.items()}
    return RightsHolder(roles, {**holder.attributes, **texts})


async def _stored(
    tenant: Tenant, ids: Collection[Any], columns: Mapping[str, str], unit: Unit
) -> list[RightsHolder]:
    listed = "".join(f", u.{column}::text AS scope_{scope}" for scope, column in columns.items())
    rows = await unit.fetch(  # the columns are names out of the registry
        f"SELECT u.roles{listed} FROM core_user u"  # noqa: S608
        " WHERE u.tenant_id = $1 AND u.id = ANY ($2::uuid[])",
        tenant.id,
        list(ids),
    )
    return [
        RightsHolder(tuple(row["roles"]), {scope: row[f"scope_{scope}"] for scope in columns})
        for row in rows
    ]


def _ends(change: Change) -> bool:
    """Return whether the write could take an administrator away."""
    values = change.values
    return (
        change.verb in ("delete", "purge")
        or values.get("is_active") is False
        or ("roles" in values and ADMIN not in (values["roles"] or ()))
    )


async def _require_remaining_admin(tenant: Tenant, ids: Collection[Any], unit: Unit) -> None:
    """Refuse to end the last active administrator; two who end each other take turns."""
    rows = await unit.fetch(
        "SELECT u.id FROM core_user u WHERE u.tenant_id = $1 AND $2 = ANY (u.roles)"
        " AND u.is_active AND u.deleted_at IS NULL ORDER BY u.id FOR UPDATE",
        tenant.id,
        ADMIN,
    )
    admins, ending = {str(row["id"]) for row in rows}, {str(id) for id in ids}
    if admins & ending and not admins - ending:
        raise Rejected("A tenant keeps at least one active administrator.", code="last_admin")
