"""Lots of points: which end first, and what a reversal puts back."""

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
    last,
    lots,
    move,
    state,
)

pytestmark = pytest.mark.postgresql

REFUND = {"reason": "Refund"}


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


async def test_reversal_returns_points_to_their_lots(world: World, staff: Person) -> None:
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
