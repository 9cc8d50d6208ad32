"""Who moves points and who reads the ledger."""

from uuid import UUID

import pytest

from core.testing.world import Person, World
from plugins.loyalty.tests.factories import ledger, move

pytestmark = pytest.mark.postgresql


class Shop:
    """A seller's company with one customer, another customer, and both ledgers."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def open(self) -> "Shop":
        plant = self.world.plant
        company = await plant("customers.company")
        self.ours = await plant("customers.customer")
        self.theirs = await plant("customers.customer")
        await plant("customers.company_link", customer_id=self.ours, company_id=company)
        self.staff = await self.world.person("staff")
        self.entry = await self._entry(self.ours)
        self.other = await self._entry(self.theirs)
        self.seller = await self.world.person("seller", customers_company_id=company)
        self.customer = await self.world.person("customer", customers_customer_id=self.ours)
        return self

    async def _entry(self, customer: UUID) -> UUID:
        body = {"points": 50, "reason": "Purchase"}
        await move(self.world, self.staff, customer, "earn", body)
        (entry,) = await ledger(self.world, self.staff, customer)
        return UUID(entry["id"])


@pytest.fixture
async def shop(world: World) -> Shop:
    return await Shop(world).open()


@pytest.mark.parametrize("who", ["seller", "customer"])
async def test_ledger_is_read_in_scope_only(shop: Shop, who: str) -> None:
    """Ruling 28: sellers through the company's links, customers their own."""
    person = getattr(shop, who)
    listed = await shop.world.ask(person, "GET", "/api/loyalty-entries/")
    assert [row["id"] for row in listed.json()["results"]] == [str(shop.entry)]
    assert "key" not in listed.json()["results"][0]
    for id, status in ((shop.entry, 200), (shop.other, 404)):
        answer = await shop.world.ask(person, "GET", f"/api/loyalty-entries/{id}/")
        assert answer.status_code == status


async def test_customer_redeems_own_points_only(shop: Shop) -> None:
    """Ruling 28, ruling 10: he has no update on his points, and yet may redeem them."""
    body = {"points": 20, "reason": "Voucher"}
    for id, status in ((shop.ours, 200), (shop.theirs, 404)):
        path = f"/api/customers/{id}/redeem_points/"
        answer = await shop.world.ask(shop.customer, "POST", path, body)
        assert answer.status_code == status, answer.text
    mine = await shop.world.ask(shop.customer, "GET", f"/api/customers/{shop.ours}/")
    assert mine.json()["loyalty_points"] == 30
    listed = await shop.world.ask(shop.customer, "GET", "/api/loyalty-entries/?kind=redeemed")
    assert [row["points"] for row in listed.json()["results"]] == [-20]


@pytest.mark.parametrize(
    ("who", "action"),
    [
        ("customer", "earn"),
        ("customer", "update_points"),
        ("seller", "earn"),
        ("seller", "update_points"),
        ("seller", "redeem_points"),
    ],
)
async def test_others_move_no_points(shop: Shop, who: str, action: str) -> None:
    """Ruling 28"""
    person: Person = getattr(shop, who)
    path = f"/api/customers/{shop.ours}/{action}/"
    answer = await shop.world.ask(person, "POST", path, {"points": 5, "reason": "Mine"})
    assert answer.status_code == 403


async def test_seller_sees_the_figures_of_the_company(shop: Shop) -> None:
    """LOY-06 within the scope of ruling 28."""
    answer = await shop.world.ask(shop.seller, "GET", "/api/customers/stats/")
    found = answer.json()
    assert (found["total_customers"], found["total_loyalty_points"]) == (1, 50)
