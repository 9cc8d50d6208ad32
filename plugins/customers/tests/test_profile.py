"""The detailed profile, the dashboards and the advanced search."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from core.testing.world import Person, World
from plugins.customers.tests.factories import CUSTOMERS, HOUSE, act, made, pointers, read_json

pytestmark = pytest.mark.postgresql

SEARCH = f"{CUSTOMERS}advanced-search/"
NO_TYPE = dict.fromkeys(("individual", "small_business", "enterprise", "government"), 0)
NO_STATUS = dict.fromkeys(("active", "inactive", "suspended", "closed"), 0)
ONE = {"currency": "IDR", "customers": 1, "average_order_value": 2.5}


class Shop:
    """A seller's company and one customer with all that a customer can have."""

    async def open(self, world: World, staff: Person) -> "Shop":
        self.company = await world.plant("customers.company", name="Seller Ltd")
        employer = await world.plant("customers.company", kind="customer", name="Employer Ltd")
        self.customer = await made(
            world,
            staff,
            notes="Pays late.",
            company_id=str(employer),
            salesperson_id=str(staff.id),
        )
        id = self.customer["id"]
        link = {"customer_id": id, "company_id": str(self.company)}
        await made(world, staff, "/api/company-links/", **link)
        await made(world, staff, "/api/contacts/", customer_id=id, name="Budi", notes="Loud.")
        await made(world, staff, "/api/addresses/", customer_id=id, **HOUSE)
        await act(world, staff, id, "record_order", {"total": "99.50"})
        self.path = f"{CUSTOMERS}{id}/detailed-profile/"
        self.seller = await world.person("seller", customers_company_id=self.company)
        self.himself = await world.person("customer", customers_customer_id=id)
        return self


@pytest.fixture
async def shop(world: World, staff: Person) -> Shop:
    return await Shop().open(world, staff)


async def test_profile_holds_everything(world: World, staff: Person, shop: Shop) -> None:
    """CUS-10"""
    found = await read_json(world, staff, shop.path)
    assert found["customer"]["notes"] == "Pays late."
    assert found["customer"]["average_order_value"] == 99.5
    assert [row["name"] for row in found["contacts"]] == ["Budi"]
    assert [row["province"] for row in found["addresses"]] == ["DKI Jakarta"]
    assert found["company"]["name"] == "Employer Ltd"
    assert [row["name"] for row in found["companies"]] == ["Seller Ltd"]
    assert found["salesperson"]["id"] == str(staff.id)
    assert [row["total"] for row in found["purchases"]] == ["99.50"]
    figures = found["figures"]
    assert (figures["total_orders"], figures["total_spent"]) == (1, "99.50")
    assert figures["days_since_last_order"] == 0


async def test_profile_answers_at_its_old_address(
    world: World, staff: Person, shop: Shop, stranger: Person
) -> None:
    """CUS-10: the id behind the word, also under a prefix of older clients (C-27)."""
    id = shop.customer["id"]
    for prefix in ("/api", "/api/crm"):
        path = f"{prefix}/customers/detailed-profile/{id}/"
        assert (await read_json(world, shop.himself, path)) == await read_json(
            world, shop.himself, shop.path
        )
        assert (await world.ask(stranger, "GET", path)).status_code == 404
        assert (await world.ask(None, "GET", path)).status_code == 401
    nobody = await world.person()
    assert (await world.ask(nobody, "GET", path)).status_code == 403
    other = await made(world, staff)
    path = f"{CUSTOMERS}detailed-profile/{other['id']}/"
    assert (await world.ask(shop.himself, "GET", path)).status_code == 404
    assert (await world.ask(staff, "GET", f"{CUSTOMERS}detailed-profile/7/")).status_code == 404


async def test_profile_keeps_to_rights_and_field_rules(world: World, shop: Shop) -> None:
    """CUS-10: each part as its reader may see it."""
    seller = await read_json(world, shop.seller, shop.path)
    assert seller["customer"]["notes"] == "Pays late."
    assert [row["id"] for row in seller["companies"]] == [str(shop.company)]
    assert seller["company"] is None  # not his company
    assert seller["salesperson"] is None  # sellers do not see users
    himself = await read_json(world, shop.himself, shop.path)
    assert {"notes", "is_vip", "salesperson_id", "tags"}.isdisjoint(himself["customer"])
    assert "notes" not in himself["contacts"][0]
    assert himself["companies"] is None
    assert himself["salesperson"] is None
    assert len(himself["purchases"]) == 1


async def test_profile_of_others_does_not_exist(
    world: World, shop: Shop, stranger: Person, staff: Person
) -> None:
    """CUS-10"""
    foreign = await made(world, staff)
    for who, path in (
        (shop.himself, f"{CUSTOMERS}{foreign['id']}/detailed-profile/"),
        (shop.seller, f"{CUSTOMERS}{foreign['id']}/detailed-profile/"),
        (stranger, shop.path),
    ):
        assert (await world.ask(who, "GET", path)).status_code == 404
    assert (await world.ask(None, "GET", shop.path)).status_code == 401


@pytest.fixture
async def quiet(make_world: Any) -> tuple[World, Person]:
    """An application without other tests' customers."""
    world = await make_world(("customers",), {})
    return world, await world.person("staff")


