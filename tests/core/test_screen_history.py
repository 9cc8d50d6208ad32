"""The history of a record on its page and in its tab: in words, filtered, by rights."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from core.testing.world import Person
from tests.core.browsing import Browser
from tests.core.signing import Gate, open_gate

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    folder = tmp_path_factory.mktemp("histories")
    async with open_gate(test_server, folder, ("customers", "loyalty")) as opened:
        yield opened


@pytest.fixture(scope="module")
async def admin(gate) -> Person:
    return await gate.world.person("admin", name="Ada Admin")


@pytest.fixture(scope="module")
async def browser(gate) -> Browser:
    return await Browser(gate).enter(await gate.user("admin"))


async def made(gate: Gate, who: Person, **values: Any) -> str:
    body = {"name": "Ann Lee", "email": f"{uuid4()}@history.example", **values}
    answer = await gate.world.ask(who, "POST", "/api/customers/", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def change(gate: Gate, who: Person, id: str, **values: Any) -> None:
    why = {"x-reason": "She asked for it", "user-agent": "Mozilla/5.0 (Linux) Firefox/140.0"}
    path = f"/api/customers/{id}/"
    answer = await gate.world.ask(who, "PATCH", path, json=values, headers=why)
    assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
async def customer(gate, admin) -> str:
    id = await made(gate, admin, city="Bandung", salesperson_id=str(admin.id))
    await change(gate, admin, id, city="Jakarta", status="suspended")
    await change(gate, admin, id, is_vip=True)
    return id


def history_path(id: str, query: str = "") -> str:
    return f"/app/customers/{id}/history/{query}"


async def test_timeline_tells_old_and_new_in_words(browser, customer):
    """HIS-01, HIS-02, HIS-04: what, who, from where, why, and under whose care."""
    page = (await browser.get(history_path(customer))).text
    assert "<del><bdi>Bandung</bdi></del>" in page
    assert "<ins><bdi>Jakarta</bdi></ins>" in page
    assert "<ins><bdi>Suspended</bdi></ins>" in page
    assert "Ada Admin" in page
    assert "Firefox · Linux" in page
    assert "She asked for it" in page
    assert "Responsible then: Ada Admin" in page
    assert "VIP: yes" in page


async def test_tab_shows_the_same_timeline(browser, customer):
    """HIS-10: the history is one of the record's tabs."""
    page = await browser.get(f"/app/customers/{customer}/?tab=history")
    assert page.status_code == 200, page.text
    assert "<ins><bdi>Jakarta</bdi></ins>" in page.text


async def test_overview_figures_and_attribution_stand_beside(browser, customer):
    """HIS-05 to HIS-08: how it stands, how often what changed, who was responsible since when."""
    page = (await browser.get(history_path(customer))).text
    assert "How it stands now" in page
    assert "VIP: changes" in page
    assert f'href="/app/customers/{customer}/history/?field=city"' in page
    assert "VIP: gained (1)" in page
    assert "\N{EN DASH} today" in page


async def test_filters_narrow_and_wrong_ones_are_reported(browser, admin, customer):
    page = (await browser.get(history_path(customer, "?action=created"))).text
    assert "Created" in page
    assert "<del><bdi>Bandung</bdi></del>" not in page
    nobody = (await browser.get(history_path(customer, "?from=1999-01-01&to=1999-01-02"))).text
    assert "No change fits these filters." in nobody
    assert "Ada Admin" in (await browser.get(history_path(customer, f"?by={admin.id}"))).text
    for wrong in ("?from=yesterday", "?by=me", "?field=nothing", "?cursor=forged"):
        answer = await browser.get(history_path(customer, wrong))
        assert answer.status_code == 400
        assert "This cannot be asked of a history." in answer.text


async def test_the_rest_is_loaded_on_demand(browser, gate, admin):
    id = await made(gate, admin, city="C0")
    for number in range(1, 5):
        await change(gate, admin, id, city=f"C{number}")
    first = (await browser.get(history_path(id, "?page_size=2"))).text
    assert "C4" in first
    assert "<ins><bdi>C1</bdi></ins>" not in first
    more = first.partition('id="history-more"')[2].partition('href="')[2].partition('"')[0]
    onward = more.replace("&amp;", "&")
    part = await browser.get(onward, hx_request="true", hx_target="div#history-more")
    assert "<html" not in part.text
    assert "<ins><bdi>C2</bdi></ins>" in part.text
    assert "<html" in (await browser.get(onward)).text


async def test_hidden_fields_and_foreign_records_stay_hidden(gate, customer):
    """Field rules are those of REST: who may not see a field reads nothing of it."""
    seller = await Browser(gate).enter(await gate.user("seller"))
    assert (await seller.get(history_path(customer))).status_code == 404
    globex = await Browser(gate, "globex.localhost").enter(
        await gate.user("admin", tenant="globex")
    )
    assert (await globex.get(history_path(customer))).status_code == 404


async def test_deleted_records_keep_their_history_for_those_who_see_the_trash(browser, gate, admin):
    """Ruling 29."""
    id = await made(gate, admin, name="Gone Girl")
    assert (await gate.world.ask(admin, "DELETE", f"/api/customers/{id}/")).status_code == 204
    page = await browser.get(history_path(id))
    assert page.status_code == 200, page.text
    assert "This record is deleted." in page.text
    assert "Gone Girl" in page.text
    assert "Moved to the trash" in page.text
    answer = await gate.world.ask(admin, "POST", f"/api/customers/{id}/purge/")
    assert answer.status_code < 300, answer.text
    assert "Deleted for good" in (await browser.get(history_path(id))).text
    assert (await browser.get(history_path(str(uuid4())))).status_code == 404
