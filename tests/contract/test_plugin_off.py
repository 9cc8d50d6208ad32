"""Every plugin off for a tenant: as if it were not there; on again: its data is still there."""

import asyncio

import httpx
import pytest

from core.config import ConfigFile
from core.registry import hookspecs
from core.testing.kit import MakeWorld
from core.testing.pages import sign_in
from core.testing.probes import Oracle, Stage, Who, open_stage, person
from core.testing.probes.requests import Bodies, Route, routes
from tests.contract.subjects import BROUGHT, REGISTRY, named


def dependents(plugin: str) -> list[str]:
    """Return the plugins that cannot be without ``plugin``, the last to load first, and itself."""
    gone = {plugin}
    for name, other in BROUGHT.items():
        if gone & set(other.manifest.requires):
            gone.add(name)
    return [name for name in reversed(BROUGHT) if name in gone]


async def switch(stage: Stage, plugins: list[str], on: bool) -> None:
    """Edit the configuration as another process would; the application takes it over itself."""
    editor = ConfigFile(stage.world.file, environ={"CRM_HOME": str(stage.world.file.parent)})
    requires = {n: p.manifest.requires for n, p in BROUGHT.items()}
    editor.govern(lambda _: None, requires)
    for plugin in plugins:
        await asyncio.to_thread(editor.switch_plugin, "acme", plugin, on)


def plain(answer: httpx.Response) -> tuple[int, dict[str, object]]:
    """Return an answer without what names the request."""
    body = answer.json()
    for name in ("instance", "request_id"):
        body.pop(name, None)
    return answer.status_code, body


async def ask(stage: Stage, who: Who, route: Route) -> httpx.Response:
    body = Bodies(stage, Oracle(stage), who).of(route)
    row = stage.anchors.get((str(route.entity), "acme", "a"))
    path = route.address(row.id if row else None, "loyalty")
    given = {} if body is None else {"json": body}
    return await stage.world.client.request(route.method, path, headers=who.headers, **given)


@pytest.mark.parametrize("plugin", BROUGHT, ids=named)
async def test_off_is_absent_and_on_again_is_whole(plugin: str, make_world: MakeWorld) -> None:
    stage = await open_stage(await make_world())
    world, gone = stage.world, dependents(plugin)
    admin = await person(stage, "admin")
    before = {name: len(stage.of(name, tenant="acme")) for name in REGISTRY.entities}
    await switch(stage, gone, on=False)
    await _routes_are_unknown(stage, admin, gone)
    await _fields_are_unknown(stage, admin, gone)
    _silent(stage, gone)
    for name in gone:
        answer = await world.client.get(f"/api/settings/{name}/", headers=admin.headers)
        assert plain(answer) == plain(await _nowhere(stage, admin))
    assert set(gone) <= set(world.tenant("globex").enabled)
    await switch(stage, list(reversed(gone)), on=True)
    await _data_is_there(stage, admin, before)


async def _nowhere(stage: Stage, who: Who) -> httpx.Response:
    return await stage.world.client.get("/api/no-such-path/", headers=who.headers)


async def _routes_are_unknown(stage: Stage, admin: Who, gone: list[str]) -> None:
    wanted = plain(await _nowhere(stage, admin))
    assert wanted[0] == 404
    controllers = tuple(f"/api/{name.replace('_', '-')}/" for name in gone)
    actions = {(a.entity, a.name) for actions in REGISTRY.actions.values() for a in actions
               if a.plugin in gone}  # fmt: skip
    hidden, cookie = 0, {"cookie": f"crm_session={await sign_in(stage, admin)}"}
    for route in routes(stage.world.app, REGISTRY):
        own = route.entity is not None and REGISTRY.entities[route.entity].plugin in gone
        own |= route.path.startswith(controllers)
        own |= route.action is not None and (route.entity, route.action.name) in actions
        if own and route.is_page:
            if route.method == "GET":
                await _page_is_unknown(stage, cookie, route)
        elif own:
            hidden += 1
            answer = await ask(stage, admin, route)
            assert plain(answer) == wanted, f"{route.method} {route.path}"
    assert hidden > 0


async def _page_is_unknown(stage: Stage, cookie: dict[str, str], route: Route) -> None:
    row = stage.anchors.get((str(route.entity), "acme", "a"))
    path = route.address(row.id if row else None, "loyalty")
    answer = await stage.world.client.get(f"http://acme.localhost{path}", headers=cookie)
    assert answer.status_code == 404, route.path


async def _fields_are_unknown(stage: Stage, admin: Who, gone: list[str]) -> None:
    client, headers = stage.world.client, admin.headers
    for entity in REGISTRY.entities.values():
        added = [f for f in entity.fields.values() if f.plugin in gone]
        if entity.plugin in gone or not added:
            continue
        shown = (await client.get(f"/api/{entity.resource}/", headers=headers)).json()["results"]
        options = (await client.get(f"/api/{entity.resource}/options/", headers=headers)).json()
        names = {field["name"] for field in options["fields"]}
        assert shown
        for field in added:
            assert field.name not in names
            assert all(field.name not in record for record in shown)
            for query in (f"{field.name}=1", f"ordering={field.name}", f"fields={field.name}"):
                answer = await client.get(f"/api/{entity.resource}/?{query}", headers=headers)
                assert answer.status_code == 400
        keys = {a.key for a in entity.aggregates if a.plugin in gone}
        if keys:
            answer = await client.get(f"/api/{entity.resource}/stats/", headers=headers)
            assert not keys & set(answer.json())


def _silent(stage: Stage, gone: list[str]) -> None:
    hooks = stage.world.tenant().hooks
    for name, spec in vars(hookspecs).items():
        if getattr(spec, "crm_spec", None):
            assert not {i.plugin_name for i in hooks.implementations(name)} & set(gone)
    assert not {r for r, owner in REGISTRY.role_owners.items() if owner in gone} & set(
        stage.world.tenant().roles
    )


async def _data_is_there(stage: Stage, admin: Who, before: dict[str, int]) -> None:
    for name, entity in REGISTRY.entities.items():
        if "list" in entity.verbs and name != "core.user":
            path = f"/api/{entity.resource}/?count=exact"
            answer = await stage.world.client.get(path, headers=admin.headers)
            assert answer.json()["count"] == before[name]
            first = answer.json()["results"][0]
            shown = {
                f.name
                for f in entity.fields.values()
                if f.plugin in BROUGHT and not (f.system or f.detail_only or f.audience == ())
            }
            assert shown <= set(first)
