"""The OpenAPI document: valid, the tenant's own, the principal's own, and true."""

import json
import re
from typing import Any

import httpx
import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from core.rest import docs
from core.rest.openapi.document import document_path, served_operations
from core.testing.kit import MakeWorld
from core.testing.world import Person, World

SAMPLES = {"library": "tests.sample_plugins.library", "lending": "tests.sample_plugins.lending"}
TWO = """
[plugins]
installed = ["library", "lending"]
[tenants.acme]
hosts = ["acme.localhost"]
plugins = ["library", "lending"]
[tenants.globex]
hosts = ["globex.localhost"]
plugins = ["library"]
"""


async def document(world: World, who: Person | None = None, **options: Any) -> dict[str, Any]:
    answer = await world.ask(who, "GET", "/api/openapi.json", **options)
    assert answer.status_code == 200, answer.text
    return answer.json()


def operations(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        operation["operationId"]: operation | {"path": path, "method": method.upper()}
        for path, methods in spec["paths"].items()
        for method, operation in methods.items()
    }


@pytest.fixture
async def two(make_world: MakeWorld) -> World:
    """Two tenants of which one has lending as well."""
    return await make_world(tuple(SAMPLES), SAMPLES, TWO)


async def test_it_is_valid_openapi_for_everyone(world: World, admin: Person, staff: Person):
    people = [None, admin, staff, await world.person(), await world.person("customer")]
    for who in people:
        found = await document(world, who)
        OPENAPI_31_VALIDATOR.validate(found)
        ids = [o["operationId"] for p in found["paths"].values() for o in p.values()]
        assert len(ids) == len(set(ids)), "operationIds are unique"
        for schema in found["components"]["schemas"].values():
            jsonschema_rs.Draft202012Validator(schema | {"components": found["components"]})


async def test_every_reference_leads_somewhere(world: World, admin: Person):
    found = await document(world, admin)
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(found))):
        here: Any = found
        for step in reference.split("/"):
            here = here[step.replace("~1", "/")]


async def test_every_served_route_is_described_and_no_other(world: World, admin: Person):
    described = {
        (method.upper(), path)
        for path, methods in (await document(world, admin))["paths"].items()
        for method in methods
    }
    real = {
        (method, document_path(path))
        for path, method, _ in served_operations(world.app.state.routes)
    }
    named = {(m, p) for m, p in real if "{name}" in p and "/docs/" not in p}
    assert {(m, p) for m, p in real - named if (m, p) not in described} == set()
    heads = {(m, p.partition("{name}")[0]) for m, p in named}
    extra = {(m, p) for m, p in described - real if (m, p[: p.rindex("/", 0, -1) + 1]) not in heads}
    assert extra == set()


async def test_a_plugin_that_is_off_leaves_no_trace(two: World):
    acme = await document(two, headers={"host": "acme.localhost"})
    globex = await document(two, headers={"host": "globex.localhost"})
    assert "lending_count" in json.dumps(acme)
    assert "lending" not in json.dumps(globex)
    two.file.write_text(TWO.replace('plugins = ["library"]\n', "plugins = []\n"))
    bare = await document(two, headers={"host": "globex.localhost"})
    assert "books_list" in operations(globex)
    assert "books_list" not in operations(bare)


async def test_a_principal_reads_what_he_may_do(world: World, admin: Person):
    inspector = await world.person("inspector")
    mine = operations(await document(world, inspector))
    assert "devices_inspect" in mine
    assert "devices_create" not in mine
    assert "users_list" not in mine
    schemas = (await document(world, inspector))["components"]["schemas"]
    assert set(schemas["DummyDevicePatch"]["properties"]) == {"manual"}
    assert "secret" not in schemas["DummyDevice"]["properties"]
    assert (
        "secret"
        in (await document(world, admin))["components"]["schemas"]["DummyDevice"]["properties"]
    )
    assert "#/components/parameters/devices.secret" not in json.dumps(mine["devices_list"])


async def test_filters_in_the_document_are_those_that_work(world: World, staff: Person):
    found = await document(world, staff)
    known = found["components"]["parameters"]
    for name in operations(found):
        if not name.endswith("_list"):
            continue
        operation = operations(found)[name]
        names = [known[p["$ref"].rpartition("/")[2]]["name"] for p in operation["parameters"]]
        assert "page_size" in names
    names = {p["name"] for key, p in known.items() if key.startswith("devices.")}
    assert {"serial", "serial__startswith", "labels", "weight__gte", "condition"} <= names
    assert "manual" not in names, "a field that does not filter is no parameter"
    assert known["devices.ordering"]["schema"]["items"]["enum"].count("-name") == 1


async def test_bodies_are_closed_and_say_what_is_required(world: World, staff: Person):
    schemas = (await document(world, staff))["components"]["schemas"]
    create, patch = schemas["DummyDeviceCreate"], schemas["DummyDevicePatch"]
    assert create["additionalProperties"] is False
    assert create["required"] == ["name"]
    assert "required" not in patch
    assert create["properties"]["name"]["maxLength"] == 120
    assert create["properties"]["state"]["enum"] == ["new", "used"]
    assert create["properties"]["colour"]["enum"] == ["red", "blue", None]
    assert "null" in create["properties"]["price"]["type"]
    assert "sealed" not in create["properties"], "a readonly field is in no body"


