"""The filter builder without scripts: rows and groups by buttons, a tree in the address."""

import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from tests.core.browsing import Browser
from tests.core.signing import Gate, open_gate

LIST = "/app/customers/"
FILTER = f"{LIST}filter/"
PEOPLE = (("Ani", "Bandung", True), ("Budi", "Medan", False), ("Citra", "Medan", True))


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    async with open_gate(test_server, tmp_path_factory.mktemp("filters")) as opened:
        staff = await opened.world.person("staff")
        for n, (name, city, active) in enumerate(PEOPLE):
            body = {"name": name, "email": f"f{n}@x.example", "city": city, "is_active": active}
            answer = await opened.world.ask(staff, "POST", "/api/customers/", body)
            assert answer.status_code == 201, answer.text
        yield opened


@pytest.fixture(scope="module")
async def browser(gate) -> Browser:
    return await Browser(gate).enter(await gate.user("staff"))


def row(index: str, field: str = "", op: str = "", value: Any = "", to: str = "") -> dict[str, Any]:
    return {f"f{index}": field, f"o{index}": op, f"v{index}": value, f"x{index}": to}


async def send(browser: Browser, do: str, **form: Any) -> Any:
    given = {"j": "all", "w0": "all", "state": "ordering=name", "do": do, **form}
    return await browser.post(FILTER, given, page=FILTER)


async def applied(browser: Browser, **form: Any) -> tuple[Any, list[str]]:
    """Apply a form; return the tree in the address and the names that the list shows."""
    answer = await send(browser, "apply", **form)
    assert answer.status_code == 303, answer.text
    place = answer.headers["location"]
    where = parse_qs(urlsplit(place).query)["where"][0]
    text = (await browser.get(place)).text
    names = re.findall(r"data-primary[^>]*>.*?(?:<bdi>|dir=\"auto\">)([^<]+)<", text, re.S)
    return msgspec.json.decode(where), names


async def test_a_field_is_chosen_first_and_brings_its_comparisons(browser):
    page = await browser.get(f"{FILTER}?ordering=name")
    assert '<select class="select" id="field-f0.0" name="f0.0"' in page.text
    chosen = (await send(browser, "show", **row("0.0", "city"))).text
    assert '<option value="starts_with"' in chosen
    assert 'name="v0.0"' in chosen
    assert 'value="is_vip"' in chosen


async def test_conditions_of_one_group_all_hold(browser):
    form = row("0.0", "city", "=", "Medan") | row("0.1", "is_active", "=", "true")
    tree, names = await applied(browser, **form)
    assert tree == {
        "all": [
            {"field": "city", "op": "=", "value": "Medan"},
            {"field": "is_active", "op": "=", "value": True},
        ]
    }
    assert names == ["Citra"]


async def test_groups_are_joined_by_or(browser):
    form = row("0.0", "city", "=", "Bandung") | row("1.0", "name", "starts_with", "bud")
    _, names = await applied(browser, j="any", w1="all", **form)
    assert names == ["Ani", "Budi"]


async def test_one_of_several_and_empty_values(browser):
    assert (await applied(browser, **row("0.0", "city", "in", "Bandung, Medan")))[1] == [
        "Ani", "Budi", "Citra",
    ]  # fmt: skip
    assert (await applied(browser, **row("0.0", "phone", "is_empty", "false")))[1] == []
    span = row("0.0", "created_at", "between", "2000-01-01", "2001-01-01")
    assert (await applied(browser, **span))[1] == []


async def test_rows_and_groups_come_and_go(browser):
    more = (await send(browser, "add:0", **row("0.0", "city", "=", "Medan"))).text
    assert 'name="f0.1"' in more
    assert 'value="Medan"' in more
    grouped = (await send(browser, "group", **row("0.0", "city", "=", "Medan"))).text
    assert 'name="f1.0"' in grouped
    assert 'name="j"' in grouped
    two = row("0.0", "city", "=", "Medan") | row("0.1", "name", "=", "Ani")
    less = (await send(browser, "drop:0.0", **two)).text
    assert 'value="Medan"' not in less
    assert 'value="Ani"' in less


async def test_filter_of_the_address_is_shown_to_be_changed(browser):
    """Applied, opened, applied again: the same tree."""
    form = row("0.0", "city", "in", "Bandung, Medan") | row("1.0", "is_vip", "=", "false")
    tree, _ = await applied(browser, w1="any", **form)
    query = f"where={msgspec.json.encode(tree).decode()}"
    shown = (await browser.get(f"{FILTER}?{query}")).text
    assert 'value="Bandung, Medan"' in shown
    assert re.search(r'<option value="is_vip" selected', shown)
    deep = '{"not":{"field":"city","op":"=","value":"Medan"}}'
    other = (await browser.get(f"{FILTER}?where={deep}")).text
    assert "made elsewhere and is replaced: not (City is Medan)." in other


async def test_missing_and_wrong_values_stand_beside_their_row(browser):
    empty = await send(browser, "apply", **row("0.0", "city", "=", ""))
    assert empty.status_code == 400
    assert "Fill in a value." in empty.text
    assert 'aria-describedby="field-v0.0-error"' in empty.text
    wrong = await send(browser, "apply", **row("0.0", "created_at", ">", "yesterdayish"))
    assert wrong.status_code == 400
    assert "must be a date" in wrong.text


async def test_nothing_chosen_takes_the_filter_away(browser):
    answer = await send(browser, "apply", state="ordering=name&city=Medan", **row("0.0"))
    assert answer.headers["location"] == f"{LIST}?city=Medan&ordering=name"


async def test_chip_tells_the_filter_and_takes_it_away(browser):
    tree = '{"any":[{"field":"city","op":"=","value":"Medan"}]}'
    text = (await browser.get(f"{LIST}?where={tree}&ordering=name")).text
    assert "City is Medan" in text
    assert 'class="chip" href="/app/customers/?ordering=name"' in text


async def test_hidden_fields_are_not_offered(gate):
    """C4: whoever may not see a field cannot filter by it."""
    seller = await Browser(gate).enter(await gate.user("seller"))
    assert 'value="created_by"' not in (await seller.get(FILTER)).text
    tree = '{"field":"created_by","op":"is_empty","value":true}'
    assert (await seller.get(f"{LIST}?where={tree}")).status_code == 400
