"""Lots of points: which end first, what a reversal puts back, what a transfer carries along."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from core.testing.world import Person, World
from plugins.loyalty.tests.factories import (
    customer,
    day,
    earn_until,
    expire,
    ledger,
    lots,
    move,
    state,
)

REFUND = {"reason": "Refund"}


async def last(world: World, who: Person, id: Any) -> dict[str, Any]:
    return (await ledger(world, who, id))[-1]


async def test_what_ends_first_goes_first(world: World, staff: Person) -> None:
    """LOY-07: by the end, then by age; what never ends comes last."""
    id = await customer(world)
    await earn_until(world, id, 10, None)
    await earn_until(world, id, 20, day(5))
    await earn_until(world, id, 30, day(2))
    await earn_until(world, id, 40, day(5))
    await move(world, staff, id, "redeem_points", {"points": 55, "reason": "Voucher"})
    assert await lots(world, staff, id) == [
        (30, 0, 2),
        (20, 0, 5),
        (40, 35, 5),
        (10, 10, None),
    ]
    entry = await last(world, staff, id)
    path = f"/api/loyalty-parts/?entry_id={entry['id']}"
    parts = (await world.ask(staff, "GET", path)).json()["results"]
    assert sorted(part["points"] for part in parts) == [-30, -20, -5]


async def test_reversal_puts_back_what_was_taken(world: World, staff: Person) -> None:
    """Each point returns to the lot it came from, with its end; of a part the last end first."""
    id = await customer(world)
    for points, end in ((10, 1), (20, 2), (30, 3)):
        await earn_until(world, id, points, day(end))
    await move(world, staff, id, "redeem_points", {"points": 45, "reason": "Voucher"})
    entry = await last(world, staff, id)
    body = REFUND | {"entry_id": entry["id"], "points": 25}
    answer = await move(world, staff, id, "reverse_points", body)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["points"], answer.json()["balance"]) == (25, 40)
    assert await lots(world, staff, id) == [(10, 0, 1), (20, 10, 2), (30, 30, 3)]
    back = await last(world, staff, id)
    assert (back["kind"], back["reverses_id"]) == ("reversed", entry["id"])


async def test_entry_is_reversed_once(world: World, staff: Person) -> None:
    """A refund happens once, full or partial, also when it is asked for many times at once."""
    id = await customer(world)
    await move(world, staff, id, "earn", {"points": 50, "reason": "Order"})
    entry = await last(world, staff, id)
    body = REFUND | {"entry_id": entry["id"], "points": 20}
    answers = await asyncio.gather(
        *(move(world, staff, id, "reverse_points", body) for _ in range(10))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"already_reversed"}
    assert await state(world, staff, id) == (30, "bronze")
    back = await last(world, staff, id)
    answer = await move(world, staff, id, "reverse_points", REFUND | {"entry_id": back["id"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_reversible")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"entry_id": str(uuid4())}, "#/entry_id"),
        ({"entry_id": "x"}, "#/entry_id"),
        ({"points": 51}, "#/points"),
        ({"points": 0}, "#/points"),
    ],
)
async def test_wrong_reversals_are_named(
    world: World, staff: Person, body: dict[str, Any], pointer: str
) -> None:
    id = await customer(world)
    await move(world, staff, id, "earn", {"points": 50, "reason": "Order"})
    entry = await last(world, staff, id)
    given = REFUND | {"entry_id": entry["id"]} | body
    answer = await move(world, staff, id, "reverse_points", given)
    assert answer.status_code == 400
    assert [e["pointer"] for e in answer.json()["errors"]] == [pointer]
    other = await customer(world)
    given = REFUND | {"entry_id": entry["id"]}
    assert (await move(world, staff, other, "reverse_points", given)).status_code == 400


async def test_reversed_earning_takes_its_own_lot_first(world: World, staff: Person) -> None:
    """Whoever returns an order loses the points of that order, not those that end earlier."""
    id = await customer(world)
    await earn_until(world, id, 10, day(1))
    order = await earn_until(world, id, 40, None)
    await move(world, staff, id, "reverse_points", REFUND | {"entry_id": order})
    assert await lots(world, staff, id) == [(10, 10, 1), (40, 0, None)]


async def test_reversal_of_spent_points_takes_what_is_left(world: World, staff: Person) -> None:
    """The setting ``spent`` = clamp: other lots stand in, and the balance never falls below 0."""
    id = await customer(world)
    order = await earn_until(world, id, 40, day(1))
    await move(world, staff, id, "earn", {"points": 15, "reason": "Order"})
    await move(world, staff, id, "redeem_points", {"points": 30, "reason": "Voucher"})
    answer = await move(world, staff, id, "reverse_points", REFUND | {"entry_id": order})
    found = answer.json()
    assert (found["requested"], found["points"], found["balance"]) == (-40, -25, 0)
    assert await lots(world, staff, id) == [(40, 0, 1), (15, 0, None)]


async def test_reversal_of_spent_points_is_refused_where_the_tenant_says_so(
    make_world: Any,
) -> None:
    """The setting ``spent`` = reject."""
    world = await make_world(("customers", "loyalty"), {})
    admin = await world.person("admin")
    sent = await world.ask(admin, "PATCH", "/api/settings/loyalty/", {"spent": "reject"})
    assert sent.status_code == 200, sent.text
    id = await customer(world)
    await move(world, admin, id, "earn", {"points": 40, "reason": "Order"})
    entry = await last(world, admin, id)
    await move(world, admin, id, "redeem_points", {"points": 1, "reason": "Voucher"})
    answer = await move(world, admin, id, "reverse_points", REFUND | {"entry_id": entry["id"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_enough_points")
    assert await state(world, admin, id) == (39, "bronze")


async def test_expiry_takes_what_is_due_and_no_more(make_world: Any) -> None:
    """LOY-04, LOY-07: all customers at once, exact, repeatable."""
    world = await make_world(("customers", "loyalty"), {})
    staff = await world.person("staff")
    ids = [await customer(world) for _ in range(3)]
    for id in ids:
        await earn_until(world, id, 100, day(1))
        await earn_until(world, id, 60, day(2))
    await move(world, staff, ids[0], "redeem_points", {"points": 130, "reason": "Voucher"})
    found = await expire(world, day(1))
    assert (found.customers, found.points) == (2, 200)
    assert [await state(world, staff, id) for id in ids] == [(30, "bronze")] + [(60, "bronze")] * 2
    entry = await last(world, staff, ids[1])
    assert (entry["kind"], entry["points"], entry["balance_after"]) == ("expired", -100, 60)
    assert (entry["tier_before"], entry["tier_after"]) == ("silver", "bronze")
    again = await expire(world, day(1))
    assert (again.customers, again.points) == (0, 0)
    refused = REFUND | {"entry_id": entry["id"]}
    answer = await move(world, staff, ids[1], "reverse_points", refused)
    assert answer.json()["code"] == "not_reversible"


async def test_points_end_as_the_tenant_sets(make_world: Any) -> None:
    """LOY-07: by default never; then so many months after they were earned."""
    world = await make_world(("customers", "loyalty"), {})
    admin = await world.person("admin")
    id = await customer(world)
    await move(world, admin, id, "earn", {"points": 1, "reason": "Order"})
    await world.ask(admin, "PATCH", "/api/settings/loyalty/", {"expiry_months": 12})
    await move(world, admin, id, "earn", {"points": 2, "reason": "Order"})
    await move(world, admin, id, "update_points", {"points": 3})
    context = world.system()
    rows = await context.fetch(
        "SELECT l.points, l.expires_at = l.created_at + interval '12 months' AS year"
        " FROM loyalty_lot l WHERE l.tenant_id = $1 ORDER BY l.points",
        context.tenant.id,
    )
    assert [tuple(row) for row in rows] == [(1, None), (2, True), (3, True)]
    await context.write(
        lambda unit: unit.execute(
            "UPDATE loyalty_lot SET expires_at = now() WHERE tenant_id = $1 AND points = 2",
            context.tenant.id,
        )
    )
    for _ in range(2):
        answer = await world.ask(admin, "POST", "/api/loyalty-lots/expire/", {"key": "tonight"})
        assert answer.json() == {"customers": 1, "points": 2}
    answer = await world.ask(admin, "POST", "/api/loyalty-lots/expire/", {})
    assert answer.json() == {"customers": 0, "points": 0}
    assert await state(world, admin, id) == (4, "bronze")


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


async def test_transfers_across_each_other_do_not_lock_up(world: World, staff: Person) -> None:
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


async def test_customer_in_the_trash_moves_no_points(world: World, staff: Person) -> None:
    id = await customer(world)
    entry = await earn_until(world, id, 10, day(3))
    await world.ask(staff, "DELETE", f"/api/customers/{id}/")
    bodies: dict[str, dict[str, Any]] = {
        "earn": {"points": 1, "reason": "Order"},
        "redeem_points": {"points": 1, "reason": "Order"},
        "update_points": {"points": 1},
        "reverse_points": REFUND | {"entry_id": entry},
        "redeem_reward": {"reward_id": str(uuid4())},
    }
    for action, body in bodies.items():
        assert (await move(world, staff, id, action, body)).status_code == 404
    await expire(world, day(3))
    assert (await world.ask(staff, "POST", f"/api/customers/{id}/restore/")).status_code == 200
    assert await state(world, staff, id) == (10, "bronze")
    await expire(world, day(3))
    assert await state(world, staff, id) == (0, "bronze")


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
