"""Customers over the whole application: their fields, refusals, figures and bulk activation."""

from uuid import uuid4

import pytest

from core.testing.world import Person, World

pytestmark = pytest.mark.postgresql

FIELDS = {
    "id",
    "name",
    "email",
    "phone",
    "address",
    "city",
    "province",
    "postal_code",
    "type",
    "is_vip",
    "salesperson_id",
    "tags",
    "notes",
    "is_active",
    "currency",
    "total_orders",
    "total_spent",
    "last_order_date",
    "created_at",
    "updated_at",
}


def somebody(**values: object) -> dict[str, object]:
    return {"name": "Jane Smith", "email": f"jane-{uuid4().hex}@example.com", **values}


async def made(world: World, who: Person, **values: object) -> dict[str, object]:
    answer = await world.ask(who, "POST", "/api/customers/", somebody(**values))
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_customer_has_the_fields_of_the_source(world: World, staff: Person) -> None:
    """CUS-02, CUS-03"""
    body = somebody(
        phone="08987654321",
        address="Jl. Thamrin No. 456",
        city="Jakarta",
        province="DKI Jakarta",
        postal_code="12346",
        notes="VIP customer",
    )
    body["email"] = str(body["email"]).upper()
    answer = await world.ask(staff, "POST", "/api/customers/", body)
    assert answer.status_code == 201
    customer = answer.json()
    assert set(customer) >= FIELDS
    assert customer["email"] == str(body["email"]).lower()
    assert customer["phone"] == "+628987654321"
    assert customer["type"] == "individual"
    assert customer["currency"] == "IDR"
    assert customer["is_active"] is True
    assert customer["is_vip"] is False
    assert (customer["total_orders"], customer["total_spent"]) == (0, "0.00")
    assert customer["last_order_date"] is None


@pytest.mark.parametrize(
    ("field", "most"), [("name", 200), ("city", 100), ("province", 100), ("postal_code", 10)]
)
async def test_text_beyond_its_length_is_refused(
    world: World, staff: Person, field: str, most: int
) -> None:
    """CUS-02"""
    await made(world, staff, **{field: "x" * most})
    answer = await world.ask(
        staff, "POST", "/api/customers/", somebody(**{field: "x" * (most + 1)})
    )
    assert answer.status_code == 400
    assert [e["pointer"] for e in answer.json()["errors"]] == [f"#/{field}"]


async def test_missing_name_is_refused_in_the_words_of_the_source(
    world: World, staff: Person
) -> None:
    """CUS-17"""
    for body in ({"email": "a@example.com"}, {"name": " ", "email": "a@example.com"}):
        answer = await world.ask(staff, "POST", "/api/customers/", body)
        assert answer.status_code == 400
        assert answer.json()["error"] == "Name is required"
        assert [e["pointer"] for e in answer.json()["errors"]] == ["#/name"]


async def test_bad_email_is_refused(world: World, staff: Person) -> None:
    """CUS-17"""
    answer = await world.ask(staff, "POST", "/api/customers/", somebody(email="test@"))
    assert answer.status_code == 400
    assert [e["pointer"] for e in answer.json()["errors"]] == ["#/email"]


async def test_email_is_unique_in_the_tenant_however_it_is_written(
    world: World, staff: Person, stranger: Person
) -> None:
    """CUS-17, C-1"""
    customer = await made(world, staff)
    body = somebody(email=str(customer["email"]).title())
    answer = await world.ask(staff, "POST", "/api/customers/", body)
    assert answer.status_code == 400
    assert answer.json()["error"] == "Customer with this email already exists"
    assert [e["pointer"] for e in answer.json()["errors"]] == ["#/email"]
    # Another tenant may have the same person, and so may this one after the first is in the trash.
    await made(world, stranger, email=body["email"])
    gone = await world.ask(staff, "DELETE", f"/api/customers/{customer['id']}/")
    assert gone.status_code == 204
    await made(world, staff, email=body["email"])


async def test_update_with_own_email_is_accepted(world: World, staff: Person) -> None:
    """CUS-17"""
    customer = await made(world, staff)
    answer = await world.ask(staff, "PUT", f"/api/customers/{customer['id']}/", customer)
    assert answer.status_code == 200, answer.text


async def test_totals_are_read_only(world: World, staff: Person) -> None:
    """CUS-03, C-2"""
    customer = await made(world, staff)
    for field, value in (
        ("total_orders", 5),
        ("total_spent", "10.00"),
        ("last_order_date", "2025-01-01T00:00:00Z"),
        ("tenant_id", str(uuid4())),
    ):
        path = f"/api/customers/{customer['id']}/"
        answer = await world.ask(staff, "PATCH", path, {field: value})
        assert answer.status_code == 400, field
        assert [e["pointer"] for e in answer.json()["errors"]] == [f"#/{field}"]


async def test_types_are_the_tenants_dictionary(world: World, staff: Person) -> None:
    """CUS-16"""
    for code in ("individual", "small_business", "enterprise", "government"):
        assert (await made(world, staff, type=code))["type"] == code
    answer = await world.ask(staff, "POST", "/api/customers/", somebody(type="pirate"))
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["allowed"] == [
        "individual",
        "small_business",
        "enterprise",
        "government",
    ]


