"""Who probes: everybody whom the declarations know, on both sides, and those who may nothing."""

from collections.abc import Iterable
from uuid import UUID

from core.registry.registry import Registry
from core.testing.probes.dataset import SIDES, Stage, Who

ANONYMOUS, KEY, STRANGER, GONE = "anonymous", "key", "stranger", "deactivated"


def names(registry: Registry) -> list[str]:
    """Return how the principals of a registry are called; a role with a scope has two sides."""
    found = [ANONYMOUS, "admin", KEY, STRANGER, GONE, "nobody"]
    for role in registry.roles:
        if role != "admin":
            found += [f"{role}_{s}" for s in SIDES] if _scopes(registry, role) else [role]
    return found


def _scopes(registry: Registry, role: str) -> set[str]:
    """Return the scopes of a role's grants that compare an attribute of the principal."""
    named = {grant.scope for grant in registry.grants if grant.role == role}
    return {name for name in named if registry.scopes[name].attribute or name == "author"}


async def person(stage: Stage, name: str) -> Who:
    """Return the principal called ``name``, signed in."""
    if name == ANONYMOUS:
        return Who(name=name, tenant="acme", headers={"host": "acme.localhost"})
    if name == KEY:
        return await _key(stage)
    if name == STRANGER:
        return await _user(stage, name, ("admin",), tenant="globex")
    if name == GONE:
        return await _gone(stage)
    if name == "nobody":
        return await _user(stage, name, ())
    role, _, side = name.rpartition("_") if name[-2:] in ("_a", "_b") else (name, "", "a")
    return await _user(stage, name, (role,), side=side)


async def _user(
    stage: Stage, name: str, roles: tuple[str, ...], *, tenant: str = "acme", side: str = "a"
) -> Who:
    columns, attributes = _attributes(stage, roles, tenant, side)
    user = await stage.world.person(*roles, tenant=tenant, **columns)
    return Who(
        name=name,
        tenant=tenant,
        side=side,
        roles=roles,
        id=user.id,
        headers=user.headers,
        attributes=attributes,
    )


def _attributes(
    stage: Stage, roles: Iterable[str], tenant: str, side: str
) -> tuple[dict[str, UUID], dict[str, UUID]]:
    """Return the user's columns and the scopes' values that put them on a side."""
    registry = stage.registry
    user = registry.entities["core.user"]
    columns: dict[str, UUID] = {}
    attributes: dict[str, UUID] = {}
    for name in {scope for role in roles for scope in _scopes(registry, role)}:
        column = registry.scopes[name].attribute
        if column is not None:
            anchor = stage.anchors[str(user.fields[column].target), tenant, side]
            columns[column] = attributes[name] = anchor.id
    return columns, attributes


async def _key(stage: Stage) -> Who:
    """A program of an administrator that may list and view one entity."""
    creator = await _user(stage, KEY, ("admin",))
    entity = [e.name for e in stage.registry.entities.values() if "list" in e.verbs][-1]
    scopes = (f"{entity}.list", f"{entity}.view")
    made = await stage.world.client.post(
        "/api/api-keys/", headers=creator.headers, json={"name": "probe", "scopes": scopes}
    )
    assert made.status_code == 201, made.text
    return Who(
        name=KEY,
        tenant=creator.tenant,
        roles=creator.roles,
        id=creator.id,
        headers={"authorization": f"Bearer {made.json()['key']}"},
        key_scopes=scopes,
    )


async def _gone(stage: Stage) -> Who:
    """An administrator who was deactivated while their token is good."""
    user = await _user(stage, GONE, ("admin",))
    await stage.world.scratch.run(f"UPDATE core_user SET is_active = false WHERE id = '{user.id}'")
    return Who(name=GONE, tenant="acme", headers=user.headers, alive=False)
