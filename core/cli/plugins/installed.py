"""Which plugins could be installed, and whether the file lists only those and all they require."""

import importlib.util
from collections.abc import Iterable
from importlib.metadata import entry_points
from pathlib import Path

from core.config import Config
from core.config.problems import Findings
from core.errors import StartRefused
from core.registry.discovery import ENTRY_POINTS, read_manifests


def plugins_folder() -> Path:
    """Return the folder of the plugins that ship or that ``crm plugin new`` made."""
    spec = importlib.util.find_spec("plugins")
    if spec is None or not spec.submodule_search_locations:
        raise StartRefused("There is no package 'plugins' to put a plugin into.")
    return Path(next(iter(spec.submodule_search_locations)))


def available() -> list[str]:
    """Return the names of all plugins that could be listed as installed, sorted."""
    try:
        own = {path.parent.name for path in plugins_folder().glob("*/plugin.toml")}
    except StartRefused:
        own = set()
    return sorted(own | {point.name for point in entry_points(group=ENTRY_POINTS)})


def check_installed(config: Config) -> None:
    """Refuse, with file and line, an unknown plugin and one whose requirement is not listed."""
    findings = Findings(config.locations)
    listed = config.plugins.installed
    known = available()
    for i, name in enumerate(listed):
        if name not in known:
            findings.unknown(("plugins", "installed", f"[{i}]"), "plugin", name, known)
    findings.refuse()
    manifests = read_manifests(listed, {})
    for i, name in enumerate(listed):
        for needed in _absent(manifests[name][0].requires, listed):
            findings.add(
                ("plugins", "installed", f"[{i}]"),
                f'"{name}" requires "{needed}", which is not installed; add it to the list',
            )
    findings.refuse()


def _absent(wanted: Iterable[str], listed: Iterable[str]) -> list[str]:
    return sorted(set(wanted) - set(listed))
