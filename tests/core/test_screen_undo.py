"""What a bulk set is taken back whatever its kind, and only where it still means the same."""

from typing import Any
from uuid import UUID

import pytest

from core.testing.world import Person
from tests.core.browsing import Browser
from tests.core.screens import customer
from tests.core.signing import Gate

DEVICES = "/api/devices/"
BEFORE = {
    "name": "Lamp",
    "manual": "Switch it on.",
    "contact": "old@undo.example",
    "hotline": "+6281234567890",
    "slots": 4,
    "weight": "1.250",
    "ratio": 0.5,
    "is_loud": False,
    "bought_on": "2024-02-29",
    "checked_at": "2024-03-01T23:30:00Z",
    "state": "new",
    "colour": "red",
    "labels": ["old", "blue lamp"],
    "extras": {"shelf": 3, "signs": ["a", None]},
    "currency": "IDR",
    "price": "12000.50",
    "custom": {"shelf": "A"},
    "secret": "before",
    "locked": None,
}
AFTER = {
    "name": "Torch",
    "manual": None,
    "contact": "new@undo.example",
    "hotline": None,
    "slots": 8,
    "weight": "2.000",
    "ratio": 2.0,
    "is_loud": True,
    "bought_on": "2025-01-01",
    "checked_at": None,
    "state": "used",
    "colour": None,
    "labels": [],
    "extras": {"shelf": 4},
    "currency": "JPY",
    "price": "99",
    "custom": {"shelf": "B", "lamp": "on"},
    "secret": "after",
    "locked": "now",
}


@pytest.fixture(scope="module")
def gate(world) -> Gate:
    return Gate(world)


@pytest.fixture(scope="module")
async def email(gate) -> str:
    return await gate.user("staff")


@pytest.fixture(scope="module")
async def browser(gate, email) -> Browser:
    return await Browser(gate).enter(email)


async def made(gate: Gate, who: Person, **values: Any) -> str:
    answer = await gate.world.ask(who, "POST", DEVICES, {**BEFORE, **values})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def row(gate: Gate, who: Person, id: str) -> dict[str, Any]:
    return dict((await gate.world.ask(who, "GET", f"{DEVICES}{id}/")).json())


async def bulk(gate: Gate, email: str, ids: list[str], values: dict[str, Any]) -> str:
    """Set values of many records; return where that is taken back."""
    token = (await gate.enter(email))["access"]
    answer = await gate.post(f"{DEVICES}bulk/", {"set": values, "ids": ids}, token=token)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["ids"]) == len(ids)
    return f"/app/devices/undo/{UUID(answer.headers['x-request-id'])}/"


async def test_every_writable_kind_is_undone(gate, browser, staff, email):
    """Ruling 18: money, decimals, days, moments, tags, objects, choices, links, addresses."""
    owners = [str(await customer(gate.world)) for _ in range(2)]
    ids = [
        await made(gate, staff, customer_id=owners[0], keeper_id=str(staff.id)),
        await made(gate, staff, price="7.25", currency="USD", weight=None, extras=None),
    ]
    was = [await row(gate, staff, id) for id in ids]
    writable = {name for name, field in _fields(gate).items() if _settable(field)}
    assert writable == {*AFTER, "customer_id", "keeper_id"}, "the test knows every field"
    undo = await bulk(gate, email, ids, {**AFTER, "customer_id": owners[1], "keeper_id": None})
    assert (await row(gate, staff, ids[0]))["price"] == "99"
    page = await browser.post(undo, page="/app/devices/")
    assert page.status_code == 303
    assert "2 records are as they were." in (await browser.get(page.headers["location"])).text
    for before, id in zip(was, ids, strict=True):
        after = await row(gate, staff, id)
        assert {n: after[n] for n in writable} == {n: before[n] for n in writable}


def _fields(gate: Gate) -> Any:
    return gate.platform.registry.entities["dummy.device"].fields


def _settable(field: Any) -> bool:
    """Whether a bulk may set the field of several records: serial is unique."""
    return not (field.system or field.readonly or field.sql or field.unique)


async def test_an_amount_whose_currency_was_changed_since_stays(gate, browser, staff, email):
    """The audit holds an amount in units of its currency: in another it is another amount."""
    ids = [await made(gate, staff, currency="USD", price=price) for price in ("5.00", "6.00")]
    undo = await bulk(gate, email, ids, {"price": "8.00", "currency": "USD"})
    path = f"{DEVICES}{ids[0]}/"  # 8.00 dollars and 800 yen are both 800 units
    moved = await gate.world.ask(staff, "PATCH", path, {"currency": "JPY", "price": "800"})
    assert moved.status_code == 200, moved.text
    assert (await browser.post(undo, page="/app/devices/")).status_code == 303
    assert [(await row(gate, staff, id))["price"] for id in ids] == ["800", "6.00"]
