"""Alembic's configuration for one plugin's chain, for the commands that run or write revisions."""

from pathlib import Path

from alembic.config import Config

from core.registry.registry import Plugin
from core.schema.chains import SCRIPTS, version_table


def alembic_config(plugin: Plugin, folder: Path) -> Config:
    """Return Alembic's configuration for one plugin's chain."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("version_locations", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes["version_table"] = version_table(plugin.name)
    return config