async def test_dashboard_counts(quiet: tuple[World, Person]) -> None:
    """CUS-09"""
    world, staff = quiet
    path = f"{CUSTOMERS}dashboard-stats/"
    empty = await read_json(world, staff, path)
    assert (empty["total_customers"], empty["spending"]) == (0, [])
    old = datetime(2020, 1, 1, tzinfo=UTC)
    plain = {"total_orders": 0, "total_spent": 0}
    for values in (
        {"is_vip": True, "type": "enterprise", "total_orders": 4, "total_spent": 1_000},
        {"status": "suspended", "total_orders": 2, "total_spent": 50, "currency": "JPY"},
        {"created_at": old, **plain},
    ):
        await world.plant("customers.customer", **values)
    await world.plant("customers.customer", tenant="globex")
    assert await read_json(world, staff, path) == {
        "total_customers": 3,
        "active_customers": 2,
        "inactive_customers": 1,
        "vip_customers": 1,
        "new_this_month": 2,
        "customers_by_type": {**NO_TYPE, "individual": 2, "enterprise": 1},
        "customers_by_status": {**NO_STATUS, "active": 2, "suspended": 1},
        "spending": [
            {**ONE, "customers": 2, "orders": 4, "total_spent": "10.00"},
            {**ONE, "currency": "JPY", "orders": 2, "total_spent": "50"}
            | {"average_order_value": 25.0},
        ],
    }


async def test_overview_goes_back_twelve_months(quiet: tuple[World, Person]) -> None:
    """CUS-09"""
    world, staff = quiet
    now = datetime.now(UTC)
    past = now.replace(year=now.year - 2)
    for number, values in enumerate(
        ({"city": "Bandung"}, {"city": "Bandung"}, {"city": "Medan", "created_at": past})
    ):
        orders = {"total_orders": number, "total_spent": 0}
        await world.plant("customers.customer", **values, **orders)
    for number in range(11):
        await world.plant("customers.customer", city=f"Town {number:02}", total_orders=0)
    found = await read_json(world, staff, f"{CUSTOMERS}analytics-overview/")
    months = found["new_customers_by_month"]
    assert len(months) == 12
    assert [m["month"] for m in months] == sorted(m["month"] for m in months)
    assert (months[-1]["customers"], sum(m["customers"] for m in months)) == (13, 13)
    assert found["top_cities"][0] == {"city": "Bandung", "customers": 2}
    assert len(found["top_cities"]) == 10
    assert (found["customers_with_orders"], found["customers_with_repeat_orders"]) == (2, 1)
    assert found["total_customers"] == 14


async def test_dashboards_keep_to_the_scope(world: World, shop: Shop) -> None:
    """CUS-09: a seller counts his customers; a customer counts nobody."""
    for name in ("dashboard-stats", "analytics-overview"):
        path = f"{CUSTOMERS}{name}/"
        assert (await read_json(world, shop.seller, path))["total_customers"] == 1
        assert (await world.ask(shop.himself, "GET", path)).status_code == 403
        assert (await world.ask(None, "GET", path)).status_code == 401
        refused = await world.ask(shop.seller, "GET", f"{path}?city=Medan")
        assert refused.status_code == 400


async def test_advanced_search_joins_criteria_and_dates(world: World, staff: Person) -> None:
    """CUS-07: several criteria, a span of time, order and pages."""
    city = uuid4().hex
    for number in range(5):
        await world.plant(
            "customers.customer",
            name=f"Person {number}",
            city=city,
            is_vip=number % 2 == 0,
            created_at=datetime(2026, 1, 1 + number, 12, tzinfo=UTC),
        )
    here = {"field": "city", "op": "=", "value": city}
    body = {
        "criteria": {"all": [here, {"field": "is_vip", "op": "=", "value": True}]},
        "date_from": "2026-01-02T00:00:00Z",
        "date_to": "2026-01-31T00:00:00Z",
    }
    path = f"{SEARCH}?ordering=-name&page_size=1"
    answer = await world.ask(staff, "POST", path, body)
    assert answer.status_code == 200, answer.text
    page = answer.json()
    assert (page["count"], [row["name"] for row in page["results"]]) == (2, ["Person 4"])
    second = (await world.ask(staff, "POST", page["next"], body)).json()
    assert ([row["name"] for row in second["results"]], second["next"]) == (["Person 2"], None)
    old = f"/api/crm/customers/advanced-search/?city={city}"
    assert (await world.ask(staff, "POST", old, {})).json()["count"] == 5


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"segment": "gold"}, "#/segment"),
        ({"date_field": "notes"}, "#/date_field"),
        ({"criteria": {"field": "nothing", "op": "=", "value": 1}}, "#/field"),
    ],
)
async def test_advanced_search_refuses_what_it_does_not_know(
    world: World, staff: Person, body: dict[str, Any], wrong: str
) -> None:
    """CUS-07"""
    assert pointers(await world.ask(staff, "POST", SEARCH, body)) == [wrong]


async def test_advanced_search_keeps_to_the_scope(world: World, shop: Shop) -> None:
    """CUS-07"""
    found = (await world.ask(shop.seller, "POST", SEARCH, {})).json()
    assert [row["id"] for row in found["results"]] == [shop.customer["id"]]
    assert (await world.ask(shop.himself, "POST", SEARCH, {})).status_code == 403
    assert (await world.ask(None, "POST", SEARCH, {})).status_code == 401
