"""Declared actions: one guard, one transaction, the hooks of the write, one form of refusal."""

from uuid import uuid4

import msgspec
import pytest

from core.plugin import Action, Rejected
from core.registry.registry import Registry

pytestmark = pytest.mark.postgresql


async def device(world, **values):
    return str(await world.plant("dummy.device", sealed=0, **values))


def url(id, action="inspect"):
    return f"/api/devices/{id}/{action}/"


async def test_an_action_answers_with_the_record_as_the_caller_sees_it(world, staff):
    id = await device(world)
    inspector = await world.person("inspector")
    answer = await world.ask(inspector, "POST", url(id), {"verdict": "fine", "seal": 7})
    assert answer.status_code == 200
    read = await world.ask(inspector, "GET", f"/api/devices/{id}/")
    assert answer.json() == read.json()
    assert answer.headers["etag"] == read.headers["etag"]
    assert answer.json()["sealed"] == 7
    assert "secret" not in answer.json()


async def test_every_wrong_value_of_an_action_is_listed(world, staff):
    id = await device(world)
    answer = await world.ask(staff, "POST", url(id), {"seal": "x", "mood": 1})
    assert answer.status_code == 400
    assert {(e["pointer"], e["code"]) for e in answer.json()["errors"]} == {
        ("#/verdict", "required"),
        ("#/seal", "invalid"),
        ("#/mood", "unknown"),
    }
    assert (await world.ask(staff, "GET", f"/api/devices/{id}/")).json()["sealed"] == 0


async def test_a_rule_refuses_in_its_own_words(world, staff):
    id = await device(world)
    await world.ask(staff, "POST", url(id), {"verdict": "ok"})
    again = await world.ask(staff, "POST", url(id), {"verdict": "ok"})
    assert (again.status_code, again.json()["code"]) == (409, "sealed")
    assert again.json()["error"] == "The device is sealed already."


async def test_actions_have_their_own_permission(world):
    id = await device(world)
    customer = await world.person("customer")
    assert (await world.ask(customer, "POST", url(id), {"verdict": "x"})).status_code == 403
    assert (await world.ask(None, "POST", url(id), {"verdict": "x"})).status_code == 401
    staff = await world.person("staff")
    for unknown in (url(uuid4()), url("x"), url(id, "explode")):
        assert (await world.ask(staff, "POST", unknown, {"verdict": "x"})).status_code == 404
    assert (await world.ask(staff, "GET", url(id))).status_code == 405


async def test_an_action_on_the_collection_reads_only(world, staff):
    answer = await world.ask(staff, "GET", "/api/devices/loudest/")
    assert set(answer.json()) == {"count", "limit"}
    unknown = await world.ask(staff, "GET", "/api/devices/loudest/?limit=3")
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (400, "?limit")
    assert (await world.ask(staff, "POST", "/api/devices/loudest/", {})).status_code == 405


class Word(msgspec.Struct, frozen=True):
    """The body of the actions below."""

    name: str = ""


async def rename(ctx, unit, record, values):
    await unit.execute(
        "UPDATE dummy_device x SET name = $3 WHERE x.tenant_id = $1 AND x.id = $2",
        ctx.tenant.id,
        record["id"],
        values.name,
    )


async def rename_and_fail(ctx, unit, record, values):
    await rename(ctx, unit, record, values)
    raise Rejected("After all, no.", code="regret")


async def clash(ctx, unit, record, values):
    await unit.execute(
        "UPDATE dummy_device x SET serial = $3 WHERE x.tenant_id = $1 AND x.id = $2",
        ctx.tenant.id,
        record["id"],
        values.name,
    )


async def put_away(ctx, unit, record, values):
    await unit.execute(
        "UPDATE dummy_device x SET deleted_at = now() WHERE x.tenant_id = $1 AND x.id = $2",
        ctx.tenant.id,
        record["id"],
    )


@pytest.fixture
async def workshop(make_world, monkeypatch):
    """A world in which devices have four more actions."""
    import core.server.app
    from core.registry.loader import load

    def loading(names, packages=None):
        loaded = load(names, packages)
        found = loaded.registry
        more = tuple(
            Action(
                entity="dummy.device",
                name=fn.__name__,
                label=fn.__name__,
                run=fn,
                values=Word,
                permission="inspect",
                plugin="dummy",
            )
            for fn in (rename, rename_and_fail, clash, put_away)
        )
        own = {**found.actions, "dummy.device": (*found.actions["dummy.device"], *more)}
        fields = {n: getattr(found, n) for n in Registry.__struct_fields__ if n != "actions"}
        return msgspec.structs.replace(loaded, registry=Registry(**fields, actions=own))

    monkeypatch.setattr(core.server.app, "load", loading)
    return await make_world()


