"""The composition root: a configuration becomes an application."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Router
from litestar.config.cors import CORSConfig
from litestar.datastructures import State

from core.admin.look.environment import Renderer
from core.admin.routes import PUBLIC as PAGES
from core.admin.routes import RESERVED, admin_routes, make_renderer
from core.auth.state import auth_of
from core.config import ConfigFile
from core.database.connections import Database
from core.errors import StartRefused
from core.registry.loader import LoadedPlugins, load
from core.registry.registry import Registry
from core.rest.apps import app_routes
from core.rest.audit import audit_routes
from core.rest.auth import auth_routes
from core.rest.entity.routes import entity_routes
from core.rest.openapi import openapi_routes
from core.rest.route import Route
from core.rest.search import search_routes
from core.rest.settings import tenancy_routes
from core.runtime.platform import Platform, check_against_registry
from core.schema.chains import pending, state
from core.schema.lints import refuse_unfit_catalogue
from core.server.failures import answer_failure
from core.server.health import health_routes
from core.server.middleware import Edge
from core.server.router import route_by_table

# The only routes that need no permission; each says so and is named here as well.
PUBLIC = PAGES | frozenset(
    (
        "/health",
        "/health/ready",
        "/api/auth/login",
        "/api/auth/refresh",
        "/api/auth/logout",
        "/api/auth/reset_request",
        "/api/auth/reset_password",
        "/api/docs",
        "/api/docs/{name:str}",
        "/api/openapi.json",
    )
)


class Trellis(Litestar):
    """Litestar with the kernel's edge around it."""

    edge: Edge | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request through the edge; lifespan events go straight in."""
        if scope["type"] == "http" and self.edge is not None:
            scope["litestar_app"] = self
            await self.edge(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def inner(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request as plain Litestar."""
        await super().__call__(scope, receive, send)


def plugin_routers(registry: Registry) -> list[Router]:
    """Return one router per plugin that brings controllers, under ``/api/<plugin>``."""
    routers: dict[str, list[Any]] = {}
    for plugin, controller in registry.controllers:
        routers.setdefault(plugin, []).append(controller)
    return [
        Router(f"/api/{plugin.replace('_', '-')}", route_handlers=found, opt={"plugin": plugin})
        for plugin, found in routers.items()
    ]


def check_routes(table: Iterable[Route], registry: Registry) -> None:
    """Refuse a route without a permission, and a public one that the kernel does not list."""
    permissions = {
        f"{entity.name}.{action}"
        for entity in registry.entities.values()
        for action in registry.rights(entity)
    }
    permissions.add("signed_in")
    for route in table:
        where = f"route {'/'.join(sorted(route.methods))} {route.path}"
        plugin = route.opt.get("plugin")
        if plugin not in (None, "core"):
            where = f"plugin {plugin!r}: {where}"
        if route.opt.get("public"):
            if route.path not in PUBLIC:
                raise StartRefused(f"{where} says public=True; only the kernel's list may")
        elif not route.opt.get("permission"):
            raise StartRefused(f"{where} names no permission")
        elif route.opt["permission"] not in permissions:
            raise StartRefused(f"{where} names {route.opt['permission']!r}, which no entity has")


def own_routes() -> list[Route]:
    """Return the kernel's routes that no entity has."""
    return [
        *health_routes(),
        *auth_routes(),
        *tenancy_routes(),
        *app_routes(),
        *search_routes(),
        *audit_routes(),
        *openapi_routes(),
    ]


