"""The contract that point-of-sale clients were written against, path by path (loyalty aside)."""

from typing import Any
from uuid import uuid4

import pytest

from core.testing.world import Person, World
from plugins.customers.tests.factories import CUSTOMERS, made, pointers, read_json, somebody

LISTED = {
    "id",
    "tenant",
    "tenant_name",
    "name",
    "email",
    "phone",
    "address",
    "city",
    "province",
    "postal_code",
    "total_orders",
    "total_spent",
    "notes",
    "is_active",
    "created_at",
    "updated_at",
    "last_order_date",
}
BODY = {
    "phone": "08987654321",
    "address": "Jl. Thamrin No. 456",
    "city": "Jakarta",
    "province": "DKI Jakarta",
    "postal_code": "12346",
    "notes": "VIP customer",
}


async def test_customer_is_created_read_changed_and_deleted(world: World, staff: Person) -> None:
    """CUS-01, CUS-02, CUS-04: statuses, fields, and the tenant by id and name."""
    answer = await world.ask(staff, "POST", CUSTOMERS, somebody(**BODY))
    assert answer.status_code == 201
    path = f"{CUSTOMERS}{answer.json()['id']}/"
    row = await read_json(world, staff, path)
    assert set(row) >= {*LISTED, "average_order_value"}
    assert {name: row[name] for name in BODY if name != "phone"} == {
        name: value for name, value in BODY.items() if name != "phone"
    }
    assert (row["tenant"], row["tenant_name"]) == (str(world.tenant().id), "Acme")
    assert (row["average_order_value"], row["is_active"]) == (0.0, True)
    put = await world.ask(staff, "PUT", path, {**BODY, "name": "J", "email": row["email"]})
    assert (put.status_code, put.json()["name"]) == (200, "J")
    patch = await world.ask(staff, "PATCH", path, {"phone": "08123456789"})
    assert (patch.status_code, patch.json()["phone"]) == (200, "+628123456789")
    assert patch.json()["updated_at"] > row["updated_at"]
    gone = await world.ask(staff, "DELETE", path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await world.ask(staff, "GET", path)).status_code == 404


async def test_list_is_an_envelope_newest_first(world: World, staff: Person) -> None:
    """CUS-01, CUS-05: count, next, previous, results; pages of one's own size."""
    city = uuid4().hex
    ids = [(await made(world, staff, city=city))["id"] for _ in range(3)]
    page = await read_json(world, staff, f"{CUSTOMERS}?city={city}&page_size=2")
    assert (page["count"], page["previous"]) == (3, None)
    assert [row["id"] for row in page["results"]] == ids[:0:-1]
    assert all(set(row) >= LISTED for row in page["results"])
    second = await read_json(world, staff, page["next"])
    assert [row["id"] for row in second["results"]] == ids[:1]
    assert second["next"] is None
    assert second["previous"] is not None


@pytest.mark.parametrize(
    "field", ["name", "created_at", "total_orders", "total_spent", "last_order_date"]
)
async def test_list_is_ordered_both_ways(world: World, staff: Person, field: str) -> None:
    """CUS-05"""
    city = uuid4().hex
    for _ in range(3):
        await world.plant("customers.customer", city=city)
    path = f"{CUSTOMERS}?city={city}&ordering="
    up, down = [
        [row["id"] for row in (await read_json(world, staff, f"{path}{sign}{field}"))["results"]]
        for sign in ("", "-")
    ]
    assert len(up) == 3
    if field not in ("total_orders", "total_spent"):  # equal here: the id breaks the tie
        assert up == down[::-1]


async def test_list_is_filtered_and_searched(world: World, staff: Person) -> None:
    """CUS-06: is_active, city, province; search over name, e-mail and phone."""
    word = f"zebra{uuid4().hex[:8]}"
    one = await made(
        world, staff, name=f"{word} Ltd", province=word, phone="+6281377788899", is_active=False
    )
    await made(world, staff, province=word)
    for query in (
        f"province={word}&is_active=false",
        f"search={word}",
        f"search={one['email']}",
        f"search=81377788899&province={word}",
    ):
        found = await read_json(world, staff, f"{CUSTOMERS}?{query}")
        assert [row["id"] for row in found["results"]] == [one["id"]], query
    assert (await read_json(world, staff, f"{CUSTOMERS}?province={word}"))["count"] == 2


@pytest.mark.parametrize(
    ("change", "error", "pointer"),
    [
        ({"name": ""}, "Name is required", "#/name"),
        ({"name": None}, None, "#/name"),
        ({"email": "test@"}, None, "#/email"),
        ({"email": ""}, None, "#/email"),
        ({"phone": "0" * 21}, None, "#/phone"),
        ({"tenant": str(uuid4())}, "Tenant is read-only.", "#/tenant"),
        ({"tenant_name": "Globex"}, None, "#/tenant_name"),
    ],
)
async def test_wrong_field_is_named(
    world: World, staff: Person, change: dict[str, Any], error: str | None, pointer: str
) -> None:
    """CUS-17, C-2"""
    answer = await world.ask(staff, "POST", CUSTOMERS, somebody(**change))
    assert pointers(answer) == [pointer]
    if error:
        assert answer.json()["error"] == error


async def test_email_in_use_is_refused_in_every_write(world: World, staff: Person) -> None:
    """CUS-17, C-1"""
    first, second = await made(world, staff), await made(world, staff)
    path = f"{CUSTOMERS}{second['id']}/"
    for method, body in (
        ("PATCH", {"email": first["email"]}),
        ("PUT", {**second, "email": first["email"]}),
    ):
        answer = await world.ask(staff, method, path, body)
        assert pointers(answer) == ["#/email"]
        assert answer.json()["error"] == "Customer with this email already exists"


async def test_portal_does_not_see_the_tenants_id(world: World) -> None:
    """CUS-04, access: the id of the tenant is the staff's; its name is nobody's secret."""
    id = await world.plant("customers.customer")
    himself = await world.person("customer", customers_customer_id=id)
    row = await read_json(world, himself, f"{CUSTOMERS}{id}/")
    assert "tenant" not in row
    assert row["tenant_name"] == "Acme"


async def test_company_that_buys_has_no_customers_linked(world: World, staff: Person) -> None:
    """CUS-18: a seller's link leads to a company that sells; an employer is the customer's own."""
    buyer = await made(world, staff, "/api/companies/", name="Buyer Ltd", kind="customer")
    customer = await made(world, staff, company_id=buyer["id"])
    body = {"customer_id": customer["id"], "company_id": buyer["id"]}
    answer = await world.ask(staff, "POST", "/api/company-links/", body)
    assert pointers(answer) == ["#/company_id"]
    found = await read_json(world, staff, f"{CUSTOMERS}?company={buyer['id']}&expand=company")
    assert [row["company"]["name"] for row in found["results"]] == ["Buyer Ltd"]
    wrong = await world.ask(staff, "POST", CUSTOMERS, somebody(company_id=str(uuid4())))
    assert pointers(wrong) == ["#/company_id"]


async def test_customers_are_filtered_by_tag_vip_and_salesperson(
    world: World, staff: Person
) -> None:
    """CUS-13, CUS-15"""
    tag = uuid4().hex[:12]
    body = {"tags": [tag], "is_vip": True, "salesperson_id": str(staff.id)}
    one = await made(world, staff, **body)
    await made(world, staff, tags=[tag])
    for query in (f"tags={tag}&is_vip=true", f"tags={tag}&salesperson={staff.id}"):
        found = await read_json(world, staff, f"{CUSTOMERS}?{query}")
        assert [row["id"] for row in found["results"]] == [one["id"]]
