"""Orders that are counted: exact, once per key, in the customer's own currency."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from core.testing.world import Person, World
from plugins.customers.tests.factories import CUSTOMERS, act, made, pointers, read_json

pytestmark = pytest.mark.postgresql

PURCHASES = "/api/purchases/"


@pytest.fixture
async def customer(world: World, staff: Person) -> dict[str, Any]:
    return await made(world, staff)


async def test_order_counts_in_the_totals(world: World, staff: Person, customer: Any) -> None:
    """Ruling 27, CUS-03, CUS-04: three figures in one statement, and the average follows."""
    for total, when in (("100000", "2026-02-01T10:00:00Z"), (50_000.5, "2026-01-01T10:00:00Z")):
        answer = await act(
            world, staff, customer["id"], "record_order", {"total": total, "ordered_at": when}
        )
        assert answer.status_code == 200, answer.text
    row = answer.json()
    assert (row["total_orders"], row["total_spent"]) == (2, "150000.50")
    assert row["last_order_date"] == "2026-02-01T10:00:00Z"
    assert row["version"] == 3
    detail = await read_json(world, staff, f"{CUSTOMERS}{customer['id']}/")
    assert detail["average_order_value"] == pytest.approx(75_000.25)
    found = await read_json(world, staff, f"{PURCHASES}?customer={customer['id']}")
    assert [row["total"] for row in found["results"]] == ["100000.00", "50000.50"]


async def test_order_without_a_time_is_now(world: World, staff: Person, customer: Any) -> None:
    answer = await act(world, staff, customer["id"], "record_order", {"total": 0})
    row = answer.json()
    assert (row["total_orders"], row["total_spent"]) == (1, "0.00")
    age = datetime.now(UTC) - datetime.fromisoformat(row["last_order_date"])
    assert abs(age) < timedelta(minutes=1)


async def test_key_counts_once(world: World, staff: Person, customer: Any) -> None:
    """Ruling 27: idempotent by key; a key that means another order is refused."""
    body = {"total": "10.00", "key": f"pos-{uuid4()}"}
    for _ in range(3):
        answer = await act(world, staff, customer["id"], "record_order", body)
        assert answer.status_code == 200
        assert (answer.json()["total_orders"], answer.json()["version"]) == (1, 2)
    other = await made(world, staff)
    for id, sent in ((customer["id"], {**body, "total": 11}), (other["id"], body)):
        answer = await act(world, staff, id, "record_order", sent)
        assert (answer.status_code, answer.json()["code"]) == (409, "key_used")


async def test_parallel_orders_are_exact(world: World, staff: Person, customer: Any) -> None:
    """Ruling 27: nothing is lost, and a key that comes ten times at once counts once."""
    key = str(uuid4())
    bodies = [{"total": n} for n in range(1, 21)] + [{"total": 1000, "key": key}] * 10
    answers = await asyncio.gather(
        *(act(world, staff, customer["id"], "record_order", body) for body in bodies)
    )
    assert {a.status_code for a in answers} == {200}
    row = await read_json(world, staff, f"{CUSTOMERS}{customer['id']}/")
    assert (row["total_orders"], row["total_spent"]) == (21, "1210.00")


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, "#/total"),
        ({"total": -1}, "#/total"),
        ({"total": "many"}, "#/total"),
        ({"total": "1e3"}, "#/total"),
        ({"total": "0.001"}, "#/total"),
        ({"total": 10**17}, "#/total"),
        ({"total": True}, "#/total"),
        ({"total": 1, "currency": "USD"}, "#/currency"),
        ({"total": 1, "ordered_at": "2026-01-01T00:00:00"}, "#/ordered_at"),
        ({"total": 1, "ordered_at": "2999-01-01T00:00:00Z"}, "#/ordered_at"),
        ({"total": 1, "ordered_at": "soon"}, "#/ordered_at"),
        ({"total": 1, "key": ""}, "#/key"),
        ({"total": 1, "tip": 2}, "#/tip"),
    ],
)
async def test_wrong_order_is_refused(
    world: World, staff: Person, customer: Any, body: dict[str, Any], wrong: str
) -> None:
    answer = await act(world, staff, customer["id"], "record_order", body)
    assert pointers(answer) == [wrong]


@pytest.mark.parametrize(
    ("currency", "good", "bad", "shown"),
    [("JPY", "250", "250.5", "250"), ("KWD", "1.125", "1.1255", "1.125")],
)
async def test_currency_has_its_decimals(
    world: World, staff: Person, currency: str, good: str, bad: str, shown: str
) -> None:
    id = await world.plant("customers.customer", currency=currency, total_orders=0, total_spent=0)
    assert pointers(await act(world, staff, id, "record_order", {"total": bad})) == ["#/total"]
    answer = await act(world, staff, id, "record_order", {"total": good, "currency": currency})
    assert answer.json()["total_spent"] == shown


async def test_who_sees_purchases(world: World, staff: Person, customer: Any) -> None:
    """Ruling 28"""
    company = await world.plant("customers.company")
    id = customer["id"]
    await world.plant("customers.company_link", customer_id=id, company_id=company)
    await act(world, staff, id, "record_order", {"total": 5, "key": str(uuid4())})
    await world.plant("customers.purchase")
    seller = await world.person("seller", customers_company_id=company)
    himself = await world.person("customer", customers_customer_id=id)
    for who in (seller, himself):
        (row,) = (await read_json(world, who, PURCHASES))["results"]
        assert (row["total"], "key" in row) == ("5.00", False)
        answer = await world.ask(who, "POST", PURCHASES, {})
        assert answer.status_code == 405
