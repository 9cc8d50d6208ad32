"""The server of a test run, and databases on it that hold the tables of given plugins."""

import os
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from core.postgres import roles
from core.registry.loader import LoadedPlugins
from core.schema.migrate import migrate


def with_parts(url: str, role: str, password: str, database: str) -> str:
    """Return ``url`` for another role and database of the same server."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    netloc = f"{role}:{quote(password, safe='')}@{place}"
    return urlunsplit((parts.scheme, netloc, f"/{database}", parts.query, ""))


class Scratch:
    """One database of the test server."""

    def __init__(self, server: "TestServer", name: str) -> None:
        self.name = name
        self._server = server

    def url(self, role: str = "crm_app") -> str:
        """Return the URL with which ``role`` reaches this database."""
        return self._server.url(role, self.name)

    async def connect(self, role: str = "crm_app", **options: Any) -> asyncpg.Connection:
        """Open a connection of its own to this database."""
        return await asyncpg.connect(self.url(role), **options)

    async def run(self, *statements: str, role: str = "crm_owner") -> None:
        """Run statements as the owner, one transaction each."""
        connection = await self.connect(role)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()


class TestServer:
    """The server of a test run, embedded or external."""

    __test__ = False

    def __init__(self, admin_url: str, passwords: Mapping[str, str], worker: str) -> None:
        self.admin_url = admin_url
        self._passwords = passwords
        self._prefix = f"trellis_{worker}_{os.getpid()}"
        self._templates: dict[tuple[str, ...], str] = {}

    def url(self, role: str, database: str) -> str:
        """Return the URL with which ``role`` reaches ``database``."""
        if role == "postgres":
            parts = urlsplit(self.admin_url)
            return urlunsplit(parts._replace(path=f"/{database}"))
        return with_parts(self.admin_url, role, self._passwords[role], database)

    async def empty(self) -> Scratch:
        """Make a database in which no migration has run."""
        name = f"{self._prefix}_{uuid.uuid4().hex[:8]}"
        await roles.prepare_async(self.admin_url, self._passwords, name)
        return Scratch(self, name)

    async def migrated(self, loaded: LoadedPlugins) -> Scratch:
        """Make a database that holds the tables of the loaded plugins."""
        plugins = tuple(loaded.registry.plugins)
        if plugins not in self._templates:
            template = await self.empty()
            outcomes = await migrate(template.url("crm_owner"), loaded.registry)
            assert not [o for o in outcomes if o.error], outcomes
            self._templates[plugins] = template.name
        name = f"{self._prefix}_{uuid.uuid4().hex[:8]}"
        source = self._templates[plugins]
        await self.admin(f"CREATE DATABASE {name} TEMPLATE {source} OWNER crm_owner")
        await roles.prepare_async(self.admin_url, self._passwords, name)
        return Scratch(self, name)

    async def admin(self, statement: str) -> None:
        """Run a statement as the superuser."""
        connection = await asyncpg.connect(self.admin_url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def drop(self, scratch: Scratch) -> None:
        """Drop a database with whatever is still connected to it."""
        await self.admin(f"DROP DATABASE IF EXISTS {scratch.name} WITH (FORCE)")

    async def drop_templates(self) -> None:
        """Drop the databases that the others are copies of."""
        for name in self._templates.values():
            await self.drop(Scratch(self, name))


MakeScratch = Callable[..., Awaitable[Scratch]]
