"""Dashboards: figures that lead to lists, cards of plugins, an order of one's own; and credit."""

from collections.abc import AsyncIterator

import pytest

from tests.core.browsing import Browser
from tests.core.signing import Gate, open_gate

pytestmark = pytest.mark.asyncio(loop_scope="session")
BOARD = "/app/customers/dashboard/"
CREDIT = "/app/customers/credit/"


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    folder = tmp_path_factory.mktemp("dashboards")
    async with open_gate(test_server, folder, ("customers", "loyalty")) as opened:
        yield opened


@pytest.fixture(scope="module")
async def browser(gate) -> Browser:
    return await Browser(gate).enter(await gate.user("admin"))


@pytest.fixture(scope="module", autouse=True)
async def planted(gate) -> None:
    admin = await gate.world.person("admin", name="Sales Ada")
    for name, city in (("Ann", "Bandung"), ("Bob", "Bandung"), ("Cyd", "Jakarta")):
        body = {"name": name, "email": f"{name}@board.example", "city": city}
        body["salesperson_id"] = str(admin.id)
        made = await gate.world.ask(admin, "POST", "/api/customers/", body)
        assert made.status_code == 201, made.text
        path = f"/api/customers/{made.json()['id']}/make_vip/"
        assert (await gate.world.ask(admin, "POST", path, {})).status_code == 200


async def test_figures_lead_to_the_records_behind_them(browser):
    """A card is an address of the filtered list."""
    page = await browser.get(BOARD)
    assert page.status_code == 200, page.text
    assert "Active customers" in page.text
    assert 'href="/app/customers/?is_active=true' in page.text


async def test_home_greets_and_shows_what_is_new(browser):
    page = (await browser.get("/app/")).text
    assert "Hello, A Person" in page
    assert "Newest: Customers" in page
    assert 'href="/app/customers/new/"' in page
    assert 'href="/app/customers/dashboard/"' in page


async def test_cards_are_arranged_for_one_person_alone(browser, gate):
    page = (await browser.get(f"{BOARD}?arrange=1")).text
    key = page.partition('name="card" value="')[2].partition('"')[0]
    form = {"card": key, "move": "hide"}
    done = await browser.post(f"{BOARD}arrange/", form, page=f"{BOARD}?arrange=1")
    assert done.status_code == 303
    assert "Hidden" in (await browser.get(f"{BOARD}?arrange=1")).text
    other = await Browser(gate).enter(await gate.user("admin"))
    assert "Hidden" not in (await other.get(f"{BOARD}?arrange=1")).text
    wrong = {"card": "no.such", "move": "hide"}
    refused = await browser.post(f"{BOARD}arrange/", wrong, page=f"{BOARD}?arrange=1")
    assert refused.status_code == 400
    again = {"move": "reset"}
    await browser.post(f"{BOARD}arrange/", again, page=f"{BOARD}?arrange=1")
    assert "Hidden" not in (await browser.get(f"{BOARD}?arrange=1")).text


async def test_order_changes_by_moving(browser):
    def keys(text: str) -> list[str]:
        return [part.partition('"')[0] for part in text.split('name="card" value="')[1:]]

    before = keys((await browser.get(f"{BOARD}?arrange=1")).text)
    form = {"card": before[1], "move": "up"}
    await browser.post(f"{BOARD}arrange/", form, page=f"{BOARD}?arrange=1")
    after = keys((await browser.get(f"{BOARD}?arrange=1")).text)
    assert after[:2] == [before[1], before[0]]


async def test_credit_tells_who_gained_what_and_what_is_behind(browser):
    """HIS-09, HIS-10, HIS-11: a table and a chart of a period, and the changes behind a number."""
    page = (await browser.get(CREDIT)).text
    assert "Sales Ada" in page
    assert "VIP: gained" in page
    assert "<crm-chart" in page
    onward = page.partition('href="/app/customers/credit/?by=')[2].partition("#")[0]
    behind = (await browser.get(f"{CREDIT}?by={onward}")).text
    assert "Behind the numbers: Sales Ada" in behind
    for name in ("Ann", "Bob", "Cyd"):
        assert f"<bdi>{name}</bdi>" in behind
    empty = (await browser.get(f"{CREDIT}?from=1999-01-01&to=1999-01-31")).text
    assert "Nothing to credit" in empty
    wrong = await browser.get(f"{CREDIT}?from=nonsense")
    assert wrong.status_code == 400
    assert "This cannot be asked of a report." in wrong.text


async def test_nobody_sees_a_dashboard_of_nothing(gate):
    nobody = await Browser(gate).enter(await gate.user())
    assert (await nobody.get(BOARD)).status_code == 404
    assert (await nobody.get("/app/")).status_code == 200
