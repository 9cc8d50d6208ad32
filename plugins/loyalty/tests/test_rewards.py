"""Rewards: who gets which for how much, exact under concurrency, and taken back whole."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from core.testing.world import Person, World
from plugins.loyalty.tests.factories import customer, day, earn_until, ledger, lots, move, state

pytestmark = pytest.mark.postgresql

REWARDS = "/api/loyalty-rewards/"
NOW = datetime.now(UTC)


async def offer(world: World, who: Person, **values: Any) -> str:
    """Make a reward over REST; return its id."""
    body = {"name": f"Mug {uuid4()}", "points": 30} | values
    answer = await world.ask(who, "POST", REWARDS, body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def stock(world: World, who: Person, reward: str) -> int | None:
    answer = await world.ask(who, "GET", f"{REWARDS}{reward}/")
    found: int | None = answer.json()["stock"]
    return found


async def test_reward_costs_points(world: World, staff: Person) -> None:
    """LOY-05: points, stock, ledger and redemption in one transaction; the voucher is random."""
    id = await customer(world)
    await move(world, staff, id, "earn", {"points": 100, "reason": "Order"})
    reward = await offer(world, staff, name="Enamel mug", stock=2)
    answer = await move(world, staff, id, "redeem_reward", {"reward_id": reward})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["points"], found["balance"], found["tier"]) == (30, 70, "bronze")
    # 80 bits: 16 letters of 5 bits each.
    assert re.fullmatch(r"([A-Z2-7]{4}-){3}[A-Z2-7]{4}", found["voucher"])
    assert await stock(world, staff, reward) == 1
    path = f"/api/loyalty-redemptions/{found['redemption_id']}/"
    shown = (await world.ask(staff, "GET", path)).json()
    assert (shown["status"], shown["voucher"], shown["points"]) == ("issued", found["voucher"], 30)
    entry = (await ledger(world, staff, id))[-1]
    assert (entry["id"], entry["kind"]) == (shown["entry_id"], "redeemed")
    assert entry["reason"] == "Reward: Enamel mug"


async def test_stock_and_points_are_exact_under_concurrency(world: World, staff: Person) -> None:
    """No oversell: of 30 who ask at once, as many get one as there are; nobody pays for nothing."""
    reward = await offer(world, staff, stock=7)
    ids = [await customer(world) for _ in range(3)]
    for id in ids:
        await move(world, staff, id, "earn", {"points": 100, "reason": "Order"})
    body = {"reward_id": reward}
    answers = await asyncio.gather(
        *(move(world, staff, ids[n % 3], "redeem_reward", body) for n in range(30))
    )
    given = [a for a in answers if a.status_code == 200]
    assert len(given) == 7
    assert {a.json()["code"] for a in answers if a.status_code != 200} <= {
        "out_of_stock",
        "not_enough_points",
    }
    assert len({answer.json()["voucher"] for answer in given}) == 7
    assert await stock(world, staff, reward) == 0
    assert sum([(await state(world, staff, id))[0] for id in ids]) == 300 - 7 * 30


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"points": 101}, "not_enough_points"),
        ({"stock": 0}, "out_of_stock"),
        ({"is_active": False}, "not_offered"),
        ({"valid_from": (NOW + timedelta(days=2)).isoformat()}, "not_offered"),
        ({"valid_until": (NOW - timedelta(days=2)).isoformat()}, "not_offered"),
        ({"minimum_tier": "gold"}, "tier_too_low"),
    ],
)
async def test_reward_is_refused(
    world: World, staff: Person, values: dict[str, Any], code: str
) -> None:
    """LOY-05, LOY-07 tiered rewards: refused with 409, and nothing has changed."""
    id = await customer(world)
    await move(world, staff, id, "earn", {"points": 100, "reason": "Order"})
    reward = await offer(world, staff, **values)
    before = await stock(world, staff, reward)
    answer = await move(world, staff, id, "redeem_reward", {"reward_id": reward})
    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert await state(world, staff, id) == (100, "silver")
    assert await stock(world, staff, reward) == before


async def test_reward_of_a_tier_is_for_it_and_above(world: World, staff: Person) -> None:
    """LOY-07: tiered rewards."""
    reward = await offer(world, staff, minimum_tier="silver")
    for points in (100, 1000):
        id = await customer(world)
        await move(world, staff, id, "earn", {"points": points, "reason": "Order"})
        answer = await move(world, staff, id, "redeem_reward", {"reward_id": reward})
        assert answer.status_code == 200


async def test_cancelled_redemption_gives_points_and_stock_back(
    world: World, staff: Person
) -> None:
    """LOY-05: the points return to their lots with their end; once."""
    id = await customer(world)
    await earn_until(world, id, 20, day(1))
    await earn_until(world, id, 20, None)
    reward = await offer(world, staff, stock=1)
    taken = (await move(world, staff, id, "redeem_reward", {"reward_id": reward})).json()
    path = f"/api/loyalty-redemptions/{taken['redemption_id']}"
    refused = {"entry_id": (await ledger(world, staff, id))[-1]["id"], "reason": "Refund"}
    answer = await move(world, staff, id, "reverse_points", refused)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_reversible")
    body = {"reason": "Broken", "key": f"cancel-{id}"}
    answers = [await world.ask(staff, "POST", f"{path}/cancel/", body) for _ in range(2)]
    assert [a.status_code for a in answers] == [200, 200], answers[0].text
    assert answers[0].json()["status"] == "cancelled"
    assert await lots(world, staff, id) == [(20, 20, 1), (20, 20, None)]
    assert await stock(world, staff, reward) == 1
    for action in ({"path": "cancel", "body": {"reason": "Again"}}, {"path": "fulfil", "body": {}}):
        answer = await world.ask(staff, "POST", f"{path}/{action['path']}/", action["body"])
        assert (answer.status_code, answer.json()["code"]) == (409, "settled")


async def test_fulfilled_redemption_stays(world: World, staff: Person) -> None:
    id = await customer(world)
    await move(world, staff, id, "earn", {"points": 100, "reason": "Order"})
    reward = await offer(world, staff)
    taken = (await move(world, staff, id, "redeem_reward", {"reward_id": reward})).json()
    path = f"/api/loyalty-redemptions/{taken['redemption_id']}"
    answer = await world.ask(staff, "POST", f"{path}/fulfil/")
    assert answer.json()["status"] == "fulfilled"
    answer = await world.ask(staff, "POST", f"{path}/cancel/", {"reason": "Late"})
    assert (answer.status_code, answer.json()["code"]) == (409, "settled")
    assert await state(world, staff, id) == (70, "bronze")
    answer = await world.ask(staff, "DELETE", f"{REWARDS}{reward}/")
    assert (answer.status_code, answer.json()["code"]) == (409, "referenced")


async def test_same_key_takes_one_reward(world: World, staff: Person) -> None:
    id = await customer(world)
    await move(world, staff, id, "earn", {"points": 100, "reason": "Order"})
    reward, other = await offer(world, staff, stock=5), await offer(world, staff)
    body = {"reward_id": reward, "key": f"reward-{id}"}
    answers = await asyncio.gather(
        *(move(world, staff, id, "redeem_reward", body) for _ in range(6))
    )
    assert {a.status_code for a in answers} == {200}
    assert len({a.text for a in answers}) == 1
    assert await stock(world, staff, reward) == 4
    answer = await move(world, staff, id, "redeem_reward", body | {"reward_id": other})
    assert (answer.status_code, answer.json()["code"]) == (409, "key_used")


async def test_portal_sees_active_rewards_and_takes_its_own(world: World, staff: Person) -> None:
    """Scope own: the customer redeems for himself, reads his voucher, and changes no reward."""
    mine, other = await customer(world), await customer(world)
    person = await world.person("customer", customers_customer_id=mine)
    for id in (mine, other):
        await move(world, staff, id, "earn", {"points": 100, "reason": "Order"})
    shown, hidden = await offer(world, staff, stock=3), await offer(world, staff, is_active=False)
    for reward, status in ((shown, 200), (hidden, 404)):
        assert (await world.ask(person, "GET", f"{REWARDS}{reward}/")).status_code == status
        assert (await world.ask(staff, "GET", f"{REWARDS}{reward}/")).status_code == 200
    assert (
        await world.ask(person, "PATCH", f"{REWARDS}{shown}/", {"points": 1})
    ).status_code == 403
    answer = await move(world, person, mine, "redeem_reward", {"reward_id": shown})
    assert answer.status_code == 200, answer.text
    assert (
        await move(world, person, other, "redeem_reward", {"reward_id": shown})
    ).status_code == 404
    answer = await move(world, person, mine, "redeem_reward", {"reward_id": hidden})
    assert [e["code"] for e in answer.json()["errors"]] == ["unknown_record"]
    await move(world, staff, other, "redeem_reward", {"reward_id": shown})
    listed = (await world.ask(person, "GET", "/api/loyalty-redemptions/")).json()["results"]
    assert [UUID(row["customer_id"]) for row in listed] == [mine]
    assert listed[0]["voucher"]
    assert await stock(world, staff, shown) == 1
    path = f"/api/loyalty-redemptions/{listed[0]['id']}/cancel/"
    answer = await world.ask(person, "POST", path, {"reason": "Changed my mind"})
    assert answer.status_code == 403


async def test_voucher_is_not_for_sellers(world: World, staff: Person) -> None:
    company = await world.plant("customers.company")
    id = await customer(world)
    await world.plant("customers.company_link", customer_id=id, company_id=company)
    seller = await world.person("seller", customers_company_id=company)
    await move(world, staff, id, "earn", {"points": 100, "reason": "Order"})
    await move(world, staff, id, "redeem_reward", {"reward_id": await offer(world, staff)})
    (row,) = (await world.ask(seller, "GET", "/api/loyalty-redemptions/")).json()["results"]
    assert row["customer_id"] == str(id)
    assert "voucher" not in row
