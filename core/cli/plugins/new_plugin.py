"""``crm plugin new``: a plugin is written whole, or not at all."""

import importlib
import shutil
import sys
from pathlib import Path

import msgspec

from core.cli.plugins.installed import available, plugins_folder
from core.cli.plugins.plugin_check import load_one, write_migration
from core.cli.plugins.plugin_names import check_entity, check_name, check_package
from core.cli.plugins.scaffold import words_of, write_plugin, write_project
from core.errors import StartRefused
from core.registry.loader import load
from core.server.app import check_paths


class Made(msgspec.Struct, frozen=True):
    """Where a new plugin lies, and what its author does next."""

    folder: Path
    steps: tuple[str, ...]


def new_plugin(name: str, into: Path | None = None) -> Made:
    """Write a plugin into ``plugins/``, or as a project of its own into the folder ``into``."""
    check_name(name, available())
    check_entity(name, words_of(name)["cls"])
    _refuse_used_resource(name)
    if into is None:
        folder = plugins_folder() / name
        _refuse_existing(folder)
        _complete(folder, folder, name, None)
        return Made(folder, (_listing(name), *_switching(name), f"pytest {folder}"))
    package = f"trellis_{name}"
    check_package(package)
    project = into / package.replace("_", "-")
    _refuse_existing(project)
    write_project(project, name, package)
    sys.path.insert(0, str(project.absolute()))
    _complete(project, project / package, name, package)
    install = f"pip install -e {project}"
    tests = f"pytest (in {project})"
    return Made(project, (install, tests, _listing(name), *_switching(name)))


def _listing(name: str) -> str:
    return f'list "{name}" under [plugins] installed in crm.toml'


def _switching(name: str) -> tuple[str, ...]:
    return (f"crm db migrate && crm plugin enable {name} --tenant <slug>",)


def _refuse_existing(folder: Path) -> None:
    if folder.exists():
        raise StartRefused(f"{folder} exists already.")


def _complete(whole: Path, folder: Path, name: str, package: str | None) -> None:
    """Write the files and the migration; takes everything away again if it would not start."""
    packages = {} if package is None else {name: package}
    try:
        write_plugin(folder, name, package)
        importlib.invalidate_caches()
        check_paths(load_one(name, packages)[0])  # what is the kernel's
        write_migration(name, "First tables", packages)
    except BaseException:
        shutil.rmtree(whole)
        raise


def _refuse_used_resource(name: str) -> None:
    """Refuse a name whose address belongs to another plugin that could be installed."""
    resource = words_of(name)["resource"]
    try:
        known = load(available()).registry.entities.values()
    except StartRefused:
        return  # what was broken before is not the new one's fault
    for entity in known:
        if entity.resource == resource:
            raise StartRefused(f"/api/{resource}/ belongs to {entity.name}; choose another name.")
