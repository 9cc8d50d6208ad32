"""VIP, activity, status and salesperson of a customer: by action, by PATCH and in bulk."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from core.testing.world import Person, World
from plugins.customers.tests.factories import CUSTOMERS, act, made, pointers, read_json

pytestmark = pytest.mark.postgresql


@pytest.fixture
async def customer(world: World, staff: Person) -> dict[str, Any]:
    return await made(world, staff)


@pytest.mark.parametrize(
    ("action", "undo", "field", "start"),
    [
        ("make_vip", "revoke_vip", "is_vip", False),
        ("deactivate", "activate", "is_active", True),
    ],
)
async def test_switch_is_done_once(
    world: World, staff: Person, customer: Any, action: str, undo: str, field: str, start: bool
) -> None:
    """CUS-13, CUS-14: what is so already stays as it is, with its version."""
    for name, value, version in (
        (undo, start, 1),
        (action, not start, 2),
        (action, not start, 2),
        (undo, start, 3),
    ):
        answer = await act(world, staff, customer["id"], name, {"reason": "They asked for it."})
        assert answer.status_code == 200, answer.text
        assert (answer.json()[field], answer.json()["version"]) == (value, version)


async def test_reason_is_a_text_of_some_length(world: World, staff: Person, customer: Any) -> None:
    for reason in (3, "x" * 501):
        answer = await act(world, staff, customer["id"], "make_vip", {"reason": reason})
        assert pointers(answer) == ["#/reason"]
    answer = await act(world, staff, customer["id"], "make_vip", {"why": "x"})
    assert pointers(answer) == ["#/why"]


async def test_two_at_once_make_one_change(world: World, staff: Person, customer: Any) -> None:
    """CUS-13: idempotent also under concurrency."""
    answers = await asyncio.gather(
        *(act(world, staff, customer["id"], "make_vip") for _ in range(8))
    )
    assert {a.status_code for a in answers} == {200}
    row = await read_json(world, staff, f"{CUSTOMERS}{customer['id']}/")
    assert (row["is_vip"], row["version"]) == (True, 2)


@pytest.mark.parametrize(
    ("change", "status", "active"),
    [
        ({"is_active": False}, "inactive", False),
        ({"status": "suspended"}, "suspended", False),
        ({"status": "closed"}, "closed", False),
        ({"status": "inactive", "is_active": False}, "inactive", False),
        ({"is_active": True}, "active", True),
    ],
)
async def test_status_and_activity_are_one(
    world: World, staff: Person, change: dict[str, Any], status: str, active: bool
) -> None:
    """CUS-19, CUS-14: whichever word is written, the other follows; created, patched, put."""
    created = await made(world, staff, **change)
    assert (created["status"], created["is_active"]) == (status, active)
    plain = await made(world, staff)
    path = f"{CUSTOMERS}{plain['id']}/"
    patched = (await world.ask(staff, "PATCH", path, change)).json()
    assert (patched["status"], patched["is_active"]) == (status, active)
    back = await world.ask(staff, "PATCH", path, {"status": "active"})
    assert back.json()["is_active"] is True
    whole = {**back.json(), **change}
    put = await world.ask(staff, "PUT", path, whole)
    assert put.status_code == 200, put.text
    assert (put.json()["status"], put.json()["is_active"]) == (status, active)


async def test_status_contradicts_nothing(world: World, staff: Person) -> None:
    """CUS-19"""
    body = {"name": "A", "email": f"{uuid4().hex}@example.com"}
    answer = await world.ask(
        staff, "POST", CUSTOMERS, {**body, "status": "closed", "is_active": True}
    )
    assert pointers(answer) == ["#/is_active"]
    answer = await world.ask(staff, "POST", CUSTOMERS, {**body, "status": "asleep"})
    assert pointers(answer) == ["#/status"]


async def test_database_keeps_status_and_activity_in_step(world: World) -> None:
    """CUS-19: one truth, whoever writes; nothing else can be stored."""
    context = world.system()
    for values, stored in (
        ({"is_active": False}, ("inactive", False)),
        ({"status": "closed"}, ("closed", False)),
        ({"status": "active", "is_active": True}, ("active", True)),
    ):
        id = await world.plant("customers.customer", **values)
        row = await context.fetchrow(
            "SELECT c.status, c.is_active FROM customers_customer c"
            " WHERE c.tenant_id = $1 AND c.id = $2",
            context.tenant.id,
            id,
        )
        assert tuple(row) == stored


async def test_deactivated_stays_suspended(world: World, staff: Person, customer: Any) -> None:
    """CUS-19: deactivation is no lesser thing than suspension, and activation lifts both."""
    id = customer["id"]
    answer = await act(world, staff, id, "change_status", {"status": "suspended", "reason": "Debt"})
    assert (answer.json()["status"], answer.json()["version"]) == ("suspended", 2)
    again = await act(world, staff, id, "change_status", {"status": "suspended"})
    assert again.json()["version"] == 2
    assert (await act(world, staff, id, "deactivate")).json()["status"] == "suspended"
    assert (await act(world, staff, id, "activate")).json()["status"] == "active"
    assert pointers(await act(world, staff, id, "change_status", {"status": "gone"})) == [
        "#/status"
    ]


async def test_transfer_goes_to_somebody_who_works_here(
    world: World, staff: Person, stranger: Person, customer: Any
) -> None:
    """CUS-15"""
    id = customer["id"]
    heir = await world.person("staff")
    body = {"salesperson_id": str(heir.id), "reason": "Moved to the west."}
    answer = await act(world, staff, id, "transfer", body)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["salesperson_id"], answer.json()["version"]) == (str(heir.id), 2)
    assert (await act(world, staff, id, "transfer", body)).json()["version"] == 2
    portal = await world.person("customer")
    gone = await world.person("staff", is_active=False)
    for who, code in (
        (portal.id, "role"),
        (gone.id, "inactive"),
        (stranger.id, "unknown_record"),
        (uuid4(), "unknown_record"),
    ):
        refused = await act(world, staff, id, "transfer", {"salesperson_id": str(who)})
        assert pointers(refused) == ["#/salesperson_id"]
        assert refused.json()["errors"][0]["code"] == code
    for body in ({}, {"salesperson_id": "seven"}, {"salesperson_id": None}):
        assert pointers(await act(world, staff, id, "transfer", body)) == ["#/salesperson_id"]


async def test_salesperson_is_checked_in_every_write(world: World, staff: Person) -> None:
    """CUS-15: also where a customer is created, changed or changed with others."""
    portal = str((await world.person("customer")).id)
    body = {"name": "A", "email": f"{uuid4().hex}@example.com", "salesperson_id": portal}
    assert pointers(await world.ask(staff, "POST", CUSTOMERS, body)) == ["#/salesperson_id"]
    customer = await made(world, staff)
    path = f"{CUSTOMERS}{customer['id']}/"
    refused = await world.ask(staff, "PATCH", path, {"salesperson_id": portal})
    assert pointers(refused) == ["#/salesperson_id"]
    body = {"ids": [customer["id"]], "set": {"salesperson_id": portal}}
    assert pointers(await world.ask(staff, "POST", f"{CUSTOMERS}bulk/", body)) == [
        "#/salesperson_id"
    ]


async def test_update_with_salesperson_who_left_is_accepted(world: World, staff: Person) -> None:
    """CUS-15: a record may be put as it was read."""
    leaver = await world.person("staff", is_active=False)
    id = await world.plant("customers.customer", salesperson_id=leaver.id)
    path = f"{CUSTOMERS}{id}/"
    row = await read_json(world, staff, path)
    answer = await world.ask(staff, "PUT", path, {**row, "city": "Medan"})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({"status": "suspended"}, {"status": "suspended", "is_active": False}),
        ({"is_active": False}, {"status": "inactive", "is_active": False}),
        ({"is_vip": True}, {"is_vip": True}),
        ({"type": "enterprise"}, {"type": "enterprise"}),
    ],
)
async def test_many_are_changed_at_once(
    world: World, staff: Person, values: dict[str, Any], shown: dict[str, Any]
) -> None:
    """CUS-12: status, VIP and type over the bulk door; it reports what changed (C-6)."""
    ids = [(await made(world, staff))["id"] for _ in range(3)]
    elsewhere = str(uuid4())
    body = {"ids": [*ids, elsewhere], "set": values}
    answer = await world.ask(staff, "POST", f"{CUSTOMERS}bulk/", body)
    assert answer.status_code == 200, answer.text
    assert sorted(answer.json()["ids"]) == sorted(ids)
    assert answer.json()["skipped"] == [elsewhere]
    for id in ids:
        row = await read_json(world, staff, f"{CUSTOMERS}{id}/")
        assert {name: row[name] for name in shown} == shown
    again = await world.ask(staff, "POST", f"{CUSTOMERS}bulk/", body)
    assert again.json()["ids"] == []


async def test_many_go_to_another_salesperson(world: World, staff: Person) -> None:
    """CUS-12, CUS-15"""
    city = uuid4().hex
    ids = [(await made(world, staff, city=city))["id"] for _ in range(3)]
    heir = await world.person("staff")
    body = {
        "filter": {"field": "city", "op": "=", "value": city},
        "set": {"salesperson_id": str(heir.id)},
    }
    answer = await world.ask(staff, "POST", f"{CUSTOMERS}bulk/", body)
    assert sorted(answer.json()["ids"]) == sorted(ids)
    found = await read_json(world, staff, f"{CUSTOMERS}?salesperson={heir.id}")
    assert found["count"] == 3


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"action": "deactivate"}, {"is_active": False}),
        ({"action": "make_vip"}, {"is_vip": True}),
        ({"action": "change_status", "status": "closed"}, {"status": "closed"}),
    ],
)
async def test_bulk_action_does_one_thing_to_many(
    world: World, staff: Person, body: dict[str, Any], shown: dict[str, Any]
) -> None:
    """CUS-12"""
    ids = [(await made(world, staff))["id"] for _ in range(2)]
    elsewhere = str(uuid4())
    sent = {"customer_ids": [*ids, elsewhere], "reason": "Season's end.", **body}
    answer = await world.ask(staff, "POST", f"{CUSTOMERS}bulk-action/", sent)
    assert answer.status_code == 200, answer.text
    done = answer.json()
    assert (done["updated"], done["skipped"]) == (2, [elsewhere])
    assert done["message"] == "2 customers updated successfully"
    for id in ids:
        row = await read_json(world, staff, f"{CUSTOMERS}{id}/")
        assert {name: row[name] for name in shown} == shown


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, "#/customer_ids"),
        ({"customer_ids": [str(uuid4())]}, "#/action"),
        ({"customer_ids": [str(uuid4())], "action": "explode"}, "#/action"),
        ({"customer_ids": [str(uuid4())], "action": "change_status"}, "#/status"),
        ({"customer_ids": [str(uuid4())], "action": "transfer"}, "#/salesperson_id"),
    ],
)
async def test_bulk_action_needs_what_it_needs(
    world: World, staff: Person, body: dict[str, Any], wrong: str
) -> None:
    """CUS-12"""
    answer = await world.ask(staff, "POST", f"{CUSTOMERS}bulk-action/", body)
    assert pointers(answer) == [wrong]


async def test_bulk_action_hands_many_over(world: World, staff: Person) -> None:
    """CUS-12, CUS-15"""
    heir, portal = await world.person("staff"), await world.person("customer")
    id = (await made(world, staff))["id"]
    body = {"customer_ids": [id], "action": "transfer", "salesperson_id": str(portal.id)}
    answer = await world.ask(staff, "POST", f"{CUSTOMERS}bulk-action/", body)
    assert pointers(answer) == ["#/salesperson_id"]
    body["salesperson_id"] = str(heir.id)
    answer = await world.ask(staff, "POST", f"{CUSTOMERS}bulk-action/", body)
    assert answer.json()["ids"] == [id]


async def test_only_staff_may(world: World, customer: Any) -> None:
    """Ruling 28: a seller reads, a customer changes his contact fields."""
    company = await world.plant("customers.company")
    id = customer["id"]
    await world.plant("customers.company_link", customer_id=id, company_id=company)
    seller = await world.person("seller", customers_company_id=company)
    himself = await world.person("customer", customers_customer_id=id)
    for who in (seller, himself):
        for action in ("make_vip", "revoke_vip", "activate", "deactivate", "record_order"):
            assert (await act(world, who, id, action)).status_code == 403
        for action in ("transfer", "change_status"):
            assert (await act(world, who, id, action)).status_code == 403
