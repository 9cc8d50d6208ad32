"""What a ``before_write`` hook lays over the values of a write is written too, in every way."""

import pytest

from core.testing.world import Person, World

DEVICES = "/api/devices/"


async def test_hook_completes_a_create(world: World, staff: Person) -> None:
    answer = await world.ask(staff, "POST", DEVICES, {"name": "heirloom"})
    assert answer.status_code == 201, answer.text
    assert (answer.json()["name"], answer.json()["sealed"]) == ("Heirloom", 7)


async def test_hook_completes_a_batch(world: World, staff: Person) -> None:
    body = {"records": [{"name": "heirloom"}, {"name": "chair"}]}
    answer = await world.ask(staff, "POST", f"{DEVICES}batch/", body)
    assert answer.status_code == 201, answer.text
    found = [
        (await world.ask(staff, "GET", f"{DEVICES}{id}/")).json() for id in answer.json()["ids"]
    ]
    assert [(row["name"], row["sealed"]) for row in found] == [("Heirloom", 7), ("chair", 0)]


@pytest.mark.parametrize("bulk", [False, True])
async def test_hook_completes_an_update(world: World, staff: Person, bulk: bool) -> None:
    made = (await world.ask(staff, "POST", DEVICES, {"name": "table"})).json()
    path = f"{DEVICES}{made['id']}/"
    if bulk:
        body = {"ids": [made["id"]], "set": {"name": "heirloom"}}
        answer = await world.ask(staff, "POST", f"{DEVICES}bulk/", body)
    else:
        answer = await world.ask(staff, "PATCH", path, {"name": "heirloom"})
    assert answer.status_code == 200, answer.text
    row = (await world.ask(staff, "GET", path)).json()
    assert (row["name"], row["sealed"]) == ("Heirloom", 7)
