"""From a list of names to a frozen registry: find, order, import, register, check."""

import importlib
import importlib.util
from collections.abc import Collection, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from core import VERSION
from core.errors import StartRefused
from core.model.entities import Declaration, Extension, snake
from core.model.standard_fields import STANDARD
from core.registry.discovery import read_manifests
from core.registry.hooks import Hooks
from core.registry.manifest import Manifest
from core.registry.registry import Plugin, Registry
from core.registry.resolution import freeze

KERNEL = Plugin(
    manifest=Manifest(
        name="core", title="Kernel", summary="Users and keys.", version=VERSION, kernel=">=0"
    ),
    package="core.auth",
    path=str(Path(__file__).parents[1] / "auth"),
)


class LoadedPlugins(msgspec.Struct, frozen=True):
    """The result of loading: what exists, and whom to call."""

    registry: Registry
    hooks: Hooks


def check_prefixes(names: Collection[str]) -> None:
    """Refuse two plugins whose tables could not be told apart: each owns what bears its name."""
    for name in names:
        for other in names:
            if other.startswith(f"{name}_"):
                raise StartRefused(f"plugin {other!r}: what begins with {name}_ is {name!r}'s")


def dependency_order(manifests: Mapping[str, Manifest]) -> list[str]:
    """Return the names so that each follows what it requires or listens to; refuses circles."""
    for name, manifest in manifests.items():
        for target in manifest.requires:
            if target not in manifests:
                raise StartRefused(f"plugin {name!r} requires {target!r}, which is not installed")
    done: list[str] = []
    trail: list[str] = []

    def visit(name: str) -> None:
        if name in done:
            return
        if name in trail:
            raise StartRefused(f"plugins require each other: {' -> '.join([*trail, name])}")
        trail.append(name)
        manifest = manifests[name]
        for target in sorted({*manifest.requires, *manifest.optional} & set(manifests)):
            visit(target)
        trail.pop()
        done.append(name)

    for name in sorted(manifests):
        visit(name)
    return done


def _module(package: str, part: str, folder: Path) -> ModuleType | None:
    if not (folder / f"{part}.py").exists() and not (folder / part).is_dir():
        return None
    return importlib.import_module(f"{package}.{part}")


def _declared(module: ModuleType | None, attribute: str) -> list[Any]:
    if module is None:
        return []
    return [
        vars(value)[attribute]
        for value in vars(module).values()
        if isinstance(value, type)
        and attribute in vars(value)
        and value.__module__.startswith(module.__name__)
    ]


class _Collected:
    """What the plugins declare, before names are resolved and the whole is frozen."""

    def __init__(self) -> None:
        self.entities: dict[str, Declaration] = {}
        self.extensions: list[tuple[str, Extension]] = []
        self.by_class: dict[Any, str] = {}

    def add_entity(self, plugin: str, declared: Declaration) -> None:
        name = f"{plugin}.{snake(declared.cls.__name__)}"
        fields = STANDARD | declared.fields
        named = {
            key: msgspec.structs.replace(field, plugin=plugin, name=key)
            for key, field in fields.items()
        }
        for other in self.entities.values():
            if other.resource == declared.resource:
                raise StartRefused(
                    f"{name}: /api/{declared.resource} is taken by {other.name}; give resource="
                )
        self.by_class[declared.cls] = name
        self.entities[name] = msgspec.structs.replace(
            declared,
            name=name,
            plugin=plugin,
            table=name.replace(".", "_"),
            fields=named,
            aggregates=_owned(plugin, declared.aggregates),
            named_filters=_owned(plugin, declared.named_filters),
        )

    def resolve(self, target: Any, where: str) -> str:
        name = target if isinstance(target, str) else self.by_class.get(target)
        if name not in self.entities:
            raise StartRefused(f"{where}: {target!r} is not an entity of an installed plugin")
        return str(name)

    def apply_extension(self, plugin: str, extension: Extension) -> None:
        where = f"{extension.cls.__module__}.{extension.cls.__qualname__}"
        host = self.entities[self.resolve(extension.host, where)]
        for name in extension.fields:
            if not name.startswith(f"{plugin}_"):
                raise StartRefused(f"{where}.{name}: the name must begin with {plugin}_")
        added = {
            key: msgspec.structs.replace(field, plugin=plugin)
            for key, field in extension.fields.items()
        }
        fields = host.fields | added
        _check_extension(where, fields, extension)
        self.entities[host.name] = msgspec.structs.replace(
            host,
            fields=fields,
            column_types=host.column_types | extension.column_types,
            indexed=host.indexed + extension.indexed,
            aggregates=host.aggregates + _owned(plugin, extension.aggregates),
            named_filters=host.named_filters + _owned(plugin, extension.named_filters),
            columns=_placed(host.columns, extension.columns),
        )

    def link_targets(self) -> None:
        for name, entity in self.entities.items():
            fields = {
                key: msgspec.structs.replace(
                    field, target=self.resolve(field.target, f"{name}.{key}")
                )
                if field.target is not None
                else field
                for key, field in entity.fields.items()
            }
            self.entities[name] = msgspec.structs.replace(entity, fields=fields)


