"""Tiers over time: versions of the thresholds, the way to the next one, all customers anew."""

from typing import Any

import pytest

from core.testing.world import Person, World
from plugins.loyalty.services import tiers
from plugins.loyalty.tests.factories import customer, ledger, move, state

pytestmark = pytest.mark.postgresql

VERSIONS = "/api/loyalty-tier-versions/"
HARDER = [
    {"code": "bronze", "points": 0},
    {"code": "silver", "points": 300},
    {"code": "gold", "points": 900},
]


async def progress(world: World, who: Person, id: Any) -> dict[str, Any]:
    answer = await world.ask(who, "GET", f"/api/customers/{id}/tier_progress/")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        (0, ("bronze", "silver", 100, 100, 0)),
        (99, ("bronze", "silver", 100, 1, 99)),
        (100, ("silver", "gold", 500, 400, 0)),
        (300, ("silver", "gold", 500, 200, 50)),
        (1000, ("platinum", None, None, 0, 100)),
    ],
)
async def test_way_to_the_next_tier(
    world: World, staff: Person, points: int, expected: tuple[Any, ...]
) -> None:
    """LOY-02: tier progression."""
    id = await customer(world)
    if points:
        await move(world, staff, id, "earn", {"points": points, "reason": "Order"})
    found = await progress(world, staff, id)
    names = ("tier", "next_tier", "next_tier_at", "points_needed", "percent")
    assert tuple(found[name] for name in names) == expected
    assert found["points"] == points


async def test_history_of_tiers_comes_from_the_ledger(world: World, staff: Person) -> None:
    """LOY-02, LOY-08: each change with its entry; the tier holds since the last one."""
    id = await customer(world)
    began = (await progress(world, staff, id))["tier_since"]
    shown = (await world.ask(staff, "GET", f"/api/customers/{id}/")).json()
    assert began == shown["created_at"]
    for points in (600, 10, -400):
        await move(world, staff, id, "update_points", {"points": points, "reason": f"{points}"})
    found = await progress(world, staff, id)
    changes = [(c["before"], c["after"], c["points"], c["reason"]) for c in found["history"]]
    assert changes == [("gold", "silver", -400, "-400"), ("bronze", "gold", 600, "600")]
    assert found["tier_since"] == found["history"][0]["at"]
    entries = await ledger(world, staff, id)
    assert [(e["tier_before"], e["tier_after"]) for e in entries] == [
        ("bronze", "gold"),
        ("gold", "gold"),
        ("gold", "silver"),
    ]


async def test_thresholds_are_versioned(make_world: Any) -> None:
    """C-4: a change makes a version; entries name theirs; all customers follow by one action."""
    world = await make_world(("customers", "loyalty"), {})
    admin = await world.person("admin")
    ids = [await customer(world) for _ in range(3)]
    for id, points in zip(ids, (100, 500, 1000), strict=True):
        await move(world, admin, id, "earn", {"points": points, "reason": "Order"})
    answer = await world.ask(admin, "PATCH", "/api/settings/loyalty/", {"tiers": HARDER})
    assert answer.status_code == 200, answer.text
    await move(world, admin, ids[0], "earn", {"points": 1, "reason": "Order"})
    assert await state(world, admin, ids[0]) == (101, "bronze")
    assert await state(world, admin, ids[1]) == (500, "gold")
    found = (await world.ask(admin, "GET", f"{VERSIONS}?ordering=number")).json()["results"]
    assert [version["number"] for version in found] == [1, 2]
    assert found[1]["tiers"] == HARDER
    assert found[0]["valid_from"] < found[1]["valid_from"]
    answers = [
        await world.ask(admin, "POST", f"{VERSIONS}recalculate/", {"key": "now"}) for _ in range(2)
    ]
    assert [a.json() for a in answers] == [{"version": 2, "customers": 2}] * 2
    assert [(await state(world, admin, id))[1] for id in ids] == ["bronze", "silver", "gold"]
    entry = (await ledger(world, admin, ids[2]))[-1]
    assert (entry["kind"], entry["points"], entry["balance_after"]) == ("retiered", 0, 1000)
    assert (entry["tier_before"], entry["tier_after"]) == ("platinum", "gold")
    assert entry["tier_version"] == 2
    history = (await progress(world, admin, ids[2]))["history"]
    assert [(c["kind"], c["version"]) for c in history] == [("retiered", 2), ("earned", 1)]
    again = await world.ask(admin, "POST", f"{VERSIONS}recalculate/", {})
    assert again.json() == {"version": 2, "customers": 0}


async def test_lagging_worker_brings_no_old_version_back(make_world: Any) -> None:
    """Another process may hold the former setting for two seconds; there is still one version."""
    world = await make_world(("customers", "loyalty"), {})
    admin = await world.person("admin")
    id = await customer(world)
    await move(world, admin, id, "earn", {"points": 100, "reason": "Order"})
    before = world.tenant()
    await world.ask(admin, "PATCH", "/api/settings/loyalty/", {"tiers": HARDER})
    await move(world, admin, id, "earn", {"points": 1, "reason": "Order"})
    number, _ = await world.system().write(lambda unit: tiers.in_force(unit, before))
    assert number == 2


@pytest.mark.parametrize("who", ["staff", "seller", "customer"])
async def test_only_administrators_recalculate_and_expire(world: World, who: str) -> None:
    person = await world.person(who)
    for path in (f"{VERSIONS}recalculate/", "/api/loyalty-lots/expire/"):
        assert (await world.ask(person, "POST", path, {})).status_code == 403
