"""Plugins that break the rules, each in one way; the kernel refuses or contains every one."""

from core.registry.loader import LoadedPlugins, load


def load_evil(*names: str) -> LoadedPlugins:
    """Load the evil plugins called ``names``."""
    return load(names, {name: f"tests.evil_plugins.{name}" for name in names})
