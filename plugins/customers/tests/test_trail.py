"""What is done to a customer stands in the history, with who, why, and whose customer it was."""

from typing import Any

import pytest

from core.testing.world import Person, World
from plugins.customers.tests.factories import CUSTOMERS, act, made, read_json

pytestmark = pytest.mark.postgresql


async def latest(world: World, who: Person, id: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the newest entry of a customer's history, and what it changed: field to [old, new]."""
    entry = (await read_json(world, who, f"{CUSTOMERS}{id}/history/"))["results"][0]
    return entry, {c["field"]: [c["old"], c["new"]] for c in entry["changes"]}


@pytest.mark.parametrize(
    ("action", "body", "changed"),
    [
        ("make_vip", {}, {"is_vip": [False, True]}),
        (
            "deactivate",
            {},
            {"is_active": [True, False], "status": ["active", "inactive"]},
        ),
        (
            "change_status",
            {"status": "closed"},
            {"is_active": [True, False], "status": ["active", "closed"]},
        ),
    ],
)
async def test_switch_is_logged(
    world: World, staff: Person, action: str, body: dict[str, Any], changed: dict[str, Any]
) -> None:
    """CUS-13, CUS-14, CUS-19, HIS-01, HIS-02"""
    customer = await made(world, staff, salesperson_id=str(staff.id))
    await act(world, staff, customer["id"], action, {**body, "reason": "As agreed."})
    entry, found = await latest(world, staff, customer["id"])
    assert found == changed
    assert (entry["reason"], entry["by"]["id"]) == ("As agreed.", str(staff.id))
    assert entry["request"]["operation"] == f"customers.customer.{action}"
    assert entry["responsible"]["id"] == str(staff.id)


async def test_transfer_is_attributed(world: World, staff: Person) -> None:
    """CUS-15, HIS-07, HIS-08: both salespeople stand there, each with what was his doing."""
    heir = await world.person("staff")
    customer = await made(world, staff, salesperson_id=str(staff.id))
    id = customer["id"]
    await act(world, staff, id, "make_vip")
    await act(world, staff, id, "transfer", {"salesperson_id": str(heir.id), "reason": "Leave."})
    for action in ("deactivate", "activate"):
        await act(world, staff, id, action)
    periods = (await read_json(world, staff, f"{CUSTOMERS}{id}/attribution/"))["results"]
    credit = {period["responsible"]["id"]: period["credit"] for period in periods}
    assert credit[str(staff.id)]["is_vip"]["gained"] == 1
    assert credit[str(heir.id)]["is_active"]["regained"] == 1


async def test_bulk_is_logged_one_by_one(world: World, staff: Person) -> None:
    """CUS-11, C-6: a set-based update does not go around the history."""
    ids = [(await made(world, staff))["id"] for _ in range(3)]
    body = {"customer_ids": ids, "action": "deactivate"}
    await world.ask(staff, "POST", f"{CUSTOMERS}bulk_update/", body)
    requests = set()
    for id in ids:
        entry, found = await latest(world, staff, id)
        assert found["is_active"] == [True, False]
        requests.add(entry["request"]["id"])
    assert len(requests) == 1
