"""Registries that are wrong in one declaration each: the probes must notice every one of them."""

from collections.abc import Iterator
from typing import Any

import msgspec

from core.model.entities import Declaration
from core.registry.registry import Grant, Registry
from core.server.app import build
from core.testing.world import World

Mutant = tuple[str, Registry, str]


async def serve(world: World, registry: Registry) -> World:
    """Return the application of the same database and tenants with another registry."""
    platform = world.platform
    platform.loaded = msgspec.structs.replace(platform.loaded, registry=registry)
    platform.registry = registry
    await platform.start()
    await world.client.aclose()
    return World(platform, build(platform), world.scratch, world.file)


def _with_field(registry: Registry, entity: Declaration, name: str, **changed: Any) -> Registry:
    field = msgspec.structs.replace(entity.fields[name], **changed)
    fields = {**entity.fields, name: field}
    whole = msgspec.structs.replace(entity, fields=fields)
    return msgspec.structs.replace(registry, entities={**registry.entities, entity.name: whole})


def widened_scopes(registry: Registry) -> Iterator[Mutant]:
    """Yield a registry per scoped grant that holds for all rows instead."""
    for place, grant in enumerate(registry.grants):
        if grant.scope != "all":
            grants = list(registry.grants)
            grants[place] = msgspec.structs.replace(grant, scope="all")
            name = f"{grant.role} {'+'.join(grant.actions)} {grant.entity} for all"
            yield name, msgspec.structs.replace(registry, grants=tuple(grants)), grant.entity


def added_rights(registry: Registry) -> Iterator[Mutant]:
    """Yield a registry per role, entity and verb that was not granted."""
    held = {(g.role, g.entity, a) for g in registry.grants for a in g.actions}
    for role in registry.roles:
        for entity in registry.entities.values():
            for verb in entity.verbs:
                if role != "admin" and (role, entity.name, verb) not in held:
                    grant = Grant(role=role, entity=entity.name, actions=(verb,), scope="all")
                    mutated = msgspec.structs.replace(registry, grants=(*registry.grants, grant))
                    yield f"{role} {verb} {entity.name}", mutated, entity.name


def dropped_field_rules(registry: Registry) -> Iterator[Mutant]:
    """Yield a registry per field rule that is gone: who sees it, who may write it."""
    for entity in registry.entities.values():
        for field in entity.fields.values():
            where = f"{entity.name}.{field.name}"
            if field.audience != "all":
                mutated = _with_field(registry, entity, field.name, audience="all")
                yield f"{where} shown to all", mutated, entity.name
            if field.system or field.sql or field.name == "id":
                continue
            if field.readonly:
                mutated = _with_field(registry, entity, field.name, readonly=False)
                yield f"{where} not readonly", mutated, entity.name
            if field.readonly_for:
                mutated = _with_field(registry, entity, field.name, readonly_for=())
                yield f"{where} writable for {field.readonly_for}", mutated, entity.name


def everything_allowed(registry: Registry) -> Registry:
    """Return a registry in which every role may do everything and no field has a rule."""
    entities = {
        name: msgspec.structs.replace(
            entity,
            fields={
                key: msgspec.structs.replace(
                    f, audience="all", readonly=bool(f.sql or f.system), readonly_for=()
                )
                for key, f in entity.fields.items()
            },
        )
        for name, entity in registry.entities.items()
    }
    grants = tuple(
        Grant(role=role, entity=name, actions=_all(registry, entity), scope="all")
        for role in registry.roles
        for name, entity in entities.items()
    )
    return msgspec.structs.replace(registry, entities=entities, grants=grants)


def _all(registry: Registry, entity: Declaration) -> tuple[str, ...]:
    own = (action.right for action in registry.actions.get(entity.name, ()))
    return (*entity.verbs, *entity.actions, *own)
