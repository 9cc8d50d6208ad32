"""Points over the whole application: earning, adjusting, redeeming, and what the ledger says."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from core.testing.world import Person, World
from plugins.loyalty.tests.factories import customer, ledger, move, state

pytestmark = pytest.mark.postgresql

MOST = 2**31 - 1


async def test_new_customer_has_no_points_and_the_first_tier(world: World, staff: Person) -> None:
    """LOY-01"""
    id = await customer(world)
    assert await state(world, staff, id) == (0, "bronze")
    assert await ledger(world, staff, id) == []


@pytest.mark.parametrize(
    ("points", "tier"),
    [
        (1, "bronze"),
        (99, "bronze"),
        (100, "silver"),
        (499, "silver"),
        (500, "gold"),
        (999, "gold"),
        (1000, "platinum"),
        (MOST, "platinum"),
    ],
)
async def test_tier_follows_from_points(
    world: World, staff: Person, points: int, tier: str
) -> None:
    """LOY-01"""
    id = await customer(world)
    answer = await move(world, staff, id, "earn", {"points": points, "reason": "Purchase"})
    assert answer.status_code == 200, answer.text
    assert await state(world, staff, id) == (points, tier)


async def test_tier_changes_at_once_both_ways(world: World, staff: Person) -> None:
    """LOY-08"""
    id = await customer(world)
    for points, tier in ((500, "gold"), (500, "platinum"), (-1, "gold"), (-900, "bronze")):
        answer = await move(world, staff, id, "update_points", {"points": points})
        assert answer.status_code == 200
        assert answer.json()["loyalty_tier"] == tier


async def test_update_points_returns_the_whole_customer(world: World, staff: Person) -> None:
    """LOY-03"""
    id = await customer(world)
    body = {"points": 50, "reason": "Bonus points for birthday"}
    answer = await move(world, staff, id, "update_points", body)
    assert answer.status_code == 200
    shown = (await world.ask(staff, "GET", f"/api/customers/{id}/")).json()
    assert answer.json() == shown
    assert (shown["loyalty_points"], shown["average_order_value"]) == (50, 0.0)
    (entry,) = await ledger(world, staff, id)
    assert (entry["kind"], entry["reason"]) == ("adjusted", "Bonus points for birthday")
    assert (entry["requested"], entry["points"], entry["balance_after"]) == (50, 50, 50)
    assert entry["created_by"] == str(staff.id)


@pytest.mark.parametrize("points", ["50", " 50 ", "+50", 50.0])
async def test_update_points_takes_what_int_takes(world: World, staff: Person, points: Any) -> None:
    """LOY-03: the source reads ``points`` with ``int()``."""
    id = await customer(world)
    answer = await move(world, staff, id, "update_points", {"points": points})
    assert answer.status_code == 200, answer.text
    assert answer.json()["loyalty_points"] == 50


@pytest.mark.parametrize(
    "points", ["abc", "", "1.5", 1.5, None, True, [], {}, "٣", 10**30, -MOST - 1, 2**31, "9" * 400]
)
async def test_update_points_refuses_what_is_no_integer(
    world: World, staff: Person, points: Any
) -> None:
    """LOY-03"""
    id = await customer(world)
    answer = await move(world, staff, id, "update_points", {"points": points})
    assert (answer.status_code, answer.json()["error"]) == (400, "Invalid points value")
    assert await ledger(world, staff, id) == []


async def test_adjustment_floors_at_zero_and_the_ledger_says_so(
    world: World, staff: Person
) -> None:
    """LOY-03, C-3: requested and applied are both kept, even when nothing was left to take."""
    id = await customer(world)
    for points in (30, -100, -5):
        answer = await move(world, staff, id, "update_points", {"points": points, "reason": "r"})
        assert answer.status_code == 200
    entries = await ledger(world, staff, id)
    found = [(e["requested"], e["points"], e["balance_after"]) for e in entries]
    assert found == [(30, 30, 30), (-100, -30, 0), (-5, 0, 0)]


async def test_adjustment_below_zero_is_refused_where_the_tenant_says_so(make_world: Any) -> None:
    """C-3: the policy is the tenant's."""
    world = await make_world(("customers", "loyalty"), {})
    admin = await world.person("admin")
    settings = {"below_zero": "reject"}
    answer = await world.ask(admin, "PATCH", "/api/settings/loyalty/", settings)
    assert answer.status_code == 200, answer.text
    id = await customer(world)
    answer = await move(world, admin, id, "update_points", {"points": -1})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_enough_points")
    assert await ledger(world, admin, id) == []


