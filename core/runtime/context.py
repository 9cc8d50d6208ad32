"""One request's context: tenant, principal, rights and the two doors, opened once."""

import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg
from litestar import Request

from core.access.rights import Principal, Rights
from core.auth.credentials import identify
from core.database.connections import KEYED, Unit, opening
from core.errors import NotFound
from core.runtime.origin import Origin, origin_of, read_reason, trace
from core.runtime.platform import Platform
from core.runtime.tenant import Tenant

T = TypeVar("T")
MOST_OPENINGS = 4096


class Context:
    """Who asks for what. A context serves one tenant for life."""

    __slots__ = (
        "asked",
        "opening",
        "platform",
        "principal",
        "reason",
        "request_id",
        "rights",
        "tenant",
    )

    def __init__(
        self,
        platform: Platform,
        tenant: Tenant,
        principal: Principal,
        request_id: str = "",
        asked: Request[Any, Any, Any] | None = None,
    ) -> None:
        self.platform = platform
        self.tenant = tenant
        self.principal = principal
        self.request_id = request_id
        self.asked = asked
        self.reason: str | None = None
        system = principal.kind == "system"
        self.rights: Rights = tenant.rights(
            principal.roles, principal.key_scopes, known=principal.kind != "anonymous"
        )
        self.opening = self._opening("*" if system else self.rights.scopes_setting)

    def _opening(self, scopes: str) -> str:
        """Return the text that opens transactions; made once per credential."""
        who = self.principal
        place = (who.kind, who.id, who.stamp, who.session_id, who.key_id)
        found = self.tenant.openings.get(place)
        if found is None:
            found = opening(self.tenant.id, who, scopes)
            if len(self.tenant.openings) >= MOST_OPENINGS:
                self.tenant.openings.clear()
            self.tenant.openings[place] = found
        return found

    async def read(
        self, fn: Callable[[asyncpg.Connection], Awaitable[T]], *, keyed: bool = False
    ) -> T:
        """Run ``fn`` in one READ ONLY transaction on the driver's connection.

        ``keyed`` says that its statements find rows by their key (``doors.KEYED``).
        """
        return await self.platform.database.read(self._context(keyed), fn)

    def _context(self, keyed: bool) -> str:
        return f"{KEYED}; {self.opening}" if keyed else self.opening

    async def fetch(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        """Return all rows of one statement through the read door."""
        return await self.read(lambda connection: connection.fetch(sql, *values))

    async def fetchrow(self, sql: str, *values: Any) -> asyncpg.Record | None:
        """Return the first row of one statement through the read door, or None."""
        return await self.read(lambda connection: connection.fetchrow(sql, *values))

    async def fetchval(self, sql: str, *values: Any) -> Any:
        """Return the first value of one statement through the read door."""
        return await self.read(lambda connection: connection.fetchval(sql, *values))

    async def write(self, fn: Callable[[Unit], Awaitable[T]], *, keyed: bool = False) -> T:
        """Run ``fn(unit)`` in one transaction and commit; it may run again after a deadlock."""

        async def run(unit: Unit) -> T:
            unit.ctx = self
            return await fn(unit)

        context = f"{self._context(keyed)}; {self.trace()}"
        result = await self.platform.database.write(context, run)
        if len(self.tenant.writes) >= MOST_OPENINGS:
            self.tenant.writes.clear()
        self.tenant.writes[self.principal.id] = time.monotonic()
        return result

    def trace(self) -> str:
        """Return the settings that tell the audit who writes, from where and why."""
        origin = Origin() if self.asked is None else origin_of(self.asked)
        return trace(self.request_id, self.principal, origin, self.reason)


async def open_context(request: Request[Any, Any, Any]) -> Context:
    """Return the context of a request; refuses a bad credential, or a host without tenant."""
    scope = request.scope
    platform: Platform = scope["litestar_app"].state.platform
    headers = dict(scope["headers"])
    host = headers.get(b"host", b"").decode("latin-1").lower()
    tenant, principal = await identify(platform, headers, host)
    tenant = await platform.fresh(tenant)
    plugin = request.route_handler.opt.get("plugin")
    if plugin is not None and plugin not in tenant.enabled:
        raise NotFound
    state = scope["state"]
    state["tenant"], state["principal"] = tenant, principal
    ctx = Context(
        platform,
        tenant,
        principal,
        state.get("request_id", ""),
        request,
    )
    ctx.reason = read_reason(headers)
    return ctx
