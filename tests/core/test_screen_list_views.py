"""Saved views and columns: kept together, for whom they are meant, restored by their address."""

import re
from collections.abc import AsyncIterator

import pytest

from tests.core.browsing import Browser
from tests.core.signing import Gate, open_gate

LIST = "/app/customers/"
HEAD = re.compile(r'<th role="columnheader"[^>]*>(?:<a[^>]*>)?([^<]+)')


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    async with open_gate(test_server, tmp_path_factory.mktemp("views")) as opened:
        staff = await opened.world.person("staff")
        for n, city in enumerate(("Bandung", "Medan")):
            body = {"name": f"From {city}", "email": f"v{n}@views.example", "city": city}
            await opened.world.ask(staff, "POST", "/api/customers/", body)
        yield opened


async def enter(gate: Gate, *roles: str) -> Browser:
    return await Browser(gate).enter(await gate.user(*roles))


async def make(browser: Browser, name: str, state: str, **more: str) -> str:
    """Save a view; return its address."""
    form = {"name": name, "state": state, **more}
    answer = await browser.post(f"{LIST}views/", form, page=f"{LIST}views/new/?{state}")
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def heads(text: str) -> list[str]:
    return [head.strip() for head in HEAD.findall(text)]


async def test_view_keeps_filters_columns_and_order_together(gate):
    browser = await enter(gate, "staff")
    state = "city=Medan&ordering=-name&columns=name,phone"
    place = await make(browser, "Medan by name", state, pin="1")
    shown = (await browser.get(place)).text
    assert "From Medan" in shown
    assert "From Bandung" not in shown
    assert heads(shown) == ["Name", "Phone"]
    assert 'aria-sort="descending"' in shown
    assert re.search(r'aria-current="page"><span>Medan by name</span>', shown)


async def test_private_view_is_nobody_elses(gate):
    place = await make(await enter(gate, "staff"), "Mine alone", "city=Medan")
    other = await enter(gate, "staff")
    assert (await other.get(place)).status_code == 404
    assert "Mine alone" not in (await other.get(LIST)).text


async def test_team_view_is_the_teams(gate):
    place = await make(
        await enter(gate, "staff"), "Our Medan", "city=Medan", audience="team", role="staff"
    )
    assert "Our Medan" in (await (await enter(gate, "staff")).get(place)).text
    seller = await enter(gate, "seller")
    assert (await seller.get(place)).status_code == 404
    mine = {"name": "x", "audience": "team", "role": "staff", "state": ""}
    answer = await seller.post(f"{LIST}views/", mine, page=LIST)
    assert answer.status_code == 400
    assert "Choose a team." in answer.text


async def test_only_administrators_say_what_everybody_sees_first(gate):
    staff, admin = await enter(gate, "staff"), await enter(gate, "admin")
    form = {"name": "For all", "state": "city=Bandung", "audience": "tenant", "is_default": "1"}
    assert (await staff.post(f"{LIST}views/", form, page=LIST)).status_code == 403
    answer = await admin.post(f"{LIST}views/", form, page=LIST)
    first = (await staff.get(LIST)).text
    assert "From Medan" not in first
    assert "From Bandung" in first
    assert "From Medan" in (await staff.get(f"{LIST}?view=all")).text
    cleared = re.search(r'class="chip-clear" href="([^"]+)"', first).group(1).replace("&amp;", "&")
    assert "From Medan" in (await staff.get(cleared)).text
    gone = await admin.post(
        answer.headers["location"].replace("?view=", "views/") + "/", {"do": "delete"}, page=LIST
    )
    assert gone.status_code == 303
    assert "From Medan" in (await staff.get(LIST)).text


async def test_view_is_changed_and_unpinned_by_who_may(gate):
    browser = await enter(gate, "staff")
    place = await make(browser, "Before", "city=Medan", pin="1")
    its = place.replace("?view=", "views/") + "/"
    form = {"name": "After", "state": "city=Bandung", "take": "1", "do": "save"}
    await browser.post(its, form, page=LIST)
    shown = (await browser.get(place)).text
    assert "After" in shown
    assert "From Bandung" in shown
    await browser.post(its, {"do": "unpin"}, page=LIST)
    assert "<span>After</span></a></li>" not in (await browser.get(f"{LIST}?view=all")).text
    update = {"do": "update", "state": "city=Nowhere"}
    await browser.post(its, update, page=LIST)
    assert "Nothing found" in (await browser.get(place)).text


async def test_columns_are_saved_per_user_and_drop_no_filter(gate):
    browser = await enter(gate, "staff")
    page = f"{LIST}columns/?city=Medan"
    form = {"state": "city=Medan", "order": ["city", "name", "email"], "columns": ["name", "city"]}
    moved = await browser.post(f"{LIST}columns/", {**form, "do": "down:city"}, page=page)
    order = re.findall(r'name="order" value="(\w+)"', moved.text)
    assert order[:3] == ["name", "city", "email"]
    kept = await browser.post(f"{LIST}columns/", {**form, "order": order, "do": "keep"}, page=page)
    assert kept.headers["location"] == f"{LIST}?city=Medan"
    assert heads((await browser.get(LIST)).text) == ["Name", "City"]
    other = (await (await enter(gate, "staff")).get(LIST)).text
    assert len(heads(other)) > 2
    await browser.post(f"{LIST}columns/", {"state": "", "do": "reset"}, page=page)
    assert heads((await browser.get(LIST)).text) == heads(other)


async def test_hidden_field_is_no_column(gate):
    """C4: a column that one may not see is neither offered nor shown when asked for by address."""
    browser = await enter(gate, "seller")
    assert (await browser.get(f"{LIST}?columns=name,created_by")).status_code == 200
    offered = (await browser.get(f"{LIST}columns/")).text
    assert "Salesperson" in offered
    assert "Created by" not in offered