async def test_a_refused_action_leaves_nothing_behind(workshop):
    """A rule at the end, a constraint, or another plugin's hook: all is rolled back."""
    staff = await workshop.person("staff")
    await workshop.plant("dummy.device", serial="taken")
    id = await device(workshop, name="before", serial=None)
    for action, word, status, code in (
        ("rename_and_fail", "after", 409, "regret"),
        ("rename", "cursed", 409, "cursed"),
        ("clash", "taken", 400, "invalid"),
    ):
        answer = await workshop.ask(staff, "POST", url(id, action), {"name": word})
        assert (answer.status_code, answer.json()["code"]) == (status, code), action
    read = (await workshop.ask(staff, "GET", f"/api/devices/{id}/")).json()
    assert (read["name"], read["serial"], read["version"]) == ("before", None, 1)
    good = await workshop.ask(staff, "POST", url(id, "rename"), {"name": "after"})
    assert good.json()["name"] == "after"


async def test_an_action_may_take_its_record_away(workshop):
    staff = await workshop.person("staff")
    id = await device(workshop)
    answer = await workshop.ask(staff, "POST", url(id, "put_away"), {})
    assert (answer.status_code, answer.json()) == (200, {"id": id})


async def test_hooks_run_in_the_order_of_requirement(make_world, monkeypatch):
    """Part 2: a plugin's hook runs after those of the plugins that it requires."""
    world = await make_world()
    order = [impl.plugin_name for impl in world.tenant().hooks.implementations("before_write")]
    place = list(world.platform.registry.plugins)
    assert order == sorted(order, key=place.index)
    assert order[0] == "core"
    assert "dummy" in order


async def test_a_plugin_that_is_off_has_no_actions_rules_or_fields(make_world):
    """Part 2: off means 404 as for an unknown path, and silence everywhere else."""
    world = await make_world(
        config="""
[plugins]
installed = [{installed}]
[tenants.acme]
hosts = ["acme.localhost"]
plugins = ["customers"]
[tenants.globex]
hosts = ["globex.localhost"]
plugins = [{installed}]
"""
    )
    admin = await world.person("admin")
    unknown = await world.ask(admin, "GET", "/api/nothing-here/")
    for path in (
        "/api/devices/",
        f"/api/devices/{uuid4()}/",
        "/api/devices/loudest/",
        "/api/devices/stats/",
        "/api/dummy/ping/",
        "/api/loyalty-entries/",
    ):
        answer = await world.ask(admin, "GET", path)
        assert answer.status_code == 404, path
        for name in ("title", "detail", "code", "type", "error"):
            assert answer.json()[name] == unknown.json()[name]
    customer = await world.plant("customers.customer")
    for action, body in (("redeem_points", {"points": 1, "reason": "x"}), ("earn", {"points": 1})):
        answer = await world.ask(admin, "POST", f"/api/customers/{customer}/{action}/", body)
        assert answer.status_code == 404
    record = (await world.ask(admin, "GET", f"/api/customers/{customer}/")).json()
    assert not [name for name in record if name.startswith(("loyalty_", "dummy_"))]
    for query in ("loyalty_points__gte=1", "loyalty_level=gold", "ordering=loyalty_points"):
        assert (await world.ask(admin, "GET", f"/api/customers/?{query}")).status_code == 400
    refused = await world.ask(admin, "PATCH", f"/api/customers/{customer}/", {"dummy_rating": 1})
    assert refused.json()["errors"][0]["code"] == "unknown"
    other = await world.person("admin", tenant="globex")
    assert (await world.ask(other, "GET", "/api/devices/")).status_code == 200


async def test_a_one_time_token_is_never_stored(world, admin):
    """Ruling 19: answers are stored for retries, but a secret in one must not lie in a table."""
    user = await world.person("staff")
    path = f"/api/users/{user.id}/set_password/"
    reply = await world.ask(admin, "POST", path, headers={"idempotency-key": "secret-answer"})
    assert reply.status_code == 200, reply.text
    stored = await world.system().fetchval(
        "SELECT count(*) FROM core_idempotency i WHERE i.tenant_id = $1 AND i.key = $2",
        world.tenant().id,
        "secret-answer",
    )
    assert stored == 0
