"""Is the process alive, and can it serve?"""

from typing import Any, Literal

import msgspec
from litestar import Request
from litestar.response.base import ASGIResponse

from core.errors import Unavailable
from core.postgres.roles import Unfit
from core.rest.operation_doc import OperationDoc
from core.rest.responses import reply
from core.rest.route import READ, Route
from core.runtime.platform import Platform
from core.schema.chains import head, version_table


async def live(request: Request[Any, Any, Any]) -> ASGIResponse:
    """Answer as long as the process runs."""
    return reply({"status": "ok"})


async def ready(request: Request[Any, Any, Any]) -> ASGIResponse:
    """Answer 200 when database, migrations and plugins are fit to serve, else 503."""
    platform: Platform = request.app.state.platform
    checks: dict[str, Any] = {"database": "ok", "migrations": "ok", "plugins": "ok"}
    try:
        behind = await platform.database.read("SELECT 1", lambda c: _behind(c, platform))
        if behind:
            checks["migrations"] = {"behind": sorted(behind)}
    except (Unavailable, Unfit):
        checks["database"] = "unreachable"
    if platform.quarantined:
        checks["plugins"] = {"quarantined": sorted(platform.quarantined)}
    # A quarantined plugin is named, but the rest is served: only the others make it unready.
    fit = checks["database"] == "ok" and checks["migrations"] == "ok"
    return reply({"status": "ready" if fit else "unready", **checks}, 200 if fit else 503)


async def _behind(connection: Any, platform: Platform) -> list[str]:
    """Return the served plugins whose stored revision is not the one on disk."""
    found = []
    for name, plugin in platform.registry.plugins.items():
        newest = head(plugin)
        if newest is None:
            continue
        table = version_table(name)
        stored = await connection.fetchval(f'SELECT version_num FROM "{table}"')
        if stored != newest:
            found.append(name)
    return found


class Alive(msgspec.Struct, frozen=True):
    """The process runs."""

    status: Literal["ok"]


class Readiness(msgspec.Struct, frozen=True):
    """Whether the server can serve, and what keeps it from that."""

    status: Literal["ready", "unready"]
    database: str
    migrations: str | dict[str, list[str]]
    plugins: str | dict[str, list[str]]


def health_routes() -> list[Route]:
    """Return the two public probes."""

    def route(path: str, fn: Any, doc: OperationDoc) -> Route:
        return Route(path, READ, {"public": True, "doc": doc}, fn)

    alive = OperationDoc(id="health", tag="Health", summary="Does the process run?", answer=Alive)
    able = OperationDoc(
        id="health_ready",
        tag="Health",
        summary="Can it serve?",
        answer=Readiness,
        also={503: Readiness},
    )
    return [route("/health", live, alive), route("/health/ready", ready, able)]