async def test_each_example_is_accepted_by_the_server(world: World, admin: Person):
    found = await document(world, admin)
    for name, operation in operations(found).items():
        if not name.endswith("_create") or name == "api_keys_create":
            continue
        body = operation["requestBody"]["content"]["application/json"]["example"]
        entity = next(
            e
            for e in world.platform.registry.entities.values()
            if f"/api/{e.resource}/" == operation["path"]
        )
        for field in entity.fields.values():
            if field.kind == "link" and field.name in body:
                body[field.name] = str(await world.plant(str(field.target)))
        answer = await world.ask(admin, "POST", operation["path"], body)
        assert answer.status_code == 201, (name, body, answer.text)
        record = {
            "$ref": operation["responses"]["201"]["content"]["application/json"]["schema"]["$ref"],
            "components": found["components"],
        }
        jsonschema_rs.Draft202012Validator(record, validate_formats=True).validate(answer.json())


async def test_a_page_of_the_trash_is_as_described(world: World, admin: Person):
    found = await document(world, admin)
    made = await world.ask(admin, "POST", "/api/devices/", {"name": "gone"})
    await world.ask(admin, "DELETE", f"/api/devices/{made.json()['id']}/")
    answer = await world.ask(admin, "GET", "/api/devices/trash/")
    assert answer.json()["results"][0]["deleted_at"]
    content = operations(found)["devices_trash"]["responses"]["200"]["content"]
    schema = content["application/json"]["schema"] | {"components": found["components"]}
    jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(answer.json())


async def test_operation_ids_are_stable(two: World):
    """Clients are generated from them: a name in this list is a promise."""
    found = operations(await document(two, headers={"host": "acme.localhost"}))
    verbs = "list create batch query trash options bulk get put patch delete restore purge"
    assert {f"books_{verb}" for verb in verbs.split()} <= set(found)
    assert {"auth_login", "auth_refresh", "auth_logout", "auth_me", "health"} <= set(found)


async def test_an_address_without_tenant(world: World, two: World):
    away = {"host": "127.0.0.1:8000"}
    small = operations(await document(two, headers=away))
    assert "auth_login" in small
    assert "health_ready" in small
    assert "books_list" not in small
    named = await two.ask(None, "GET", "/api/openapi.json?tenant=globex", headers=away)
    assert "books_list" in operations(named.json())
    for query in ("tenant=nobody", "tenant="):
        gone = await two.ask(None, "GET", f"/api/openapi.json?{query}", headers=away)
        assert gone.status_code == 404
    elsewhere = await two.ask(None, "GET", "/api/openapi.json?tenant=globex")
    assert elsewhere.status_code == 404, "an address of one tenant does not speak of another"
    typed = await two.ask(None, "GET", "/api/openapi.json?tenat=globex", headers=away)
    assert typed.status_code == 400


async def test_a_bad_credential_gets_no_document(world: World):
    answer = await world.ask(
        None, "GET", "/api/openapi.json", headers={"authorization": "Bearer crm_no"}
    )
    assert answer.status_code == 401


async def test_the_page_and_its_assets(world: World):
    page = await world.ask(None, "GET", "/api/docs")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert "style=" not in page.text
    assert "<script>" not in page.text
    names = re.findall(r'/api/docs/([^"]+)"', page.text)
    assert len(names) == 4
    for name in names:
        answer = await world.ask(None, "GET", f"/api/docs/{name}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.content == docs.assets()[name].content
        plain = await world.ask(
            None, "GET", f"/api/docs/{name}", headers={"accept-encoding": "identity"}
        )
        assert "content-encoding" not in plain.headers
    assert sum(len(a.content) for a in docs.assets().values()) < 3_000_000


@pytest.mark.parametrize(
    "path",
    [
        "VENDORED.toml",
        "..%2f__init__.py",
        "../__init__.py",
        "%2e%2e/__init__.py",
        "/etc/passwd",
        "..%5c__init__.py",
        "page.js",
        "swagger-ui.css%00",
    ],
)
async def test_only_listed_assets_exist(world: World, path: str):
    """F15: names are looked up; no path is ever built from one."""
    url = httpx.URL("http://testserver").copy_with(raw_path=f"/api/docs/{path}".encode())
    answer = await world.client.request("GET", url, headers={"host": "acme.localhost"})
    assert answer.status_code == 404


async def test_documentation_can_be_switched_off(make_world: MakeWorld):
    world = await make_world(tuple(SAMPLES), SAMPLES, TWO + "[server]\ndocs = false\n")
    name = next(iter(docs.assets()))
    for path in ("/api/openapi.json", "/api/docs", f"/api/docs/{name}"):
        assert (await world.ask(None, "GET", path)).status_code == 404
        assert (await world.ask(None, "GET", path)).json()["code"] == "not_found"


def test_vendored_files_are_what_the_list_says():
    import base64
    import hashlib
    import tomllib

    listed = tomllib.loads((docs.FOLDER / "VENDORED.toml").read_text())
    for name, expected in listed["sha384"].items():
        found = hashlib.sha384((docs.FOLDER / name).read_bytes()).digest()
        assert base64.b64encode(found).decode() == expected
