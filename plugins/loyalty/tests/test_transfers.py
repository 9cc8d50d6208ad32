"""Transfers: points change hands and keep their end, whoever sends to whom at once."""

import asyncio
from uuid import uuid4

import pytest

from core.testing.world import Person, World
from plugins.loyalty.tests.factories import customer, day, earn_until, lots, move, state

pytestmark = pytest.mark.postgresql


async def test_transfer_keeps_the_end(world: World, staff: Person) -> None:
    """Both balances are right, and points do not live longer because they moved."""
    giver, receiver = await customer(world), await customer(world)
    await earn_until(world, giver, 30, day(1))
    await earn_until(world, giver, 90, None)
    body = {
        "from_customer_id": str(giver),
        "to_customer_id": str(receiver),
        "points": 100,
        "reason": "Family",
        "key": f"transfer-{giver}",
    }
    answers = [
        await world.ask(staff, "POST", "/api/customers/transfer_points/", body) for _ in range(2)
    ]
    assert answers[0].status_code == 200, answers[0].text
    found = answers[0].json()
    assert answers[1].json() == found
    assert (found["from"]["points"], found["from"]["balance"]) == (-100, 20)
    assert (found["to"]["points"], found["to"]["tier"]) == (100, "silver")
    assert await lots(world, staff, receiver) == [(30, 30, 1), (70, 70, None)]
    path = f"/api/loyalty-entries/?transfer={found['transfer']}"
    assert (await world.ask(staff, "GET", path)).json()["count"] == 2
    short = body | {"points": 21, "key": "more"}
    answer = await world.ask(staff, "POST", "/api/customers/transfer_points/", short)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_enough_points")


async def test_transfers_across_each_other_never_lock_up(world: World, staff: Person) -> None:
    """B13: ordered locks; what one gains the other loses."""
    ids = [await customer(world) for _ in range(3)]
    for id in ids:
        await move(world, staff, id, "earn", {"points": 100, "reason": "Order"})

    async def send(number: int) -> int:
        pair = ids[number % 3], ids[(number + 1 + number % 2) % 3]
        body = {
            "from_customer_id": str(pair[0]),
            "to_customer_id": str(pair[1]),
            "points": 1 + number % 5,
            "reason": "Family",
        }
        answer = await world.ask(staff, "POST", "/api/customers/transfer_points/", body)
        return int(answer.status_code)

    assert set(await asyncio.gather(*(send(n) for n in range(60)))) <= {200, 409}
    assert sum([(await state(world, staff, id))[0] for id in ids]) == 300


async def test_transfer_reaches_visible_customers_only(world: World, staff: Person) -> None:
    """Both ends are checked: another tenant's, a deleted and no customer are all the same."""
    giver, gone = await customer(world), await customer(world)
    foreign = await customer(world, tenant="globex")
    await move(world, staff, giver, "earn", {"points": 9, "reason": "Order"})
    await world.ask(staff, "DELETE", f"/api/customers/{gone}/")
    for other in (foreign, gone, uuid4(), giver):
        body = {"points": 1, "reason": "Family"}
        ends = {"from_customer_id": str(giver), "to_customer_id": str(other)}
        answer = await world.ask(staff, "POST", "/api/customers/transfer_points/", body | ends)
        assert answer.status_code == 400
        assert [e["pointer"] for e in answer.json()["errors"]] == ["#/to_customer_id"]
    assert await state(world, staff, giver) == (9, "bronze")