async def test_redeeming_more_than_there_is_changes_nothing(world: World, staff: Person) -> None:
    id = await customer(world)
    await move(world, staff, id, "earn", {"points": 10, "reason": "Purchase"})
    answer = await move(world, staff, id, "redeem_points", {"points": 11, "reason": "Mug"})
    assert answer.status_code == 409
    assert answer.json()["code"] == "not_enough_points"
    answer = await move(world, staff, id, "redeem_points", {"points": 10, "reason": "Mug"})
    assert answer.status_code == 200
    assert await state(world, staff, id) == (0, "bronze")
    entries = await ledger(world, staff, id)
    assert [(e["kind"], e["requested"], e["points"]) for e in entries] == [
        ("earned", 10, 10),
        ("redeemed", -10, -10),
    ]


@pytest.mark.parametrize("action", ["earn", "redeem_points"])
@pytest.mark.parametrize("points", [0, -1, 1.5, "5", True, None, MOST + 1])
async def test_earning_and_redeeming_take_whole_numbers_above_zero(
    world: World, staff: Person, action: str, points: Any
) -> None:
    id = await customer(world)
    answer = await move(world, staff, id, action, {"points": points, "reason": "Purchase"})
    assert answer.status_code == 400
    assert [e["pointer"] for e in answer.json()["errors"]] == ["#/points"]


@pytest.mark.parametrize("action", ["earn", "redeem_points"])
async def test_every_wrong_field_is_named(world: World, staff: Person, action: str) -> None:
    """LOY-04: a reason is on every transaction."""
    id = await customer(world)
    answer = await move(world, staff, id, action, {"points": 0, "tier": "gold"})
    assert answer.status_code == 400
    assert {e["pointer"] for e in answer.json()["errors"]} == {"#/points", "#/tier", "#/reason"}


async def test_points_beyond_an_integer_are_refused(world: World, staff: Person) -> None:
    id = await customer(world)
    await move(world, staff, id, "earn", {"points": MOST, "reason": "Jackpot"})
    for action in ("earn", "update_points"):
        answer = await move(world, staff, id, action, {"points": 1, "reason": "More"})
        assert answer.status_code == 400
        assert [e["code"] for e in answer.json()["errors"]] == ["maximum"]
    assert await state(world, staff, id) == (MOST, "platinum")


async def test_event_with_a_key_counts_once(world: World, staff: Person) -> None:
    one, other = await customer(world), await customer(world)
    key = f"order-{one}"
    body = {"points": 7, "reason": "Order", "key": key}
    for _ in range(2):
        assert (await move(world, staff, one, "earn", body)).status_code == 200
    assert await state(world, staff, one) == (7, "bronze")
    for id, changed in ((one, body | {"points": 8}), (other, body)):
        answer = await move(world, staff, id, "earn", changed)
        assert (answer.status_code, answer.json()["code"]) == (409, "key_used")
    assert len(await ledger(world, staff, one)) == 1


