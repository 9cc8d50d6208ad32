"""The last step of loading: nouns that name each other are resolved, checked and frozen."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from core.errors import StartRefused
from core.model.aggregates import Through
from core.model.entities import Declaration, Extension
from core.registry.hooks import Hooks
from core.registry.registry import Action, Grant, Plugin, Registry, Role, Scope, Tab

KERNEL_ROLES = (Role("admin", "Administrator"), Role("staff", "Staff"))
KERNEL_SCOPES = (Scope("all"), Scope("author"))


def freeze(
    plugins: Mapping[str, Plugin],
    entities: Mapping[str, Declaration],
    by_class: Mapping[Any, str],
    extensions: Iterable[tuple[str, Extension]],
    hooks: Hooks,
) -> Registry:
    """Return the registry of everything declared; refuses a name that nothing answers to."""
    registry = Registry(
        plugins=plugins,
        entities=entities,
        roles=_unique("role", KERNEL_ROLES, hooks.ask("register_roles")),
        scopes=_unique("scope", KERNEL_SCOPES, hooks.ask("register_scopes")),
        grants=(),
        actions={},
        dictionaries=_unique("dictionary", (), hooks.ask("register_dictionaries")),
        controllers=tuple((n, c) for n, cs in hooks.ask("register_routes") for c in cs),
        demos=tuple((n, d) for n, ds in hooks.ask("register_demo") for d in ds),
        by_class=by_class,
        extensions=tuple(extensions),
        role_owners={r.name: n for n, rs in hooks.ask("register_roles") for r in rs},
    )
    actions = _actions(registry, hooks)
    registry = msgspec.structs.replace(registry, actions=actions)
    _check_scopes(registry)
    _check_dictionaries(registry)
    return msgspec.structs.replace(
        registry,
        grants=_grants(registry, hooks),
        tabs=_tabs(registry, hooks),
        cards=_placed(registry, hooks, "register_cards", "key"),
        screens=_placed(registry, hooks, "register_screens", "path"),
    )


def _unique(kind: str, own: tuple[Any, ...], asked: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found = {noun.name: noun for noun in own}
    for plugin, nouns in asked:
        for noun in nouns:
            if noun.name in found:
                raise StartRefused(f"plugin {plugin!r}: {kind} {noun.name!r} exists already")
            found[noun.name] = noun
    return found


def _actions(registry: Registry, hooks: Hooks) -> dict[str, tuple[Action, ...]]:
    found: dict[str, dict[str, Action]] = {}
    for plugin, actions in hooks.ask("register_actions"):
        for action in actions:
            entity = registry.entity(action.entity)
            if entity.plugin not in registry.reach(plugin):
                raise StartRefused(
                    f"plugin {plugin!r}: action {action.name!r} is on "
                    f"{entity.name}, but {entity.plugin!r} is not required"
                )
            mine = found.setdefault(entity.name, {})
            if action.name in mine:
                raise StartRefused(
                    f"plugin {plugin!r}: {entity.name} has an action {action.name!r} already"
                )
            _check_types(plugin, action)
            mine[action.name] = msgspec.structs.replace(action, entity=entity.name, plugin=plugin)
    return {name: tuple(actions.values()) for name, actions in found.items()}


def _tabs(registry: Registry, hooks: Hooks) -> dict[str, tuple[Tab, ...]]:
    found: dict[str, dict[str, Tab]] = {}
    for plugin, tabs in hooks.ask("register_tabs"):
        for tab in tabs:
            entity = registry.entity(tab.entity)
            where = f"plugin {plugin!r}: tab {tab.key!r} of {entity.name}"
            if entity.plugin not in registry.reach(plugin):
                raise StartRefused(f"{where}: {entity.plugin!r} is not required")
            if tab.right not in registry.rights(entity):
                raise StartRefused(f"{where}: no right {tab.right!r}")
            mine = found.setdefault(entity.name, {})
            if tab.key in mine:
                raise StartRefused(f"{where} exists already")
            mine[tab.key] = msgspec.structs.replace(tab, entity=entity.name, plugin=plugin)
    return {name: tuple(tabs.values()) for name, tabs in found.items()}


def _placed(registry: Registry, hooks: Hooks, hook: str, name: str) -> tuple[Any, ...]:
    """Return the cards or screens of all plugins; each has a name of its own and a real right."""
    found: dict[Any, Any] = {}
    for plugin, nouns in hooks.ask(hook):
        for noun in nouns:
            entity, own = registry.entity(noun.entity), getattr(noun, name)
            where = f"plugin {plugin!r}: {type(noun).__name__.lower()} {own!r}"
            if entity.plugin not in registry.reach(plugin):
                raise StartRefused(f"{where}: {entity.plugin!r} is not required")
            if noun.right not in registry.rights(entity):
                raise StartRefused(f"{where}: no right {noun.right!r} on {entity.name}")
            key = own if name == "path" else (plugin, own)
            if key in found:
                raise StartRefused(f"{where} exists already")
            found[key] = msgspec.structs.replace(noun, entity=entity.name, plugin=plugin)
    return tuple(found.values())


def _check_types(plugin: str, action: Action) -> None:
    """Refuse a body or an answer that msgspec cannot read; otherwise the first request finds it."""
    for option, type_ in (("values", action.values), ("returns", action.returns)):
        if type_ is None:
            continue
        try:
            msgspec.json.schema_components((type_,))
        except TypeError as error:
            raise StartRefused(
                f"plugin {plugin!r}: action {action.name!r}: {option}={type_!r}: {error}"
            ) from error


def _grants(registry: Registry, hooks: Hooks) -> tuple[Grant, ...]:
    found = []
    for plugin, grants in hooks.ask("register_grants"):
        for grant in grants:
            entity = registry.entity(grant.entity)
            where = f"plugin {plugin!r}: grant to {grant.role!r} on {entity.name}"
            if entity.plugin not in registry.reach(plugin):
                raise StartRefused(f"{where}: {entity.plugin!r} is not required")
            if grant.role not in registry.roles:
                raise StartRefused(f"{where}: no such role; known are {sorted(registry.roles)}")
            unknown = set(grant.actions) - registry.rights(entity)
            if unknown:
                raise StartRefused(
                    f"{where}: no action {sorted(unknown)}; known are "
                    f"{sorted(registry.rights(entity))}"
                )
            if grant.scope not in ("all", "author", *entity.scopes):
                raise StartRefused(f"{where}: {entity.name} declares no scope {grant.scope!r}")
            for name in grant.fields or ():
                if name not in entity.fields:
                    raise StartRefused(f"{where}: {name!r} is not a field")
            found.append(msgspec.structs.replace(grant, entity=entity.name, plugin=plugin))
    return tuple(found)


def _check_scopes(registry: Registry) -> None:
    user = registry.entities["core.user"]
    for scope in registry.scopes.values():
        if scope.attribute and scope.attribute not in user.fields:
            raise StartRefused(f"scope {scope.name!r}: a user has no field {scope.attribute!r}")
    for entity in registry.entities.values():
        for name in entity.scopes:
            if name not in registry.scopes:
                raise StartRefused(
                    f"{entity.name}: unknown scope {name!r}; known are {sorted(registry.scopes)}"
                )
        for name, path in entity.scopes.items():
            if isinstance(path, Through):
                _check_through(registry, f"{entity.name}: scope {name!r}", path)


def _check_through(registry: Registry, where: str, path: Through) -> None:
    between = registry.entities.get(path.entity)
    if between is None:
        raise StartRefused(f"{where} runs over {path.entity!r}, which is not an entity")
    for name in (path.here, path.there):
        if name not in between.fields:
            raise StartRefused(f"{where}: {path.entity} has no field {name!r}")


def _check_dictionaries(registry: Registry) -> None:
    for entity in registry.entities.values():
        for field in entity.fields.values():
            if field.dictionary and field.dictionary not in registry.dictionaries:
                raise StartRefused(
                    f"{entity.name}.{field.name}: no dictionary "
                    f"{field.dictionary!r}; known are "
                    f"{sorted(registry.dictionaries)}"
                )
