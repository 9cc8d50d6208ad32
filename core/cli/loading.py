"""The registry inside a command, for commands that work on the schema."""

from core.config import ConfigFile
from core.registry.loader import LoadedPlugins, load
from core.runtime.platform import check_against_registry


def load_plugins(file: ConfigFile) -> LoadedPlugins:
    """Load what the file lists as installed and judge the file by it."""
    loaded = load(file.current.plugins.installed)
    requires = {n: p.manifest.requires for n, p in loaded.registry.plugins.items()}
    file.govern(lambda config: check_against_registry(config, loaded), requires)
    return loaded
