"""A running application over a database of its own, with tenants, people and records to probe.

Requests go through the whole ASGI application. People are real users with real sessions.
"""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec

from core.access.rights import SYSTEM
from core.auth.sign_in import sessions
from core.auth.sign_in.client_address import Client
from core.auth.state import auth_of
from core.auth.tokens import access_tokens
from core.config import ConfigFile
from core.database.connections import Unit
from core.model.entities import Declaration
from core.runtime.context import Context
from core.runtime.platform import Platform
from core.runtime.tenant import Tenant
from core.server.app import Trellis, build, open_platform
from core.testing.samples import sample
from core.testing.servers import Scratch

CONFIG = """
[server.aliases]
"/api/crm" = "/api"
"/api/accounts" = "/api/auth"

[plugins]
installed = [{installed}]

[tenants.acme]
name = "Acme"
hosts = ["acme.localhost"]
currency = "IDR"
timezone = "Asia/Jakarta"
phone_region = "ID"
plugins = [{installed}]

[tenants.globex]
name = "Globex"
hosts = ["globex.localhost"]
currency = "USD"
timezone = "America/New_York"
phone_region = "US"
plugins = [{installed}]
"""
_counter = itertools.count(1)


class Person:
    """A user of a tenant and the headers with which they ask."""

    def __init__(
        self,
        id: UUID,
        email: str,
        roles: tuple[str, ...],
        tenant: str,
        sign: Callable[[], str],
        attributes: Mapping[str, Any],
    ) -> None:
        self.id = id
        self.email = email
        self.roles = roles
        self.tenant = tenant
        self.attributes = attributes
        self._sign = sign
        self._token = sign()
        self._since = time.perf_counter()

    @property
    def headers(self) -> dict[str, str]:
        """Return who asks; signed again before it expires, since some people serve a whole run."""
        if time.perf_counter() - self._since > access_tokens.SECONDS / 3:
            self._token, self._since = self._sign(), time.perf_counter()
        return {"authorization": f"Bearer {self._token}"}


class World:
    """One application and whatever a test needs to know of its inside."""

    def __init__(self, platform: Platform, app: Trellis, scratch: Scratch, file: Path) -> None:
        self.platform = platform
        self.app = app
        self.scratch = scratch
        self.file = file
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app, raise_app_exceptions=False),
            base_url="http://testserver",
        )

    def tenant(self, slug: str = "acme") -> Tenant:
        """Return the tenant's snapshot in force."""
        return self.platform.by_slug[slug]

    def system(self, slug: str = "acme") -> Context:
        """Return a context that may do everything in a tenant."""
        return Context(self.platform, self.tenant(slug), SYSTEM)

    async def person(self, *roles: str, tenant: str = "acme", **attributes: Any) -> Person:
        """Make a user with ``roles`` and a session; ``attributes`` are columns of the user."""
        place = self.tenant(tenant)
        email = f"{'-'.join(roles) or 'nobody'}-{next(_counter)}@{tenant}.example"
        values = {"email": email, "name": email.partition("@")[0], "roles": list(roles)}
        values |= attributes

        async def make(unit: Unit) -> tuple[UUID, UUID]:
            names = list(values)
            marks = ", ".join(f"${i}" for i in range(2, len(names) + 2))
            user = await unit.fetchval(
                f"INSERT INTO core_user (tenant_id, {', '.join(names)})"
                f" VALUES ($1, {marks}) RETURNING id",
                place.id,
                *values.values(),
            )
            session, _ = await sessions.start(unit, place, user, Client())
            return UUID(str(user)), session

        user, session = await self.system(tenant).write(make)
        sign = partial(
            auth_of(self.platform).tokens.sign,
            tenant=place.id,
            user=user,
            session=session,
            stamp=1,
        )
        return Person(user, email, tuple(roles), tenant, sign, attributes)

    async def ask(
        self,
        who: Person | None,
        method: str,
        path: str,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> httpx.Response:
        """Send one request as ``who`` (None: nobody, at acme's address)."""
        lines = dict(who.headers if who else {"host": "acme.localhost"})
        lines.update(headers or {})
        if json is not None:
            options["content"] = msgspec.json.encode(json)
            lines.setdefault("content-type", "application/json")
        return await self.client.request(method, path, headers=lines, **options)

    async def plant(
        self, entity: str, *, tenant: str = "acme", canary: str = "", **values: Any
    ) -> UUID:
        """Insert a record with a value in every column, past the API; return its id.

        ``canary`` is put into every text, so that a leak can be recognised.
        """
        declared = self.platform.registry.entities[entity]
        place = self.tenant(tenant)
        given = await self._values(declared, tenant, canary, values)
        given.update(values)
        id = given.pop("id", None)
        names = list(given)

        async def insert(unit: Unit) -> UUID:
            columns = ", ".join(["tenant_id", *(["id"] if id else []), *names])
            count = len(names) + (2 if id else 1)
            marks = ", ".join(f"${i}" for i in range(1, count + 1))
            head = [place.id, id] if id else [place.id]
            return UUID(
                str(
                    await unit.fetchval(
                        f"INSERT INTO {declared.table} ({columns}) VALUES ({marks}) RETURNING id",
                        *head,
                        *given.values(),
                    )
                )
            )

        return await self.system(tenant).write(insert)

    async def _values(
        self, declared: Declaration, tenant: str, canary: str, given: Mapping[str, Any]
    ) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for field in declared.fields.values():
            if field.system or field.sql or field.name == "custom" or field.name in given:
                continue
            if field.kind != "link":
                found[field.name] = sample(field, self.tenant(tenant), next(_counter), canary)
            elif not field.nullable:
                found[field.name] = await self.plant(str(field.target), tenant=tenant)
        return found

    async def close(self) -> None:
        """Let go of client and pool."""
        await self.client.aclose()
        auth_of(self.platform).close()
        await self.platform.stop()


async def open_world(
    scratch: Scratch,
    folder: Path,
    plugins: Sequence[str],
    packages: Mapping[str, str],
    config: str = CONFIG,
) -> World:
    """Return an application over ``scratch`` that serves acme and globex with ``plugins``."""
    path = folder / "crm.toml"
    path.write_text(config.format(installed=", ".join(f'"{name}"' for name in plugins)))
    file = ConfigFile(path, environ={"CRM_HOME": str(folder / "var")})
    platform = await open_platform(file, scratch.url(), packages)
    app = build(platform)
    await platform.start()
    return World(platform, app, scratch, path)