@pytest.mark.parametrize(
    ("orders", "spent", "currency", "average"),
    [
        (0, 0, "IDR", 0.0),
        (25, 250_000_000, "IDR", 100_000.0),
        (3, 1_000, "USD", 10 / 3),
        (4, 1_000, "JPY", 250.0),
        (4, 1_000, "KWD", 0.25),
    ],
)
async def test_average_order_value_is_a_number_of_the_detail_only(
    world: World, staff: Person, orders: int, spent: int, currency: str, average: float
) -> None:
    """C-24: a figure that a source shows as a number stays one."""
    id = await world.plant(
        "customers.customer", total_orders=orders, total_spent=spent, currency=currency
    )
    detail = (await world.ask(staff, "GET", f"/api/customers/{id}/")).json()
    assert detail["average_order_value"] == pytest.approx(average)
    listed = (await world.ask(staff, "GET", f"/api/customers/?email={detail['email']}")).json()
    assert listed["count"] == 1
    assert "average_order_value" not in listed["results"][0]


async def test_salesperson_is_a_user_of_the_tenant(
    world: World, admin: Person, stranger: Person
) -> None:
    customer = await made(world, admin, salesperson_id=str(admin.id))
    assert customer["salesperson_id"] == str(admin.id)
    answer = await world.ask(
        admin, "POST", "/api/customers/", somebody(salesperson_id=str(stranger.id))
    )
    assert answer.status_code == 400
    assert [e["code"] for e in answer.json()["errors"]] == ["unknown_record"]


async def test_figures_count_the_active(world: World, stranger: Person) -> None:
    """CUS-08 in part: ``total_customers`` and ``active_customers`` come from this plugin."""
    before = (await world.ask(stranger, "GET", "/api/customers/stats/?city=Nowhere")).json()
    assert (before["total_customers"], before["active_customers"]) == (0, 0)
    await made(world, stranger, city="Nowhere")
    await made(world, stranger, city="Nowhere", is_active=False)
    after = (await world.ask(stranger, "GET", "/api/customers/stats/?city=Nowhere")).json()
    assert (after["total_customers"], after["active_customers"]) == (2, 1)


async def test_bulk_update_activates_and_says_what_it_did(world: World, staff: Person) -> None:
    """CUS-11, C-6: set-based, and it reports updated and skipped ids."""
    ids = [str((await made(world, staff))["id"]) for _ in range(3)]
    elsewhere = str(await world.plant("customers.customer", tenant="globex"))
    unknown = str(uuid4())
    body = {"customer_ids": [*ids, elsewhere, unknown], "action": "deactivate"}
    answer = await world.ask(staff, "POST", "/api/customers/bulk_update/", body)
    assert answer.status_code == 200, answer.text
    done = answer.json()
    assert done["message"] == "3 customers updated successfully"
    assert done["updated"] == 3
    assert sorted(done["ids"]) == sorted(ids)
    assert sorted(done["skipped"]) == sorted([elsewhere, unknown])
    for id in ids:
        customer = (await world.ask(staff, "GET", f"/api/customers/{id}/")).json()
        assert (customer["is_active"], customer["version"]) == (False, 2)
    body = {"customer_ids": ids[:1], "action": "activate"}
    answer = await world.ask(staff, "POST", "/api/customers/bulk_update/", body)
    assert answer.json()["message"] == "1 customers updated successfully"
    customer = (await world.ask(staff, "GET", f"/api/customers/{ids[0]}/")).json()
    assert customer["is_active"] is True


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "No customers selected"),
        ({"customer_ids": [], "action": "activate"}, "No customers selected"),
        ({"customer_ids": "all", "action": "activate"}, "No customers selected"),
        ({"customer_ids": [str(uuid4())]}, "Invalid action"),
        ({"customer_ids": [str(uuid4())], "action": "delete"}, "Invalid action"),
        ({"customer_ids": [str(uuid4())], "action": 3}, "Invalid action"),
        ({"customer_ids": [1, 2], "action": "activate"}, "This is not an id."),
    ],
)
async def test_bulk_update_refuses_in_the_words_of_the_source(
    world: World, staff: Person, body: dict[str, object], error: str
) -> None:
    """CUS-11"""
    answer = await world.ask(staff, "POST", "/api/customers/bulk_update/", body)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


async def test_deleted_customer_comes_back_with_links(world: World, staff: Person) -> None:
    """C-26: deleting puts into the trash, with the links; purging is another right."""
    customer = await world.plant("customers.customer")
    link = await world.plant("customers.company_link", customer_id=customer)
    assert (await world.ask(staff, "DELETE", f"/api/customers/{customer}/")).status_code == 204
    gone = await world.ask(staff, "GET", f"/api/company-links/{link}/")
    assert gone.status_code == 404
    answer = await world.ask(staff, "POST", f"/api/customers/{customer}/restore/")
    assert answer.status_code == 200
    back = await world.ask(staff, "GET", f"/api/company-links/{link}/")
    assert back.status_code == 200
    refused = await world.ask(staff, "POST", f"/api/customers/{customer}/purge/")
    assert refused.status_code == 403


async def test_customer_is_linked_once_to_a_company(world: World, staff: Person) -> None:
    """CUS-18"""
    customer = await world.plant("customers.customer")
    company = await world.plant("customers.company")
    body = {"customer_id": str(customer), "company_id": str(company)}
    assert (await world.ask(staff, "POST", "/api/company-links/", body)).status_code == 201
    again = await world.ask(staff, "POST", "/api/company-links/", body)
    assert again.status_code == 400
