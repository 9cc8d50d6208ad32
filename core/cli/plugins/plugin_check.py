"""What ``crm plugin check`` and ``crm plugin migration`` need: one plugin, loaded and compared."""

from pathlib import Path

import msgspec
from alembic.script import ScriptDirectory

from core.cli.plugins.scaffold_texts import HEADINGS
from core.errors import StartRefused
from core.registry.discovery import read_manifests
from core.registry.import_rules import violations
from core.registry.loader import load
from core.registry.registry import Plugin, Registry
from core.schema.autogenerate import differences, draft
from core.schema.chain_config import alembic_config


class Drafted(msgspec.Struct, frozen=True):
    """A migration that was written, and why."""

    path: Path
    says: tuple[str, ...]


def closure(name: str, packages: dict[str, str] | None = None) -> list[str]:
    """Return the plugin and everything it requires."""
    names: list[str] = []
    todo = [name]
    while todo:
        one = todo.pop()
        if one not in names:
            names.append(one)
            todo.extend(read_manifests([one], packages or {})[one][0].requires)
    return names


def load_one(name: str, packages: dict[str, str] | None = None) -> tuple[Registry, Plugin]:
    """Load a plugin with what it requires and nothing else."""
    registry = load(closure(name, packages), packages).registry
    return registry, registry.plugins[name]


def problems(name: str, packages: dict[str, str] | None = None) -> list[str]:
    """Return one sentence for each thing that is wrong with a plugin."""
    folder = read_manifests([name], packages or {})[name][2]
    requires = closure(name, packages)[1:]
    found = violations(folder, name, requires)
    try:
        registry, plugin = load_one(name, packages)
    except StartRefused as refused:
        return [*found, str(refused)]
    except Exception as error:  # noqa: BLE001 - whatever the plugin's own code raises
        return [*found, f"{folder}: importing it failed: {type(error).__name__}: {error}"]
    found += _page(folder)
    try:
        found += [f"{folder / 'migrations'}: {s.says}" for s in differences(registry, plugin)]
    except StartRefused as refused:
        found.append(str(refused))
    return found


def _page(folder: Path) -> list[str]:
    page = folder / "README.md"
    if not page.exists():
        return [f"{page}: a plugin has a page"]
    lines = page.read_text("utf-8").splitlines()
    absent = [h for h in HEADINGS if f"## {h}" not in lines]
    return [f"{page}: heading missing: {heading}" for heading in absent]


def write_migration(name: str, says: str, packages: dict[str, str] | None = None) -> Drafted | None:
    """Write the next revision of a plugin; None when chain and declarations agree."""
    registry, plugin = load_one(name, packages)
    steps = differences(registry, plugin)
    if not steps:
        return None
    folder = Path(plugin.path) / "migrations"
    folder.mkdir(exist_ok=True)
    scripts = ScriptDirectory.from_config(alembic_config(plugin, folder))
    number = _next_number(folder)
    path = folder / f"{number:04d}_{_slug(says)}.py"
    source = draft(
        steps, revision=f"{name}_{number:04d}", before=scripts.get_current_head(), says=says
    )
    path.write_text(source)
    return Drafted(path, tuple(step.says for step in steps))


def _next_number(folder: Path) -> int:
    numbered = folder.glob("[0-9][0-9][0-9][0-9]_*.py")
    return max((int(path.name[:4]) for path in numbered), default=0) + 1


def _slug(says: str) -> str:
    words = "".join(c if c.isalnum() and c.isascii() else " " for c in says.lower()).split()
    return "_".join(words)[:40].strip("_") or "changes"
