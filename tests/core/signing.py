"""A world to sign in to: people with passwords, clients at addresses of their own."""

import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec

from core.auth.sign_in.changes import STORE_HASH
from core.auth.state import Auth, auth_of
from core.auth.users import administration
from core.registry.loader import load
from core.testing.servers import TestServer
from core.testing.world import CONFIG, World, open_world

PASSWORD = "correct pony battery"
WRONG = "incorrect pony battery"
_networks = itertools.count(1)
_people = itertools.count(1)
HELPDESK = """
[tenants.acme.roles.helpdesk]
label = "Helpdesk"
grants = ["core.user:list,view,create,update,delete,set_password,deactivate:all"]
"""


def new_address() -> str:
    """Return an address in a network that no other test uses."""
    number = next(_networks)
    return f"10.{number // 256}.{number % 256}.7"


class Gate:
    """The application of one file of tests."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.platform = world.platform
        self.auth: Auth = auth_of(world.platform)
        self._digest: str | None = None

    def client(self, address: str | None = None) -> httpx.AsyncClient:
        """Return a client at ``address``, or at one of its own."""
        transport = httpx.ASGITransport(
            app=self.world.app, raise_app_exceptions=False, client=(address or new_address(), 4711)
        )
        return httpx.AsyncClient(transport=transport, base_url="http://testserver")

    async def user(
        self, *roles: str, tenant: str = "acme", email: str | None = None, password: bool = True
    ) -> str:
        """Make a user with ``PASSWORD``, or without any; return the address."""
        place = self.platform.by_slug[tenant]
        address = email or f"person{next(_people)}@{tenant}.example"
        made = await administration.create_user(self.platform, place, address, "A Person", roles)
        if password:
            if self._digest is None:
                self._digest = await self.auth.passwords.hash(PASSWORD)
            digest = self._digest
            await self.world.system(tenant).write(
                lambda unit: unit.execute(STORE_HASH, place.id, made.id, digest)
            )
        return address

    async def post(
        self,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        address: str | None = None,
        method: str = "POST",
        **headers: str,
    ) -> httpx.Response:
        """Send one request; headers are given with underscores."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["authorization"] = f"Bearer {token}"
        given: dict[str, Any] = {}
        if body is not None:
            sent.setdefault("content-type", "application/json")
            given["content"] = body if isinstance(body, bytes) else msgspec.json.encode(body)
        async with self.client(address) as client:
            return await client.request(method, path, headers=sent, **given)

    async def get(self, path: str, token: str | None = None, **headers: str) -> httpx.Response:
        """Send one GET."""
        return await self.post(path, token=token, method="GET", **headers)

    async def login(
        self, email: str, password: str = PASSWORD, *, address: str | None = None, **more: Any
    ) -> httpx.Response:
        """Try to sign in."""
        body = {"email": email, "password": password, **more}
        return await self.post("/api/auth/login", body, address=address)

    async def enter(self, email: str, password: str = PASSWORD) -> dict[str, Any]:
        """Sign in and return the answer."""
        answer = await self.login(email, password)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def rows(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        """Return rows as the owner sees them, past row security."""
        connection = await self.world.scratch.connect("crm_owner")
        try:
            return await connection.fetch(sql, *values)
        finally:
            await connection.close()

    async def events(self, email: str) -> list[str]:
        """Return the kinds of the security events about a person, oldest first."""
        rows = await self.rows(
            "SELECT e.kind FROM core_security_event e JOIN core_user u ON u.id = e.user_id"
            " AND u.tenant_id = e.tenant_id WHERE u.email = $1 ORDER BY e.created_at, e.id",
            email,
        )
        return [row["kind"] for row in rows]

    async def user_id(self, email: str) -> str:
        """Return the id of the user with an address."""
        rows = await self.rows("SELECT id FROM core_user WHERE email = $1", email)
        return str(rows[0]["id"])


def problem(answer: httpx.Response) -> Mapping[str, Any]:
    """Return a refusal's body without what differs from request to request."""
    assert answer.headers["content-type"] == "application/problem+json"
    return {k: v for k, v in answer.json().items() if k != "request_id"}


@asynccontextmanager
async def open_gate(
    server: TestServer, folder: Path, plugins: tuple[str, ...] = ("customers",)
) -> AsyncIterator[Gate]:
    """Open an application with two tenants and a role of acme's own."""
    scratch = await server.migrated(load(plugins))
    world = await open_world(scratch, folder, plugins, {}, CONFIG + HELPDESK)
    try:
        yield Gate(world)
    finally:
        await world.close()
        await server.drop(scratch)
