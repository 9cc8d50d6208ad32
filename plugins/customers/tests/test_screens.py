"""A customer's portal and a seller's desk: what they show, and that nothing else is there."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.core.browsing import Browser
from tests.core.signing import Gate, open_gate

pytestmark = pytest.mark.asyncio(loop_scope="session")
# What somebody who works for nobody here never gets to.
ELSEWHERE = (
    "/app/customers/",
    "/app/customers/dashboard/",
    "/app/customers/credit/",
    "/app/contacts/",
    "/app/companies/",
    "/app/loyalty-rewards/",
    "/app/users/",
    "/app/search/",
    "/app/styleguide/",
    "/app/settings/",
    "/app/me/company/",
)


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    folder = tmp_path_factory.mktemp("portals")
    async with open_gate(test_server, folder, ("customers", "loyalty")) as opened:
        yield opened


async def seat(gate: Gate, role: str, **attributes: Any) -> Browser:
    """Return a browser of somebody new with this role and these attributes."""
    email = await gate.user(role)
    sets = ", ".join(f"{name} = ${place}" for place, name in enumerate(attributes, start=3))
    tenant = gate.world.tenant()
    await gate.world.system().write(
        lambda unit: unit.execute(
            f"UPDATE core_user SET {sets} WHERE tenant_id = $1 AND email = $2",
            tenant.id,
            email,
            *attributes.values(),
        )
    )
    return await Browser(gate).enter(email)


@pytest.fixture(scope="module")
async def customer(gate) -> Any:
    return await gate.world.plant(
        "customers.customer", name="Pia Portal", email="pia@portal.example", city="Bandung"
    )


@pytest.fixture(scope="module")
async def portal(gate, customer) -> Browser:
    return await seat(gate, "customer", customers_customer_id=customer)


async def test_a_customer_begins_at_his_own_profile(portal):
    """CUS-18: the first page of a customer is his own."""
    first = await portal.get("/app/")
    assert first.status_code == 303
    assert first.headers["location"] == "/app/me/"
    page = (await portal.get("/app/me/")).text
    assert "Pia Portal" in page
    assert "Edit my details" in page


async def test_nothing_else_is_reachable_or_mentioned(portal, customer):
    for path in (*ELSEWHERE, f"/app/customers/{customer}/", f"/app/customers/{customer}/history/"):
        assert (await portal.get(path)).status_code == 404, path
    page = (await portal.get("/app/me/")).text
    assert "search-button" not in page
    links = {part.partition('"')[0] for part in page.split('href="')[1:]}
    for href in links:
        if href.startswith("/app/") and "/static/" not in href:
            assert (await portal.get(href.replace("&amp;", "&"))).status_code in (200, 303), href


async def test_a_customer_edits_his_contact_fields_alone(portal, customer):
    """Ruling 28: contact fields, and nothing else of the record."""
    path = f"/app/customers/{customer}/edit/?_back=/app/me/"
    form = (await portal.get(path)).text
    assert 'name="city"' in form
    for hidden in ("notes", "is_vip", "tags", "salesperson_id"):
        assert f'name="{hidden}"' not in form, hidden
    sent = {"city": "Bogor", "_back": "/app/me/"}
    done = await portal.post(f"/app/customers/{customer}/edit/", sent, page=path)
    assert done.status_code == 303, done.text
    assert done.headers["location"] == "/app/me/"
    assert "Bogor" in (await portal.get("/app/me/")).text


async def test_a_customer_never_edits_another(portal, gate):
    other = await gate.world.plant("customers.customer", name="Otto Other")
    assert (await portal.get(f"/app/customers/{other}/edit/")).status_code == 404


async def test_a_seller_begins_at_his_company(gate):
    company = await gate.world.plant("customers.company", name="Own Company", kind="seller")
    browser = await seat(gate, "seller", customers_company_id=company)
    assert (await browser.get("/app/")).headers["location"] == "/app/me/company/"
    page = (await browser.get("/app/me/company/")).text
    assert "Own Company" in page
    assert 'href="/app/customers/"' in page
    assert 'href="/app/companies/"' not in page


async def test_staff_has_no_portal(gate):
    browser = await Browser(gate).enter(await gate.user("staff"))
    assert (await browser.get("/app/me/")).status_code == 404


async def test_dashboard_has_the_cards_of_the_plugin(gate, customer):
    """CUS-09: the overview is a dashboard; its parts lead to the list."""
    browser = await Browser(gate).enter(await gate.user("staff"))
    page = (await browser.get("/app/customers/dashboard/")).text
    for label in ("VIP customers", "New customers by month", "Customers by type"):
        assert label in page
    assert "/app/customers/?city=B" in page


async def test_the_old_address_leads_to_the_list(gate):
    """004: the page /customers."""
    browser = await Browser(gate).enter(await gate.user("staff"))
    answer = await browser.get("/customers")
    assert answer.headers["location"] == "/app/customers/"
