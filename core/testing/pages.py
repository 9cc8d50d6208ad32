"""Every page of the web UI with real values in its address, and people with a browser's cookie."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from core.admin.preferences import ACCOUNT, STORE
from core.admin.session import cookies
from core.auth.sign_in.client_address import Client
from core.database.connections import Unit
from core.model.entities import Declaration
from core.rest.route import Route
from core.testing.probes.dataset import SIDES, Stage, Who

PARAMETER = re.compile(r"\{(\w+):\w+\}")
# Pages of records that lie in the trash.
GONE = ("/restore", "/purge")
SAVED_VIEW = """
INSERT INTO core_view (tenant_id, user_id, entity, name, audience, state)
VALUES ($1, $2, $3, 'Everything', 'tenant', '[]') RETURNING id
"""


class Screen(msgspec.Struct, frozen=True):
    """One page to look at: its route, a good address of it, and the entity it is about."""

    route: str
    path: str
    method: str = "GET"
    entity: str | None = None
    permission: str = ""
    public: bool = False


class Unreached(LookupError):
    """A page has a parameter for which nobody knows a value: it would go untested."""


class PageAddresses:
    """Gives the parameters of pages their values: records of one side, and names of the tenant."""

    def __init__(self, stage: Stage, tenant: str = "acme", side: str = SIDES[0]) -> None:
        self.stage = stage
        self.tenant = tenant
        self.side = side
        self._views: dict[str, UUID] = {}

    async def screens(self, method: str = "GET") -> list[Screen]:
        """Return every page that answers a method.

        One to look at whose parameters nobody knows is refused; a form's is left out.
        """
        found: dict[str, Screen] = {}
        for row in _pages(self.stage, method):
            entity = self._entity(row)
            public = bool(row.opt.get("public"))
            for path in await self._known(row.path, entity, strict=method == "GET"):
                found[path] = Screen(
                    route=row.path,
                    path=path,
                    method=method,
                    entity=entity,
                    permission=str(row.opt.get("permission") or ""),
                    public=public,
                )
        return list(found.values())

    def _entity(self, row: Route) -> str | None:
        """Return what a page is about: what it says, or whose right it takes."""
        named = row.opt.get("entity") or str(row.opt.get("permission")).rpartition(".")[0]
        return named if named in self.stage.registry.entities else None

    async def _known(self, route: str, entity: str | None, *, strict: bool) -> list[str]:
        try:
            return await self.addresses(route, entity)
        except Unreached:
            if strict:
                raise
            return []

    async def addresses(self, route: str, entity: str | None) -> list[str]:
        """Return good addresses of a route: one, or one per name that a parameter can have."""
        paths = [route if route == "/" else f"{route.rstrip('/')}/"]
        for parameter in PARAMETER.findall(route):
            values = await self._values(route, parameter, entity)
            if values is None:
                raise Unreached(f"{route}: no value is known for {parameter}")
            mark = re.compile(rf"\{{{parameter}:\w+\}}")
            paths = [mark.sub(str(value), path) for path in paths for value in values]
        return paths

    async def _values(
        self, route: str, parameter: str, entity: str | None
    ) -> Sequence[object] | None:
        """Return what a parameter can be; None where nobody knows."""
        registry = self.stage.registry
        before = route.partition(f"{{{parameter}:")[0].strip("/").rpartition("/")[2]
        if parameter == "id" and entity is not None:
            declared = registry.entities[entity]
            return [
                await (self._view(declared) if before == "views" else self._id(declared, route))
            ]
        if parameter == "action" and entity is not None:
            return [a.name for a in registry.actions.get(entity, ()) if _asks(a)]
        if parameter == "resource":
            return [e.resource for e in registry.entities.values() if "list" in e.verbs]
        if before == "cell" and entity is not None:
            declared = registry.entities[entity]
            return [f.name for n in declared.inplace if (f := declared.field(n)) is not None]
        return {
            "apps": list(registry.plugins),
            "settings": [p.name for p in registry.plugins.values() if p.settings is not None],
            "dictionaries": list(registry.dictionaries),
            "roles": list(registry.roles),
        }.get(before)

    async def _id(self, entity: Declaration, route: str) -> UUID:
        """Return a record of this side: a live one, or for the trash's pages one that is in it."""
        deleted = route.endswith(GONE)
        rows = [
            r
            for r in self.stage.of(entity.name, tenant=self.tenant, deleted=deleted)
            if r.side == self.side
        ]
        row = rows[0] if rows else None
        if row is None:
            row = await self.stage.plant(entity.name, self.tenant, self.side, deleted=deleted)
        return row.id

    async def _view(self, entity: Declaration) -> UUID:
        if entity.name not in self._views:
            system = self.stage.world.system(self.tenant)
            maker = await self.stage.world.person("admin", tenant=self.tenant)
            place = self.stage.world.tenant(self.tenant).id
            self._views[entity.name] = await system.write(
                lambda unit: unit.fetchval(SAVED_VIEW, place, maker.id, entity.name)
            )
        return self._views[entity.name]


def _asks(action: Any) -> bool:
    return bool(action.on == "record" and action.method == "POST")


def _pages(stage: Stage, method: str) -> Iterator[Route]:
    """Yield the routes of pages: those under ``/app`` and whatever else says that it is one."""
    for route in stage.world.app.state.routes:
        if route.opt.get("page") and method in route.methods:
            yield route


async def sign_in(stage: Stage, who: Who, likes: Mapping[str, Any] | None = None) -> str:
    """Open a browser's session for somebody; return the cookie's value."""
    assert who.id is not None
    tenant, user = stage.world.tenant(who.tenant), who.id

    async def run(unit: Unit) -> str:
        if likes:
            await unit.execute(STORE, tenant.id, user, ACCOUNT, msgspec.json.encode(likes).decode())
        _, value = await cookies.start(unit, tenant, user, Client())
        return value

    return await stage.world.system(who.tenant).write(run)
