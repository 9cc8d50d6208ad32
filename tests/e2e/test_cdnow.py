"""CDNOW's purchases over REST: 2,357 customers by batch, 6,919 purchases as earned points."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from core.testing.world import Person, World
from tests.e2e.data import data_file

pytestmark = pytest.mark.slow
AT_ONCE = 8
BATCH = 500
TIERS = ((1000, "platinum"), (500, "gold"), (100, "silver"), (0, "bronze"))


def purchases(path: Path) -> list[tuple[str, str, float]]:
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


async def earn_all(
    world: World, staff: Person, ids: dict[str, str], bought: list[tuple[str, str, float]]
) -> int:
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


async def test_cdnow_balances_and_tiers(world: World, staff: Person) -> None:
    """LOY-01, LOY-06, LOY-08: balances and tiers equal sums computed apart from the product."""
    bought = purchases(data_file("cdnow_sample.txt"))
    numbers = sorted({number for number, _, _ in bought})
    assert (len(numbers), len(bought)) == (2357, 6919)
    expected: Counter[str] = Counter()
    for number, _, dollars in bought:
        expected[number] += int(dollars)

    ids = await create_customers(world, staff, numbers)
    entries = await earn_all(world, staff, ids, bought)
    stored = await all_customers(world, staff)

    assert entries == sum(1 for _, _, dollars in bought if int(dollars))
    assert len(stored) == len(numbers)
    for customer in stored:
        points = expected[str(customer["email"])[len("cdnow-") : -len("@example.com")]]
        assert customer["loyalty_points"] == points
        assert customer["loyalty_tier"] == tier_of(points)
