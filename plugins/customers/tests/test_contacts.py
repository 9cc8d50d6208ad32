"""Contacts of a customer: who sees and writes them, and that there is one primary at most."""

import asyncio
from typing import Any

import pytest

from core.testing.world import Person, World
from plugins.customers.tests.factories import made, pointers, read_json

pytestmark = pytest.mark.postgresql

CONTACTS = "/api/contacts/"


async def primaries(world: World, who: Person, customer: str) -> list[str]:
    found = await read_json(world, who, f"{CONTACTS}?customer={customer}&is_primary=true")
    return [row["name"] for row in found["results"]]


async def test_contact_has_its_fields(world: World, staff: Person) -> None:
    customer = (await made(world, staff))["id"]
    contact = await made(
        world,
        staff,
        CONTACTS,
        customer_id=customer,
        name="Budi",
        position="Buyer",
        email="Budi@Example.com",
        phone="0812 3456 7890",
        is_primary=True,
    )
    assert (contact["email"], contact["phone"]) == ("budi@example.com", "+6281234567890")
    assert contact["position"] == "Buyer"
    assert contact["is_primary"] is True
    again = {"customer_id": customer, "name": "B", "email": "budi@example.com"}
    assert (await world.ask(staff, "POST", CONTACTS, again)).status_code == 400
    other = (await made(world, staff))["id"]
    await made(world, staff, CONTACTS, **{**again, "customer_id": other})


async def test_newest_primary_replaces_the_one_before(world: World, staff: Person) -> None:
    customer, other = [(await made(world, staff))["id"] for _ in range(2)]
    ids = {}
    for name in ("first", "second"):
        given = {"customer_id": customer, "name": name, "is_primary": True}
        ids[name] = (await made(world, staff, CONTACTS, **given))["id"]
    assert await primaries(world, staff, customer) == ["second"]
    await world.ask(staff, "PATCH", f"{CONTACTS}{ids['first']}/", {"is_primary": True})
    assert await primaries(world, staff, customer) == ["first"]
    third = await made(world, staff, CONTACTS, customer_id=other, name="third", is_primary=True)
    moved = await world.ask(staff, "PATCH", f"{CONTACTS}{third['id']}/", {"customer_id": customer})
    assert moved.status_code == 200, moved.text
    assert await primaries(world, staff, customer) == ["third"]


async def test_many_primaries_at_once_are_refused(world: World, staff: Person) -> None:
    customer = (await made(world, staff))["id"]
    ids = [(await made(world, staff, CONTACTS, customer_id=customer, name=n))["id"] for n in "ab"]
    body = {"ids": ids, "set": {"is_primary": True}}
    answer = await world.ask(staff, "POST", f"{CONTACTS}bulk/", body)
    assert pointers(answer) == ["#/set/is_primary"]
    assert await primaries(world, staff, customer) == []


async def test_concurrent_primaries_leave_one(world: World, staff: Person) -> None:
    customer = (await made(world, staff))["id"]
    bodies = [{"customer_id": customer, "name": f"c{n}", "is_primary": True} for n in range(8)]
    answers = await asyncio.gather(*(world.ask(staff, "POST", CONTACTS, body) for body in bodies))
    assert {a.status_code for a in answers} == {201}
    assert len(await primaries(world, staff, customer)) == 1


async def test_database_refuses_a_second_primary(world: World) -> None:
    customer = await world.plant("customers.customer")
    await world.plant("customers.contact", customer_id=customer, is_primary=True)
    with pytest.raises(Exception, match="breaks a rule"):
        await world.plant("customers.contact", customer_id=customer, is_primary=True)


@pytest.mark.parametrize("bulk", [False, True])
async def test_restored_contact_is_no_second_primary(
    world: World, staff: Person, bulk: bool
) -> None:
    customer = (await made(world, staff))["id"]
    gone = []
    for name in ("old", "older"):
        given = {"customer_id": customer, "name": name, "is_primary": True}
        gone.append((await made(world, staff, CONTACTS, **given))["id"])
        await world.ask(staff, "DELETE", f"{CONTACTS}{gone[-1]}/")
    if bulk:
        body: dict[str, Any] = {"ids": gone, "action": "restore"}
        answer = await world.ask(staff, "POST", f"{CONTACTS}bulk/", body)
    else:
        await made(world, staff, CONTACTS, customer_id=customer, name="live", is_primary=True)
        answer = await world.ask(staff, "POST", f"{CONTACTS}{gone[0]}/restore/")
    assert answer.status_code == 200, answer.text
    assert len(await primaries(world, staff, customer)) == 1


async def test_sellers_read_those_of_their_customers(world: World) -> None:
    """Ruling 28"""
    company = await world.plant("customers.company")
    ours, theirs = [await world.plant("customers.customer") for _ in range(2)]
    await world.plant("customers.company_link", customer_id=ours, company_id=company)
    mine = await world.plant("customers.contact", customer_id=ours)
    await world.plant("customers.contact", customer_id=theirs)
    seller = await world.person("seller", customers_company_id=company)
    found = await read_json(world, seller, CONTACTS)
    assert [row["id"] for row in found["results"]] == [str(mine)]
    answer = await world.ask(seller, "PATCH", f"{CONTACTS}{mine}/", {"name": "X"})
    assert answer.status_code == 403


async def test_customers_keep_their_own(world: World) -> None:
    """Ruling 28: contacts of a customer who signs in are his to keep."""
    ours, theirs = [await world.plant("customers.customer") for _ in range(2)]
    himself = await world.person("customer", customers_customer_id=ours)
    foreign = await world.plant("customers.contact", customer_id=theirs)
    contact = await made(world, himself, CONTACTS, name="My assistant")
    assert contact["customer_id"] == str(ours)
    assert "notes" not in contact
    path = f"{CONTACTS}{contact['id']}/"
    assert (await world.ask(himself, "PATCH", path, {"phone": "+628111111111"})).status_code == 200
    moved = await world.ask(himself, "PATCH", path, {"customer_id": str(theirs)})
    assert moved.status_code == 400
    assert (await world.ask(himself, "GET", f"{CONTACTS}{foreign}/")).status_code == 404
    assert (await world.ask(himself, "DELETE", path)).status_code == 204


async def test_contacts_go_and_come_with_their_customer(world: World, staff: Person) -> None:
    """C-26"""
    customer = (await made(world, staff))["id"]
    contact = await made(world, staff, CONTACTS, customer_id=customer, name="A", is_primary=True)
    path = f"{CONTACTS}{contact['id']}/"
    await world.ask(staff, "DELETE", f"/api/customers/{customer}/")
    assert (await world.ask(staff, "GET", path)).status_code == 404
    await world.ask(staff, "POST", f"/api/customers/{customer}/restore/")
    assert (await read_json(world, staff, path))["is_primary"] is True
