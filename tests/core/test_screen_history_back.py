"""Putting a value back from a record's history: by a plain form, by the rules of any change."""

import re
from typing import Any
from uuid import UUID, uuid4

import pytest

from core.testing.world import Person, World
from tests.core.browsing import Browser
from tests.core.screens import clerk, customer, fields
from tests.core.signing import Gate
from tests.core.test_screen_undo import AFTER, BEFORE

BUTTON = re.compile(r'<button type="submit"[^>]*name="put" value="([0-9a-f-]{36}):(\w+)"')


@pytest.fixture(scope="module")
def gate(world) -> Gate:
    return Gate(world)


@pytest.fixture(scope="module")
async def browser(gate) -> Browser:
    return await clerk(gate, "staff")


def offered(text: str) -> dict[str, str]:
    """Return what the buttons of a page send, by field; the newest entry's count."""
    return {name: f"{entry}:{name}" for entry, name in reversed(BUTTON.findall(text))}


async def put(browser: Browser, page: str, name: str, **more: str) -> str:
    """Press the button of a field on a page; return the page that follows."""
    text = (await browser.get(page)).text
    path = page.partition("?")[0].partition("history/")[0] + "history/back/"
    sent = {**fields(text, path), "put": offered(text)[name], **more}
    answer = await browser.post(path, sent, referer=f"{browser.origin}{page}")
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == page
    return (await browser.get(page)).text


async def change(world: World, who: Person, id: Any, plural: str = "devices", **values: Any) -> Any:
    answer = await world.ask(who, "PATCH", f"/api/{plural}/{id}/", values)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_every_kind_comes_back_and_is_written_down(world, staff, browser):
    """A value of each kind is what it was; each way back is an entry of the history itself."""
    owner = str(await customer(world))
    first = {**BEFORE, "customer_id": owner}
    made = (await world.ask(staff, "POST", "/api/devices/", first)).json()
    id, page = made["id"], f"/app/devices/{made['id']}/history/?page_size=100"
    after = {**AFTER, "customer_id": str(await customer(world))}
    await change(world, staff, id, **after)
    # The amount brings its currency along, so that it means what it meant.
    for name in sorted(after.keys() - {"currency"}):
        text = await put(browser, page, name)
        assert "is as it was before." in text, name
    now = (await world.ask(staff, "GET", f"/api/devices/{id}/")).json()
    assert {n: now[n] for n in after} == {n: made[n] for n in after}
    history = (await world.ask(staff, "GET", f"/api/devices/{id}/history/")).json()["results"]
    assert history[0]["by"]["id"] != str(staff.id)
    # What is there already is not offered once more: the old entry's values are all back.
    entries = {pair[0] for pair in BUTTON.findall((await browser.get(page)).text)}
    assert history[-2]["id"] not in entries


async def test_the_tab_has_the_buttons_as_well(world, staff, browser):
    id = await customer(world, city="Bandung")
    await change(world, staff, id, "customers", city="Jakarta")
    assert "Put back: City: Bandung" in (await browser.get(f"/app/customers/{id}/history/")).text
    text = await put(browser, f"/app/customers/{id}/?tab=history", "city")
    assert "City is as it was before." in text
    assert f'action="/app/customers/undo/{""}' in text, "the way back can be taken back"


async def test_another_version_and_a_rule_refuse(world, staff, browser):
    """D4: nobody's change is overwritten; a rule's no is told in its words."""
    id = await customer(world, city="Bandung", email=f"{uuid4()}@back.example")
    old = (await world.ask(staff, "GET", f"/api/customers/{id}/")).json()["email"]
    await change(world, staff, id, "customers", city="Jakarta", email=f"{uuid4()}@back.example")
    page = f"/app/customers/{id}/history/"
    stale = await put(browser, page, "city", _version="1")
    assert "It was changed meanwhile." in stale
    await customer(world, email=old)
    refused = await put(browser, page, "email")
    assert "This value cannot be put back." in refused
    assert "There is one with this E-mail already." in refused
    assert (await world.ask(staff, "GET", f"/api/customers/{id}/")).json()["city"] == "Jakarta"


async def test_who_may_not_change_the_field_is_not_offered_it(world, gate, staff):
    """Hidden and read-only fields, foreign records and deleted ones have no way back."""
    made = (await world.ask(staff, "POST", "/api/devices/", BEFORE)).json()
    id, page = made["id"], f"/app/devices/{made['id']}/history/"
    await change(world, staff, id, secret="other", slots=10)
    sent = {"put": "", "_version": "2"}
    entry = (await world.ask(staff, "GET", f"/api/devices/{id}/history/")).json()["results"][0]
    seller = await clerk(gate, "seller")
    path = f"{page}back/"
    sent["put"] = f"{entry['id']}:slots"
    assert (await seller.post(path, sent, page="/app/account/")).status_code == 403
    foreign = Browser(gate, "globex.localhost")
    await foreign.enter(await gate.user("admin", tenant="globex"))
    assert (await foreign.post(path, sent, page="/app/account/")).status_code == 404
    staffed = await clerk(gate, "staff")
    for wrong in (f"{uuid4()}:slots", f"{entry['id']}:name", f"{entry['id']}:nothing", ":slots"):
        answer = await staffed.post(path, {**sent, "put": wrong}, page="/app/account/")
        assert answer.status_code == 404, wrong
    deleted = await world.ask(staff, "DELETE", f"/api/devices/{id}/")
    assert deleted.status_code == 204
    text = (await staffed.get(page)).text
    assert "This record is deleted." in text
    assert not offered(text)
    assert (await staffed.post(path, sent, page="/app/account/")).status_code == 404
    assert UUID(id)
