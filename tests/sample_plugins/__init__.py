"""Plugins that keep every rule, for tests of what the kernel makes of them."""

from core.registry.loader import LoadedPlugins, load

NAMES = ("library", "lending")


def load_samples(*names: str) -> LoadedPlugins:
    """Load the sample plugins called ``names``; all of them when none is named."""
    wanted = names or NAMES
    return load(wanted, {name: f"tests.sample_plugins.{name}" for name in wanted})
