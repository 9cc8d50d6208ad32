"""Who sees and changes which customers: sellers by company, customers themselves."""

import pytest

from core.testing.world import Person, World

pytestmark = pytest.mark.postgresql

HIDDEN_FROM_CUSTOMERS = {"notes", "tags", "is_vip", "salesperson_id", "custom", "created_by"}


class Shop:
    """Two companies with a seller each, three customers, and one customer who signs in."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def open(self) -> "Shop":
        plant = self.world.plant
        self.first = await plant("customers.company")
        self.second = await plant("customers.company")
        self.ours = await plant("customers.customer", notes="Pays late.")
        self.both = await plant("customers.customer")
        self.theirs = await plant("customers.customer")
        for customer, company in (
            (self.ours, self.first),
            (self.both, self.first),
            (self.both, self.second),
            (self.theirs, self.second),
        ):
            await plant("customers.company_link", customer_id=customer, company_id=company)
        self.seller = await self.world.person("seller", customers_company_id=self.first)
        self.customer = await self.world.person("customer", customers_customer_id=self.ours)
        self.nobody = await self.world.person("seller")
        return self

    async def ids(self, who: Person, path: str = "/api/customers/") -> set[str]:
        answer = await self.world.ask(who, "GET", path)
        assert answer.status_code == 200, answer.text
        return {row["id"] for row in answer.json()["results"]}


@pytest.fixture(scope="module")
async def shop(world: World) -> Shop:
    return await Shop(world).open()


async def test_seller_sees_exactly_the_customers_of_the_company(shop: Shop) -> None:
    """Ruling 28"""
    assert await shop.ids(shop.seller) == {str(shop.ours), str(shop.both)}
    for id, status in ((shop.ours, 200), (shop.both, 200), (shop.theirs, 404)):
        answer = await shop.world.ask(shop.seller, "GET", f"/api/customers/{id}/")
        assert answer.status_code == status
    assert await shop.ids(shop.seller, "/api/companies/") == {str(shop.first)}


async def test_seller_without_company_sees_nobody(shop: Shop) -> None:
    """Ruling 28: a missing attribute never matches."""
    assert await shop.ids(shop.nobody) == set()


async def test_seller_reads_only(shop: Shop) -> None:
    """Ruling 28"""
    ask, path = shop.world.ask, f"/api/customers/{shop.ours}/"
    assert (await ask(shop.seller, "PATCH", path, {"city": "Bandung"})).status_code == 403
    assert (await ask(shop.seller, "DELETE", path)).status_code == 403
    body = {"customer_ids": [str(shop.ours)], "action": "deactivate"}
    answer = await ask(shop.seller, "POST", "/api/customers/bulk_update/", body)
    assert answer.status_code == 403


async def test_removed_link_ends_the_sight(shop: Shop, staff: Person) -> None:
    """Ruling 28: only a live link counts."""
    world = shop.world
    customer = await world.plant("customers.customer")
    link = await world.plant("customers.company_link", customer_id=customer, company_id=shop.first)
    path = f"/api/customers/{customer}/"
    assert (await world.ask(shop.seller, "GET", path)).status_code == 200
    assert (await world.ask(staff, "DELETE", f"/api/company-links/{link}/")).status_code == 204
    assert (await world.ask(shop.seller, "GET", path)).status_code == 404


async def test_customer_views_himself_without_what_is_hidden(shop: Shop) -> None:
    """Ruling 28"""
    world = shop.world
    mine = await world.ask(shop.customer, "GET", f"/api/customers/{shop.ours}/")
    assert mine.status_code == 200
    assert not HIDDEN_FROM_CUSTOMERS & set(mine.json())
    other = await world.ask(shop.customer, "GET", f"/api/customers/{shop.both}/")
    assert other.status_code == 404
    listed = await world.ask(shop.customer, "GET", "/api/customers/")
    assert listed.status_code == 403


async def test_customer_changes_contact_fields_only(shop: Shop) -> None:
    """Ruling 28"""
    world, path = shop.world, f"/api/customers/{shop.ours}/"
    contact = {
        "phone": "+628111111111",
        "address": "Jl. Melati 1",
        "city": "Medan",
        "province": "Sumatera Utara",
        "postal_code": "20111",
    }
    answer = await world.ask(shop.customer, "PATCH", path, contact)
    assert answer.status_code == 200, answer.text
    assert {name: answer.json()[name] for name in contact} == contact
    for field, value in (
        ("name", "Somebody Else"),
        ("email", "else@example.com"),
        ("is_active", False),
        ("type", "government"),
        ("total_orders", 9),
        ("notes", "Pays on time."),
        ("is_vip", True),
    ):
        answer = await world.ask(shop.customer, "PATCH", path, {field: value})
        assert answer.status_code == 400, field
        assert [e["pointer"] for e in answer.json()["errors"]] == [f"#/{field}"]
    theirs = await world.ask(
        shop.customer, "PATCH", f"/api/customers/{shop.both}/", {"city": "Medan"}
    )
    assert theirs.status_code == 404
    body = {"customer_ids": [str(shop.ours)], "action": "deactivate"}
    answer = await world.ask(shop.customer, "POST", "/api/customers/bulk_update/", body)
    assert answer.status_code == 403


async def test_hidden_field_neither_filters_nor_sorts(shop: Shop) -> None:
    """E8: what a seller may not see cannot be felt for either."""
    for query in ("created_by__is_empty=true", "custom__is_empty=true", "ordering=updated_by"):
        answer = await shop.world.ask(shop.seller, "GET", f"/api/customers/?{query}")
        assert answer.status_code == 400, query


async def test_deleted_company_is_refused_while_a_seller_works_there(
    shop: Shop, staff: Person
) -> None:
    answer = await shop.world.ask(staff, "DELETE", f"/api/companies/{shop.first}/")
    assert answer.status_code == 409
