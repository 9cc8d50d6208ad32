"""The whole document: what is served, narrowed to a tenant and to what a principal may do."""

from collections.abc import Iterable, Iterator
from typing import Any

from core import VERSION
from core.model.entities import Declaration
from core.rest.openapi.action import action_operation
from core.rest.openapi.answers import HEADERS, Schema, shared_responses
from core.rest.openapi.builder import DocumentBuilder
from core.rest.openapi.custom_routes import custom_operations
from core.rest.openapi.entity import MADE
from core.rest.route import Route
from core.runtime.tenant import Tenant

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SECURITY: dict[str, Schema] = {
    "accessToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "`access` from the answer of POST /api/auth/login/; good for 15 minutes.",
    },
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "crm_…",
        "description": "An API key, limited to the scopes that it was made with.",
    },
}
ABOUT = """\
Every answer carries `X-Request-ID`; every refusal is `application/problem+json` (RFC 9457) with
`errors` for each wrong field. Paths end in a slash and are accepted without. Ids are UUIDs."""


def served_operations(table: Iterable[Route]) -> Iterator[tuple[str, str, Route]]:
    """Return each (path, method, route) that programs are served, but HEAD and OPTIONS.

    Pages are made for people and are no part of the interface.
    """
    by_path: dict[str, list[Route]] = {}
    for route in table:
        if route.path.startswith(("/api", "/health")):
            by_path.setdefault(route.path, []).append(route)
    for path, routes in by_path.items():
        for method in METHODS:
            yield from ((path, method, route) for route in routes if method in route.methods)


def document_path(path: str) -> str:
    """Return a route's path as clients write it: canonical ones under ``/api`` end in a slash."""
    parts = [f"{p.partition(':')[0]}}}" if ":" in p else p for p in path.split("/")]
    plain = "/".join(parts)
    file = plain.endswith(".json") or plain.startswith("/api/docs")
    return plain if file or not plain.startswith("/api") else f"{plain}/"


def is_usable(tenant: Tenant, rights: Any, route: Route, path: str) -> bool:
    """Return whether a principal with these rights can ever get something from a route."""
    opt = route.opt
    if opt.get("public"):
        return True
    plugin = opt.get("plugin")
    if plugin is not None and plugin not in tenant.enabled:
        return False
    permission = str(opt["permission"])
    if permission == "signed_in":
        return bool(rights.known)
    name, _, action = permission.rpartition(".")
    if name not in tenant.entities:
        return False
    if path.endswith("/options"):
        return bool(rights.actions(name))
    if path.endswith("/bulk"):
        return any(rights.may(name, verb) for verb in ("update", "delete", "restore", "purge"))
    return bool(rights.may(name, action))


def tenant_document(table: Iterable[Route], tenant: Tenant, rights: Any) -> Schema:
    """Return what ``tenant`` has enabled, as far as ``rights`` can use it."""
    builder = DocumentBuilder(tenant, rights)
    paths: dict[str, Schema] = {}
    used: dict[str, str] = {}
    for path, method, route in served_operations(table):
        if not is_usable(tenant, rights, route, path):
            continue
        entity = tenant.entities.get(str(route.opt.get("entity")))
        for place, made in _operations(builder, entity, route, path, method):
            if permission := route.opt.get("permission"):
                made["x-permission"] = permission
            paths.setdefault(document_path(place), {})[method.lower()] = made
            for tag in made["tags"]:
                used[tag] = entity.doc if entity is not None else used.get(tag, "")
    return _whole(builder, paths, used, tenant.config.name or tenant.slug)


def _operations(
    builder: DocumentBuilder, entity: Declaration | None, route: Route, path: str, method: str
) -> Iterator[tuple[str, Schema]]:
    if entity is None:
        yield from custom_operations(builder, route, path, method)
    else:
        yield path, _generated(builder, entity, path, method)


def _generated(builder: DocumentBuilder, entity: Declaration, path: str, method: str) -> Schema:
    rest = path.removeprefix(f"/api/{entity.resource}").replace("{id:str}", "{id}")
    made = MADE.get((rest, method))
    if made is not None:
        return made(builder, entity)
    name = rest.rpartition("/")[2]
    action = next(a for a in builder.tenant.actions(entity.name) if a.name == name)
    return action_operation(builder, entity, action)


def public_document(table: Iterable[Route], tenant: Tenant) -> Schema:
    """Return the document of an address without tenant: health and signing in."""
    builder = DocumentBuilder(tenant, tenant.rights((), known=False))
    paths: dict[str, Schema] = {}
    used: dict[str, str] = {}
    for path, method, route in served_operations(table):
        if route.opt.get("public"):
            for place, made in custom_operations(builder, route, path, method):
                paths.setdefault(document_path(place), {})[method.lower()] = made
                used |= dict.fromkeys(made["tags"], "")
    return _whole(builder, paths, used, "")


def _whole(
    builder: DocumentBuilder, paths: dict[str, Schema], used: dict[str, str], name: str
) -> Schema:
    tags = [{"name": t} | ({"description": doc} if doc else {}) for t, doc in used.items()]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Trellis: {name}" if name else "Trellis",
            "version": VERSION,
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{name: []} for name in SECURITY],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": builder.schemas,
            "parameters": builder.parameters,
            "headers": dict(HEADERS),
            "responses": shared_responses(),
            "securitySchemes": SECURITY,
        },
    }