async def test_same_event_in_parallel_counts_once(world: World, staff: Person) -> None:
    id = await customer(world)
    body = {"points": 7, "reason": "Order", "key": f"order-{id}"}
    answers = await asyncio.gather(*(move(world, staff, id, "earn", body) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert await state(world, staff, id) == (7, "bronze")


async def test_ledger_cannot_be_written_past_the_rules(world: World, admin: Person) -> None:
    """LOY-04: the ledger has no route that writes, and the database refuses to change it."""
    id = await customer(world)
    await move(world, admin, id, "earn", {"points": 5, "reason": "Purchase"})
    (entry,) = await ledger(world, admin, id)
    path = f"/api/loyalty-entries/{entry['id']}/"
    for method, where in (("POST", "/api/loyalty-entries/"), ("PATCH", path), ("DELETE", path)):
        assert (await world.ask(admin, method, where, {"points": 9})).status_code == 405

    async def change(unit: Any) -> None:
        sql = "UPDATE loyalty_entry SET points = 9 WHERE tenant_id = $1 AND id = $2"
        await unit.execute(sql, world.tenant().id, UUID(entry["id"]))

    with pytest.raises(Exception, match="permission"):
        await world.system().write(change)
    for field in ("loyalty_points", "loyalty_tier"):
        answer = await world.ask(admin, "PATCH", f"/api/customers/{id}/", {field: 1000})
        assert answer.status_code == 400


async def test_customer_with_points_can_be_deleted_but_not_purged(
    world: World, admin: Person
) -> None:
    id = await customer(world)
    await move(world, admin, id, "earn", {"points": 5, "reason": "Purchase"})
    assert (await world.ask(admin, "DELETE", f"/api/customers/{id}/")).status_code == 204
    refused = await world.ask(admin, "POST", f"/api/customers/{id}/purge/")
    assert (refused.status_code, refused.json()["code"]) == (409, "has_points")
    assert (await world.ask(admin, "POST", f"/api/customers/{id}/restore/")).status_code == 200
    await move(world, admin, id, "redeem_points", {"points": 5, "reason": "Farewell"})
    assert (await world.ask(admin, "DELETE", f"/api/customers/{id}/")).status_code == 204
    purged = await world.ask(admin, "POST", f"/api/customers/{id}/purge/")
    assert purged.status_code == 204, purged.text
    assert await ledger(world, admin, id) == []


async def test_figures_add_up_per_tenant(world: World, stranger: Person) -> None:
    """LOY-06, CUS-08"""
    ids = [await customer(world, tenant="globex", city="Tierville") for _ in range(5)]
    for id, points in zip(ids, (50, 100, 600, 1000), strict=False):
        await move(world, stranger, id, "earn", {"points": points, "reason": "Purchase"})
    answer = await world.ask(stranger, "GET", "/api/customers/stats/?city=Tierville")
    found = answer.json()
    assert found["total_customers"] == 5
    assert found["total_loyalty_points"] == 1750
    assert found["customers_by_tier"] == {"bronze": 2, "silver": 1, "gold": 1, "platinum": 1}


@pytest.mark.parametrize("level", ["gold", "Gold", "GOLD"])
async def test_list_by_loyalty_level(world: World, staff: Person, level: str) -> None:
    """CUS-06: bronze, silver, gold or platinum, however it is written."""
    id = await customer(world, city=f"Levelton {level}")
    await customer(world, city=f"Levelton {level}")
    await move(world, staff, id, "earn", {"points": 777, "reason": "Purchase"})
    path = f"/api/customers/?loyalty_level={level}&city=Levelton {level}"
    answer = await world.ask(staff, "GET", path)
    assert [row["id"] for row in answer.json()["results"]] == [str(id)]


async def test_unknown_loyalty_level_names_the_known(world: World, staff: Person) -> None:
    """CUS-06"""
    answer = await world.ask(staff, "GET", "/api/customers/?loyalty_level=wood")
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "?loyalty_level"
    assert error["allowed"] == ["bronze", "silver", "gold", "platinum"]


async def test_plugin_off_takes_its_words_away(make_world: Any) -> None:
    """Ruling 26: without loyalty there are no points, figures, filters or actions."""
    config = (
        '[plugins]\ninstalled = [{installed}]\n[tenants.acme]\nname = "Acme"\n'
        'hosts = ["acme.localhost"]\nplugins = ["customers"]\n'
        '[tenants.globex]\nname = "Globex"\nhosts = ["globex.localhost"]\n'
        "plugins = [{installed}]\n"
    )
    world = await make_world(("customers", "loyalty"), {}, config)
    admin = await world.person("admin")
    id = await customer(world)
    shown = (await world.ask(admin, "GET", f"/api/customers/{id}/")).json()
    assert not [name for name in shown if name.startswith("loyalty")]
    figures = (await world.ask(admin, "GET", "/api/customers/stats/")).json()
    assert set(figures) == {"total_customers", "active_customers"}
    for method, path in (
        ("POST", f"/api/customers/{id}/earn/"),
        ("GET", "/api/loyalty-entries/"),
    ):
        assert (await world.ask(admin, method, path)).status_code == 404
    answer = await world.ask(admin, "GET", "/api/customers/?loyalty_level=gold")
    assert answer.status_code == 400
