"""The context of one request or job: tenant, principal, rights, and the ways to the data."""

import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg

from core.access.rights import Principal, Rights
from core.database.connections import KEYED, Unit
from core.runtime.origin import Origin, audit_settings
from core.runtime.platform import Platform
from core.runtime.tenant import Tenant
from core.runtime.transaction_settings import transaction_settings

T = TypeVar("T")
MAX_CACHED_SETTINGS = 4096


class Context:
    """Who asks for what. A context serves one tenant for life."""

    __slots__ = (
        "_origin",
        "platform",
        "principal",
        "reason",
        "request_id",
        "rights",
        "tenant",
        "transaction_settings",
    )

    def __init__(
        self,
        platform: Platform,
        tenant: Tenant,
        principal: Principal,
        request_id: str = "",
        origin: Callable[[], Origin] = Origin,
    ) -> None:
        self.platform = platform
        self.tenant = tenant
        self.principal = principal
        self.request_id = request_id
        self._origin = origin
        self.reason: str | None = None
        system = principal.kind == "system"
        self.rights: Rights = tenant.rights(
            principal.roles, principal.key_scopes, known=principal.kind != "anonymous"
        )
        self.transaction_settings = self._transaction_settings(
            "*" if system else self.rights.scopes_setting
        )

    def _transaction_settings(self, scopes: str) -> str:
        """Return the text that begins each transaction; made once per credential."""
        principal, cache = self.principal, self.tenant.transaction_settings
        key = (
            principal.kind,
            principal.id,
            principal.stamp,
            principal.session_id,
            principal.key_id,
        )
        settings = cache.get(key)
        if settings is None:
            settings = transaction_settings(self.tenant.id, principal, scopes)
            if len(cache) >= MAX_CACHED_SETTINGS:
                cache.clear()
            cache[key] = settings
        return settings

    async def read(
        self, fn: Callable[[asyncpg.Connection], Awaitable[T]], *, keyed: bool = False
    ) -> T:
        """Run ``fn`` in one READ ONLY transaction on the driver's connection.

        ``keyed`` says that its statements find rows by their key (``connections.KEYED``).
        """
        return await self.platform.database.read(self._settings(keyed), fn)

    def _settings(self, keyed: bool) -> str:
        settings = self.transaction_settings
        return f"{KEYED}; {settings}" if keyed else settings

    async def fetch(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        """Return all rows of one statement in a READ ONLY transaction."""
        return await self.read(lambda connection: connection.fetch(sql, *values))

    async def fetchrow(self, sql: str, *values: Any) -> asyncpg.Record | None:
        """Return the first row of one statement in a READ ONLY transaction, or None."""
        return await self.read(lambda connection: connection.fetchrow(sql, *values))

    async def fetchval(self, sql: str, *values: Any) -> Any:
        """Return the first value of one statement in a READ ONLY transaction."""
        return await self.read(lambda connection: connection.fetchval(sql, *values))

    async def write(self, fn: Callable[[Unit], Awaitable[T]], *, keyed: bool = False) -> T:
        """Run ``fn(unit)`` in one transaction and commit; it may run again after a deadlock."""

        async def run(unit: Unit) -> T:
            unit.ctx = self
            return await fn(unit)

        settings = f"{self._settings(keyed)}; {self.audit_settings()}"
        result = await self.platform.database.write(settings, run)
        if len(self.tenant.writes) >= MAX_CACHED_SETTINGS:
            self.tenant.writes.clear()
        self.tenant.writes[self.principal.id] = time.monotonic()
        return result

    def audit_settings(self) -> str:
        """Return the settings that tell the audit who writes, from where and why."""
        return audit_settings(self.request_id, self.principal, self._origin(), self.reason)
