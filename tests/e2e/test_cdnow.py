"""CDNOW's purchases over REST: 2,357 customers by batch, 6,919 purchases as earned points.

Balances, tiers, statements and histories are compared with sums computed apart from the product.
"""

import asyncio
from collections import defaultdict
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

from core.testing.world import Person, World
from tests.e2e.data import data_file

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # 18,000 requests
AT_ONCE = 8
BATCH = 500
Purchase = tuple[str, str, float]
TIERS = ((1000, "platinum"), (500, "gold"), (100, "silver"), (0, "bronze"))


def purchases(path: Path) -> list[Purchase]:
    """Return (customer, date, dollars) of each line of the file."""
    lines = (line.split() for line in path.read_text("ascii").splitlines() if line.strip())
    return [(sample, date, float(dollars)) for _, sample, date, _, dollars in lines]


def tier_of(points: int) -> str:
    """Return the tier by the thresholds of LOY-01, computed apart from the product."""
    return next(code for least, code in TIERS if points >= least)


async def create_customers(world: World, staff: Person, numbers: list[str]) -> dict[str, str]:
    """Create one customer per number by batch create; return the ids by number."""
    ids: dict[str, str] = {}
    for start in range(0, len(numbers), BATCH):
        part = numbers[start : start + BATCH]
        records = [{"name": f"CDNOW {n}", "email": f"cdnow-{n}@example.com"} for n in part]
        reply = await world.ask(
            staff, "POST", "/api/customers/batch/", json={"records": records, "atomic": True}
        )
        assert reply.status_code == 201, reply.text
        assert reply.json()["created"] == len(part)
        ids |= dict(zip(part, reply.json()["ids"], strict=True))
    return ids


async def earn_all(world: World, staff: Person, ids: dict[str, str], bought: list[Purchase]) -> int:
    """Earn one point per whole dollar of each purchase; return how many made an entry."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def earn(number: str, date: str, dollars: float) -> int:
        if int(dollars) == 0:
            return 0  # ruling 27: purchases of 0 dollars make no entry
        async with gate:
            reply = await world.ask(
                staff,
                "POST",
                f"/api/customers/{ids[number]}/earn/?fields=id",
                json={"points": int(dollars), "reason": f"Purchase of {date}"},
            )
        assert reply.status_code == 200, reply.text
        return 1

    return sum(await asyncio.gather(*(earn(*one) for one in bought)))


async def all_customers(world: World, staff: Person) -> list[dict[str, object]]:
    """Return every loaded customer by walking the cursor."""
    path = "/api/customers/?cursor=&page_size=200&email__startswith=cdnow-"
    path += "&fields=email,loyalty_points,loyalty_tier"
    found: list[dict[str, object]] = []
    while path:
        page = (await world.ask(staff, "GET", path)).json()
        found += page["results"]
        path = (page["next"] or "").removeprefix("http://testserver")
    return found


async def read_each_customer(
    world: World, staff: Person, ids: dict[str, str], ending: str
) -> dict[str, dict[str, Any]]:
    """Return what ``/api/customers/{id}/<ending>`` answers, by the customer's number."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def ask(number: str) -> tuple[str, dict[str, Any]]:
        async with gate:
            reply = await world.ask(staff, "GET", f"/api/customers/{ids[number]}/{ending}")
        assert reply.status_code == 200, reply.text
        return number, reply.json()

    return dict(await asyncio.gather(*(ask(number) for number in ids)))


def assert_statement(statement: dict[str, Any], bought: list[Purchase]) -> None:
    """Every purchase is an entry with its points, and the balances run to their sum."""
    points = [int(dollars) for _, _, dollars in bought if int(dollars)]
    assert statement["next_page"] is None
    assert statement["opening_balance"] == 0
    assert statement["closing_balance"] == sum(points)
    entries = statement["entries"]
    assert sorted((e["points"], e["reason"]) for e in entries) == sorted(
        (int(dollars), f"Purchase of {date}") for _, date, dollars in bought if int(dollars)
    )
    sums = list(accumulate(e["points"] for e in entries))
    assert [e["balance"] for e in entries] == sums
    assert [e["tier"] for e in entries] == [tier_of(balance) for balance in sums]


def assert_history(history: dict[str, Any], staff: Person, bought: list[Purchase]) -> None:
    """One entry for the creation and one per change, each from where the one before it ended."""
    points = [int(dollars) for _, _, dollars in bought if int(dollars)]
    first, *changes = reversed(history["results"])
    assert history["next_cursor"] is None
    assert first["action"] == "created"
    assert len(changes) == len(points)
    balance = 0
    for change in changes:
        fields = {one["field"]: one for one in change["changes"]}
        assert fields["loyalty_points"]["old"] == balance
        balance = fields["loyalty_points"]["new"]
        assert change["by"]["id"] == str(staff.id)
        assert change["request"]["operation"] == "customers.customer.earn"
        assert change["reason"].startswith("Purchase of ")
    assert balance == sum(points)


async def test_cdnow_balances_statements_and_histories(make_world: Any) -> None:
    """LOY-01, LOY-04, LOY-06, LOY-08, HIS-01, HIS-02: equal to sums computed apart."""
    bought = purchases(data_file("cdnow_sample.txt"))
    by_number: dict[str, list[Purchase]] = defaultdict(list)
    for purchase in bought:
        by_number[purchase[0]].append(purchase)
    numbers = sorted(by_number)
    assert (len(numbers), len(bought)) == (2357, 6919)
    world = await make_world(plugins=("customers", "loyalty"), packages={})
    staff = await world.person("staff")

    ids = await create_customers(world, staff, numbers)
    entries = await earn_all(world, staff, ids, bought)
    assert entries == sum(1 for _, _, dollars in bought if int(dollars))

    stored = await all_customers(world, staff)
    assert len(stored) == len(numbers)
    for customer in stored:
        number = str(customer["email"])[len("cdnow-") : -len("@example.com")]
        points = sum(int(dollars) for _, _, dollars in by_number[number])
        assert customer["loyalty_points"] == points
        assert customer["loyalty_tier"] == tier_of(points)

    statements = await read_each_customer(world, staff, ids, "statement/?page_size=200")
    histories = await read_each_customer(world, staff, ids, "history/?page_size=200")
    for number in numbers:
        assert_statement(statements[number], by_number[number])
        assert_history(histories[number], staff, by_number[number])
    assert sum(len(one["entries"]) for one in statements.values()) == entries
