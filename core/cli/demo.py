"""``crm demo``: two tenants with people and records to look at, the same on every run."""

from collections.abc import Sequence

import rich_click as click

from core.cli.place import Database
from core.config import ConfigFile


@click.command()
def demo() -> None:
    """x"""


def load_demo() -> None: ...


def demo_once(file: ConfigFile, database: Database, scale: int) -> Sequence[str]:
    return ()
