"""Keys: a request that carries one has one effect, however often and at once it is sent."""

import asyncio

import pytest

from core.testing.world import Person, World
from plugins.loyalty.tests.factories import customer, last, ledger, move, state


@pytest.mark.parametrize("action", ["redeem_points", "update_points", "reverse_points"])
async def test_repeated_key_has_one_effect(world: World, staff: Person, action: str) -> None:
    """The same key at once and later: one entry, the same answer; for something else 409."""
    id = await customer(world)
    await move(world, staff, id, "earn", {"points": 50, "reason": "Order"})
    entry = await last(world, staff, id)
    key = {"key": f"{action}-{id}", "reason": "Once"}
    body = key | ({"entry_id": entry["id"]} if action == "reverse_points" else {"points": 7})
    answers = await asyncio.gather(*(move(world, staff, id, action, body) for _ in range(8)))
    answers.append(await move(world, staff, id, action, body))
    assert {answer.status_code for answer in answers} == {200}
    if action == "reverse_points":
        assert len({answer.text for answer in answers}) == 1
    assert len(await ledger(world, staff, id)) == 2
    other = {"points": 8, "reason": "Once", "key": key["key"]}
    for path in ("earn", "redeem_points"):
        answer = await move(world, staff, id, path, other)
        assert (answer.status_code, answer.json()["code"]) == (409, "key_used")


async def test_refused_request_leaves_its_key_free(world: World, staff: Person) -> None:
    id = await customer(world)
    body = {"points": 5, "reason": "Voucher", "key": f"free-{id}"}
    assert (await move(world, staff, id, "redeem_points", body)).status_code == 409
    await move(world, staff, id, "earn", {"points": 5, "reason": "Order"})
    assert (await move(world, staff, id, "redeem_points", body)).status_code == 200


async def test_customers_keys_are_their_own(world: World, staff: Person) -> None:
    """A customer who guesses the next order's key does not keep it from being counted."""
    id = await customer(world)
    person = await world.person("customer", customers_customer_id=id)
    await move(world, staff, id, "earn", {"points": 5, "reason": "Order"})
    key = f"order-{id}"
    for _ in range(2):
        body = {"points": 1, "reason": "Sticker", "key": key}
        assert (await move(world, person, id, "redeem_points", body)).status_code == 200
    answer = await move(world, staff, id, "earn", {"points": 3, "reason": "Order", "key": key})
    assert answer.status_code == 200, answer.text
    assert await state(world, staff, id) == (7, "bronze")
