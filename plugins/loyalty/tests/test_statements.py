"""Statements: opening balance, entries, closing balance, and what ends soon."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from core.testing.world import Person, World
from plugins.loyalty.tests.factories import customer, earn_until, move

pytestmark = pytest.mark.postgresql

# Five in the afternoon of UTC is midnight in Jakarta.
TIMES = ("2026-01-31T16:59:59+00:00", "2026-01-31T17:00:00+00:00", "2026-02-28T16:59:59+00:00",
         "2026-02-28T17:00:00+00:00")  # fmt: skip


async def statement(world: World, who: Person, id: UUID, query: str = "") -> dict[str, Any]:
    answer = await world.ask(who, "GET", f"/api/customers/{id}/statement/{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
async def dated(world: World, staff: Person) -> UUID:
    """A customer with four entries of 10 points, at the edges of February in the tenant's zone."""
    id = await customer(world)
    for number, at in enumerate(TIMES, start=1):
        await world.plant(
            "loyalty.entry",
            customer_id=id,
            kind="earned",
            requested=10,
            points=10,
            balance_after=10 * number,
            reason=f"Order {number}",
            created_at=datetime.fromisoformat(at),
        )
    return id


async def test_period_has_the_tenants_days(world: World, staff: Person, dated: UUID) -> None:
    """LOY-04: from and to are days of the tenant, both included; balances join on."""
    found = await statement(world, staff, dated, "?from=2026-02-01&to=2026-02-28")
    assert (found["from"], found["to"]) == ("2026-02-01", "2026-02-28")
    assert (found["opening_balance"], found["closing_balance"]) == (10, 30)
    lines = [(line["reason"], line["points"], line["balance"]) for line in found["entries"]]
    assert lines == [("Order 2", 10, 20), ("Order 3", 10, 30)]
    whole = await statement(world, staff, dated)
    assert (whole["opening_balance"], whole["closing_balance"]) == (0, 40)
    assert len(whole["entries"]) == 4
    later = await statement(world, staff, dated, "?from=2026-03-02")
    assert (later["opening_balance"], later["closing_balance"]) == (40, 40)
    assert later["entries"] == []


async def test_statement_has_pages(world: World, staff: Person, dated: UUID) -> None:
    """Running balances and the balances of the period are the same on every page."""
    seen, page = [], 1
    while page:
        found = await statement(world, staff, dated, f"?page={page}&page_size=3")
        seen += [line["balance"] for line in found["entries"]]
        assert (found["opening_balance"], found["closing_balance"]) == (0, 40)
        page = found["next_page"]
    assert seen == [10, 20, 30, 40]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("?from=soon", "?from"),
        ("?from=2026-02-30", "?from"),
        ("?from=2026-03-01&to=2026-02-01", "?to"),
        ("?page_size=201", "?page_size"),
        ("?page=0", "?page"),
        ("?page=300", "?page"),
        ("?expiring_days=-1", "?expiring_days"),
        ("?since=2026-01-01", "?since"),
    ],
)
async def test_wrong_parameters_are_named(
    world: World, staff: Person, query: str, pointer: str
) -> None:
    id = await customer(world)
    answer = await world.ask(staff, "GET", f"/api/customers/{id}/statement/{query}")
    assert answer.status_code == 400
    assert [e["pointer"] for e in answer.json()["errors"]] == [pointer]


async def test_statement_of_the_last_day_of_time(world: World, staff: Person) -> None:
    id = await customer(world)
    found = await statement(world, staff, id, "?from=0001-01-01&to=9999-12-31")
    assert (found["entries"], found["next_page"]) == ([], None)


async def test_statement_lists_points_that_expire_soon(world: World, staff: Person) -> None:
    """LOY-07: the lots that end in the next days, the first to end first."""
    id = await customer(world)
    now = datetime.now(UTC)
    for points, days in ((10, 40), (20, 5), (40, 20), (80, None)):
        await earn_until(world, id, points, now + timedelta(days=days) if days else None)
    await move(world, staff, id, "redeem_points", {"points": 5, "reason": "Voucher"})
    found = await statement(world, staff, id)
    assert (found["expiring_days"], found["expiring_points"]) == (30, 55)
    assert [one["points"] for one in found["expiring"]] == [15, 40]
    found = await statement(world, staff, id, "?expiring_days=60")
    assert found["expiring_points"] == 65


async def test_balances_run_on_whatever_happened_at_once(world: World, staff: Person) -> None:
    """Each line's balance is the one before plus its points, also after parallel movements."""
    id = await customer(world)
    await asyncio.gather(
        *(move(world, staff, id, "update_points", {"points": n}) for n in (5, -3, 9, -20, 7) * 6)
    )
    found = await statement(world, staff, id, "?page_size=200")
    balance = 0
    for line in found["entries"]:
        balance += line["points"]
        assert line["balance"] == balance
    assert found["closing_balance"] == balance


@pytest.mark.parametrize("path", ["statement", "tier_progress"])
async def test_who_reads_statements(world: World, staff: Person, path: str) -> None:
    """Ruling 28: the customer his own, the seller those of the company, nobody else's."""
    company, other = await world.plant("customers.company"), await world.plant("customers.company")
    id, foreign = await customer(world), await customer(world)
    await world.plant("customers.company_link", customer_id=id, company_id=company)
    await move(world, staff, id, "earn", {"points": 5, "reason": "Order"})
    people = [
        (await world.person("seller", customers_company_id=company), 200),
        (await world.person("seller", customers_company_id=other), 404),
        (await world.person("customer", customers_customer_id=id), 200),
        (await world.person("customer", customers_customer_id=foreign), 404),
        (await world.person(), 403),
    ]
    for person, status in people:
        answer = await world.ask(person, "GET", f"/api/customers/{id}/{path}/")
        assert answer.status_code == status
        if status == 200 and path == "statement":
            assert answer.json()["closing_balance"] == 5
            assert len(answer.json()["entries"]) == 1