def _owned(plugin: str, nouns: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(msgspec.structs.replace(noun, plugin=plugin) for noun in nouns)


def _placed(columns: tuple[str, ...], added: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns of a list with those of an extension; ``after+name`` says where."""
    found = list(columns)
    for text in reversed(added):
        after, _, name = text.rpartition("+")
        found.insert(found.index(after) + 1 if after in found else len(found), name)
    return tuple(found)


def _check_extension(where: str, fields: Mapping[str, Any], extension: Extension) -> None:
    names = [n.lstrip("-") for names in extension.indexed for n in names]
    names += [n for a in extension.aggregates for n in (a.field, a.by) if n]
    names += [n for f in extension.named_filters for n in f.uses]
    names += [text.rpartition("+")[2] for text in extension.columns]
    for name in names:
        if name not in fields:
            raise StartRefused(f"{where}: {name!r} is not a field of the host")


def _plugin(manifest: Manifest, package: str, folder: Path) -> Plugin:
    module = _module(package, "settings", folder)
    settings = getattr(module, "Settings", None) if module else None
    return Plugin(manifest=manifest, package=package, path=str(folder), settings=settings)


def load(names: Collection[str], packages: Mapping[str, str] | None = None) -> LoadedPlugins:
    """Return registry and hooks of the kernel and of the plugins called ``names``.

    ``packages`` names packages that lie elsewhere than in ``plugins/`` or behind an entry point.
    Whatever is wrong is refused with ``StartRefused``, which names the plugin and the file.
    """
    found = read_manifests(names, packages or {})
    check_prefixes(found)
    order = dependency_order({name: manifest for name, (manifest, _, _) in found.items()})
    plugins = {"core": KERNEL} | {name: _plugin(*found[name]) for name in order}
    hooks = Hooks({name: position for position, name in enumerate(plugins)})
    collected = _Collected()
    modules: dict[str, ModuleType | None] = {}
    for name, plugin in plugins.items():
        folder = Path(plugin.path)
        models = _module(plugin.package, "models", folder)
        for declared in _declared(models, "__entity__"):
            collected.add_entity(name, declared)
        for extension in _declared(models, "__extension__"):
            collected.extensions.append((name, extension))
        modules[name] = _module(plugin.package, "hooks", folder)
    for name, extension in collected.extensions:
        collected.apply_extension(name, extension)
    collected.link_targets()
    for name, module in modules.items():
        if module is not None:
            hooks.add(name, module)
    hooks.check()
    registry = freeze(plugins, collected.entities, collected.by_class, collected.extensions, hooks)
    return LoadedPlugins(registry, hooks)
