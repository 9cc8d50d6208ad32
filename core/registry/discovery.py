"""Where the listed plugins are and what their manifests say; nothing of them is imported."""

import importlib.util
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from pathlib import Path

from core import VERSION
from core.errors import StartRefused
from core.registry.manifest import Manifest, fits, read_manifest

ENTRY_POINTS = "crm.plugins"


def find_package(name: str, packages: Mapping[str, str]) -> str:
    """Return the package of an installed plugin: given, shipped in ``plugins/``, or an entry point.

    Only a listed plugin is ever looked up, so an installed but unlisted one is never imported.
    """
    if name in packages:
        return packages[name]
    if importlib.util.find_spec(f"plugins.{name}") is not None:
        return f"plugins.{name}"
    for point in entry_points(group=ENTRY_POINTS):
        if point.name == name:
            return point.value
    raise StartRefused(
        f"plugin {name!r} is listed as installed but is neither in plugins/ nor an "
        f"entry point of {ENTRY_POINTS!r}"
    )


def package_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise StartRefused(f"package {package!r} cannot be found")
    return Path(next(iter(spec.submodule_search_locations)))


def read_manifests(
    names: Iterable[str], packages: Mapping[str, str]
) -> dict[str, tuple[Manifest, str, Path]]:
    """Return manifest, package and folder of each listed plugin, without importing its code."""
    found: dict[str, tuple[Manifest, str, Path]] = {}
    for name in names:
        package = find_package(name, packages)
        folder = package_folder(package)
        manifest = read_manifest(folder / "plugin.toml")
        if manifest.name != name:
            raise StartRefused(f"{folder / 'plugin.toml'}: name is {manifest.name!r}, not {name!r}")
        if not fits(manifest.kernel, VERSION):
            raise StartRefused(f"plugin {name!r} needs kernel {manifest.kernel}, this is {VERSION}")
        found[name] = (manifest, package, folder)
    return found
