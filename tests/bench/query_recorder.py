"""The statements that the product sends for a request, measured at the database as its own role."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
from sqlalchemy import event

from core.access.rights import SYSTEM
from core.auth.sign_in import sessions
from core.auth.sign_in.client_address import Client
from core.auth.state import auth_of
from core.config import ConfigFile
from core.database.connections import Unit
from core.runtime.context import Context
from core.server.app import build, open_platform
from tests.bench.prepared import Prepared

ADMIN = """
SELECT u.id, u.token_version FROM core_user u
 WHERE u.tenant_id = $1 AND u.email LIKE 'admin@%' AND u.deleted_at IS NULL
"""


class Cost(msgspec.Struct, frozen=True):
    """Milliseconds of planning and execution, and what the plan's nodes are."""

    ms: float
    nodes: tuple[str, ...]


class QueryRecorder:
    """Acme's administrator within the application, and a watched connection beside it."""

    def __init__(self, client: httpx.AsyncClient, role: asyncpg.Connection, system: Context):
        self.client = client
        self.role = role
        self.system = system
        self.entity = system.tenant.entities["customers.customer"]
        self.seen: list[Any] = []

    async def get(self, path: str, mark: str) -> tuple[Any, Any]:
        """Return the answer and the statement that holds ``mark``."""
        self.seen.clear()
        reply = await self.client.get(path)
        assert reply.status_code == 200, (path, reply.text)
        return reply.json(), next(q for q in self.seen if mark in q.query)

    async def cost(self, logged: Any, times: int = 3) -> Cost:
        """Run a statement several times under EXPLAIN; return the cheapest."""
        return min([await self._cost(logged) for _ in range(times)], key=lambda cost: cost.ms)

    async def spent(self, path: str) -> float:
        """Return the milliseconds that the database takes for what a list's request asks."""
        self.seen.clear()
        reply = await self.client.get(path)
        assert reply.status_code == 200, (path, reply.text)
        return 1000 * sum(q.elapsed for q in self.seen if self.entity.table in q.query)

    async def _cost(self, logged: Any) -> Cost:
        sql = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {logged.query}"
        plan = msgspec.json.decode(await self.role.fetchval(sql, *logged.args))[0]
        found = tuple(n.get("Index Name", n["Node Type"]) for n in _nodes(plan["Plan"]))
        return Cost(plan["Planning Time"] + plan["Execution Time"], found)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def cpu(connection: asyncpg.Connection) -> float:
    """Return the milliseconds that a connection's backend has been on a processor."""
    path = Path(f"/proc/{connection.get_server_pid()}/schedstat")
    return int(path.read_text().split()[0]) / 1e6


@asynccontextmanager
async def asking(prepared: Prepared) -> AsyncIterator[QueryRecorder]:
    """Open the application on a prepared home, without a server around it."""
    file = ConfigFile(prepared.config, environ={"CRM_HOME": str(prepared.home)})
    platform = await open_platform(file, prepared.app_url())
    app = build(platform)
    await platform.start()
    await platform.database.dispose()
    tenant = platform.by_slug["acme"]
    system = Context(platform, tenant, SYSTEM)
    user, stamp = await system.fetchrow(ADMIN, tenant.id)

    async def sign_in(unit: Unit) -> Any:
        return (await sessions.start(unit, tenant, user, Client()))[0]

    session = await system.write(sign_in)

    async def sign(request: httpx.Request) -> None:  # anew each time: a token lives for minutes
        token = auth_of(platform).tokens.sign(
            tenant=tenant.id, user=user, session=session, stamp=stamp
        )
        request.headers["authorization"] = f"Bearer {token}"

    role = await asyncpg.connect(prepared.app_url())
    await role.execute(
        f"BEGIN READ ONLY; {system.transaction_settings}; SET LOCAL statement_timeout = 0"
    )
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),  # type: ignore[arg-type]
        base_url="http://127.0.0.1",
        event_hooks={"request": [sign]},
        timeout=60,
    )
    asked = QueryRecorder(client, role, system)

    def watch(connection: Any, _: object) -> None:
        connection.driver_connection.add_query_logger(asked.seen.append)

    await platform.database.dispose()
    event.listen(platform.database.engine.sync_engine, "connect", watch)
    yield asked
    await asyncio.gather(client.aclose(), role.close())
    auth_of(platform).close()
    await platform.stop()