def check_paths(registry: Registry) -> None:
    """Refuse an entity or a controller whose path belongs to the kernel or to an entity."""
    own = {"/".join(route.path.split("/")[1:3]) for route in own_routes()}
    for entity in registry.entities.values():
        if entity.plugin == "core":
            continue
        for place, here in (
            ("api", f"api/{entity.resource}" in own),
            ("app", entity.resource in RESERVED),
        ):
            if here:
                raise StartRefused(
                    f"{entity.name}: /{place}/{entity.resource} is taken by the kernel;"
                    " give resource="
                )
    taken = {f"api/{e.resource}": e.name for e in registry.entities.values()}
    for plugin, controller in registry.controllers:
        base = f"api/{plugin.replace('_', '-')}/{str(controller.path or '').strip('/')}".rstrip("/")
        first = "/".join(base.split("/")[:2])
        if first in own:
            raise StartRefused(f"plugin {plugin!r}: route /{base} is taken by the kernel")
        if first in taken and registry.entities[taken[first]].plugin != plugin:
            raise StartRefused(
                f"plugin {plugin!r}: route /{base} is taken by the entity {taken[first]}"
            )


def build(platform: Platform) -> Trellis:
    """Return the application of a platform."""
    registry = platform.registry
    check_paths(registry)
    config = platform.config.server
    renderer = make_renderer(registry)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await platform.start()
        yield
        await auth_of(platform).end()
        await platform.stop()

    try:
        app = Trellis(
            route_handlers=plugin_routers(registry),
            state=State({"platform": platform, "renderer": renderer}),
            lifespan=[lifespan],
            exception_handlers={Exception: answer_failure},
            openapi_config=None,
            cors_config=_cors(config.cors),
            request_max_body_size=1 << 20,
        )
    except Exception as error:
        raise StartRefused(f"the routes clash: {error}") from error
    routes = route_by_table(app, own_table(registry, renderer)).rows
    check_routes(routes, registry)
    app.state.routes = routes
    app.edge = Edge(app.inner, platform)
    return app


def own_table(registry: Registry, renderer: Renderer) -> list[Route]:
    """Return the generated routes, the kernel's, and those of the pages."""
    generated = [r for e in registry.entities.values() for r in entity_routes(registry, e)]
    return [*generated, *own_routes(), *admin_routes(registry, renderer)]


def _cors(origins: tuple[str, ...]) -> CORSConfig | None:
    if not origins:
        return None
    return CORSConfig(
        allow_origins=list(origins),
        allow_headers=["authorization", "content-type", "if-match", "idempotency-key"],
        expose_headers=["etag", "location", "x-request-id", "idempotency-replayed"],
    )


async def open_platform(
    file: ConfigFile, app_url: str, packages: Mapping[str, str] | None = None
) -> Platform:
    """Load the plugins, prove database and catalogue, and return the platform.

    A plugin whose chain is not at its head is left out (quarantined) with everything that requires
    it; the rest serves. Refuses with ``StartRefused`` a role that could bypass row security, a
    kernel that is not migrated, and whatever the catalogue lint finds.
    """
    loaded = load(file.current.plugins.installed, packages)
    revisions = await state(app_url, loaded.registry)
    behind = pending(revisions, loaded.registry)
    if "core" in behind:
        raise StartRefused("the database is not migrated: run `crm db migrate`")
    served = [n for n in file.current.plugins.installed if n not in behind]
    if behind:
        loaded = load(served, packages)
    _govern(file, loaded)
    given = file.current.database
    database = Database(
        app_url,
        size=given.pool_size,
        pooler=given.pooler,
        statement_timeout_ms=given.statement_timeout_ms,
    )
    async with database.engine.connect() as connection:
        await refuse_unfit_catalogue(connection, loaded.registry)
    platform = Platform(file, loaded, database)
    platform.quarantined = frozenset(behind)
    return platform


def _govern(file: ConfigFile, loaded: LoadedPlugins) -> None:
    requires = {n: p.manifest.requires for n, p in loaded.registry.plugins.items()}
    file.govern(lambda config: check_against_registry(config, loaded), requires)


async def create_app(
    file: ConfigFile, app_url: str, packages: Mapping[str, str] | None = None
) -> Trellis:
    """Return the application for a configuration and the URL of the application's role."""
    return build(await open_platform(file, app_url, packages))
