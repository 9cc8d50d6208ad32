"""Where the database is, and with which rights a command reaches it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from rich.console import Console
from rich.table import Table

from core.cli.handover import accept_interrupts
from core.cli.plugins.installed import check_installed
from core.config import Config, ConfigFile
from core.errors import StartRefused
from core.postgres import embedded

ADMIN_URL = "CRM_DATABASE_ADMIN_URL"


@cache
def console() -> Console:
    """Return where progress is shown: the error stream, so that results can be piped."""
    return Console(stderr=True, highlight=False)


def show(table: Table) -> None:
    """Print a table as a result."""
    Console(highlight=False).print(table)


class Database:
    """The database of one installation, embedded or external."""

    def __init__(self, config: Config, server: embedded.Server | None) -> None:
        self._config = config
        self.server = server

    @property
    def app_url(self) -> str:
        """The URL of the role that serves."""
        return self._url("crm_app", self._config.database.url, "CRM_DATABASE_URL", "url_file")

    @property
    def may_own(self) -> bool:
        """Whether this command can work as the owner."""
        return self.server is not None or bool(self._config.database.owner_url)

    @property
    def owner_url(self) -> str:
        """The URL of the role that migrates; never handed to a worker."""
        named = self._config.database.owner_url
        return self._url("crm_owner", named, "CRM_DATABASE_OWNER_URL", "owner_url_file")

    def _url(self, role: str, named: str | None, variable: str, key: str) -> str:
        if self.server is not None:
            return self.server.url(role)
        if not named:
            raise StartRefused(
                f"This command works as {role}: set {variable}, or"
                f" database.{key} in {self._config.path}."
            )
        return named


def is_external(config: Config) -> bool:
    """Return whether the configuration names a server of its own."""
    return bool(config.database.url or config.database.owner_url or os.environ.get(ADMIN_URL))


@contextmanager
def open_database(config: Config, replaces: str | None = None) -> Iterator[Database]:
    """Name the external server, or use the embedded one until the block ends.

    ``replaces`` is the key of the use that ``become_serve`` hands over, Ctrl-C still withheld.
    """
    if is_external(config):
        accept_interrupts()
        yield Database(config, None)
        return
    with console().status("Starting PostgreSQL") as shown:
        server = embedded.ensure(config.home, shown.update, replaces)
    try:
        accept_interrupts()
        yield Database(config, server)
    finally:
        server.leave()


def read_config() -> ConfigFile:
    """Return the configuration file that ``CRM_CONFIG`` names; refuses what it cannot mean."""
    file = ConfigFile()
    check_installed(file.current)
    return file


def chosen(file: ConfigFile, slug: str | None) -> str:
    """Return the tenant to work on; it may be left out where there is only one."""
    known = sorted(file.current.tenants)
    if slug is None and len(known) == 1:
        return known[0]
    if slug is None:
        raise StartRefused(f"Say which tenant with --tenant; there are {', '.join(known)}.")
    if slug not in known:
        raise StartRefused(f"There is no tenant {slug!r}; there are {', '.join(known)}.")
    return slug
