"""Points on screens: the tab of a customer, and his own points and rewards in the portal."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from plugins.customers.tests.test_screens import seat
from tests.core.browsing import Browser
from tests.core.signing import Gate, open_gate

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    folder = tmp_path_factory.mktemp("points")
    async with open_gate(test_server, folder, ("customers", "loyalty")) as opened:
        yield opened


async def with_points(gate: Gate, points: int) -> Any:
    id = await gate.world.plant("customers.customer", name="Pat Points")
    staff = await gate.world.person("staff")
    body = {"points": points, "reason": "Birthday bonus"}
    answer = await gate.world.ask(staff, "POST", f"/api/customers/{id}/update_points/", body)
    assert answer.status_code == 200, answer.text
    return id


async def test_tab_tells_balance_tier_and_statement(gate):
    """LOY-01, LOY-04: where a customer stands, what is missing, and every entry with its reason."""
    id = await with_points(gate, 120)
    browser = await Browser(gate).enter(await gate.user("staff"))
    page = await browser.get(f"/app/customers/{id}/?tab=loyalty")
    assert page.status_code == 200, page.text
    assert "380 points to go" in page.text
    assert "Birthday bonus" in page.text
    assert f'href="/app/customers/{id}/do/update_points/"' in page.text
    empty = await browser.get(f"/app/customers/{id}/?tab=loyalty&from=1999-01-01&to=1999-01-02")
    assert "No points moved" in empty.text
    wrong = await browser.get(f"/app/customers/{id}/?tab=loyalty&from=soon")
    assert "This period cannot be shown." in wrong.text


async def test_a_customer_takes_a_reward_once(gate):
    """LOY-05: a reward costs its points, and its voucher is shown."""
    id = await with_points(gate, 120)
    free: dict[str, Any] = {"valid_from": None, "valid_until": None, "minimum_tier": None}
    free |= {"stock": None, "is_active": True}
    plant = gate.world.plant
    reward = await plant("loyalty.reward", **{**free, "name": "Coffee", "points": 50})
    dear = await plant("loyalty.reward", **{**free, "name": "Trip", "points": 5000})
    gone = datetime(2020, 1, 1, tzinfo=UTC)
    await plant("loyalty.reward", **{**free, "name": "Past", "points": 5, "valid_until": gone})
    portal = await seat(gate, "customer", customers_customer_id=id)
    page = (await portal.get("/app/me/rewards/")).text
    assert "4,880 points to go" in page
    assert "Past" not in page
    form = {"reward_id": str(reward), "_key": "pressed-twice"}
    for _press in range(2):
        done = await portal.post("/app/me/rewards/", form)
        assert done.status_code == 303, done.text
    page = (await portal.get("/app/me/rewards/")).text
    assert "You have 70 points." in page
    assert "Coffee" in page.partition("What you have taken")[2]
    refused = await portal.post("/app/me/rewards/", {"reward_id": str(dear)})
    assert refused.status_code == 409
    assert "This was not possible." in refused.text
    assert "70" in (await portal.get("/app/me/points/")).text


async def test_a_row_of_the_list_offers_points_and_leads_back(gate):
    """ADM-05, ADM-07: Points with each row; done, the list shows the new balance and tier."""
    id = await with_points(gate, 90)
    browser = await Browser(gate).enter(await gate.user("staff"))
    page = (await browser.get("/app/customers/?ordering=-created_at")).text
    path = f"/app/customers/{id}/do/update_points/?_back="
    assert path in page
    back = "/app/customers/?ordering=-created_at"
    form = {"points": "50", "reason": "Birthday bonus", "_back": back}
    done = await browser.post(f"/app/customers/{id}/do/update_points/", form)
    assert done.status_code == 303, done.text
    assert done.headers["location"] == back
    away = {**form, "_back": "https://evil.example/"}
    done = await browser.post(f"/app/customers/{id}/do/update_points/", away)
    assert done.headers["location"] == f"/app/customers/{id}/"


async def test_without_the_plugin_nothing_is_left_of_it(gate):
    """A page of a plugin that is off is not there."""
    browser = await Browser(gate).enter(await gate.user("staff"))
    assert (await browser.get("/app/loyalty/dashboard/")).status_code == 200
    assert (await browser.get("/app/me/points/")).status_code == 404
