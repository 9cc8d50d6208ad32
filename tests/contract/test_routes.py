"""Every route is in the permission map: a right of an entity, "signed in", or the public list."""

from core.server.app import PUBLIC
from core.testing.probes import Stage
from core.testing.probes.requests import routes
from tests.contract.subjects import REGISTRY


async def test_every_route_names_its_right(stage: Stage) -> None:
    known = {f"{e.name}.{verb}" for e in REGISTRY.entities.values() for verb in REGISTRY.rights(e)}
    for route in routes(stage.world.app, REGISTRY):
        where = f"{route.method} {route.path}"
        if route.public:
            assert route.path in PUBLIC, where
            assert route.permission is None, where
        else:
            assert route.permission in known | {"signed_in"}, where


async def test_public_list_holds_nothing_that_is_gone(stage: Stage) -> None:
    """E2: the list of the kernel is exactly what answers without a credential."""
    assert {r.path for r in routes(stage.world.app, REGISTRY) if r.public} == PUBLIC


async def test_every_verb_of_every_entity_is_served(stage: Stage) -> None:
    served = {(r.entity, r.right) for r in routes(stage.world.app, REGISTRY)}
    for entity in REGISTRY.entities.values():
        for verb in entity.verbs:
            assert (entity.name, verb) in served
        for action in REGISTRY.actions.get(entity.name, ()):
            assert (entity.name, action.right) in served


async def test_only_http_is_served_and_other_methods_are_refused(stage: Stage) -> None:
    """No mount, no static folder, no websocket; TRACE and CONNECT answer nobody."""
    client = stage.world.client
    for route in stage.world.app.routes:  # of plugins' controllers; the table knows only HTTP
        assert type(route).__name__ == "HTTPRoute", route.path
    for path in ("/api/users/", "/health/"):
        for method in ("TRACE", "CONNECT", "PROPFIND"):
            answer = await client.request(method, path)
            assert answer.status_code in (400, 404, 405), f"{method} {path}"
