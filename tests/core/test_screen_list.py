"""The generated list: rows, order, pages, search and filters by address, for any entity."""

import re
from collections.abc import AsyncIterator

import pytest

from core.testing.world import World
from tests.core.browsing import Browser
from tests.core.signing import Gate, open_gate

LIST = "/app/customers/"
ROW = re.compile(r'<tr role="row" id="rows-([0-9a-f-]{36})"')


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    folder = tmp_path_factory.mktemp("lists")
    async with open_gate(test_server, folder, ("customers", "loyalty")) as opened:
        yield opened


@pytest.fixture(scope="module")
async def browser(gate) -> Browser:
    return await Browser(gate).enter(await gate.user("staff"))


async def plant(world: World, names: list[str], **values: object) -> None:
    staff = await world.person("staff")
    for place, name in enumerate(names):
        mail = f"{name.lower().replace(' ', '.')}.{place}@list.example"
        answer = await world.ask(
            staff, "POST", "/api/customers/", {"name": name, "email": mail, **values}
        )
        assert answer.status_code == 201, answer.text


@pytest.fixture(scope="module", autouse=True)
async def planted(gate) -> None:
    await plant(gate.world, [f"Person {n:02d}" for n in range(30)], city="Bandung")
    await plant(gate.world, ["Zoë Last"], city="Yogyakarta", is_active=False)


def names(text: str) -> list[str]:
    """Return the titles of the rows on a page."""
    return re.findall(r"data-primary[^>]*>.*?(?:<bdi>|dir=\"auto\">)([^<]+)<", text, re.S)


async def test_rows_come_with_a_table_and_pages(browser):
    answer = await browser.get(f"{LIST}?ordering=name")
    assert answer.status_code == 200, answer.text
    assert len(ROW.findall(answer.text)) == 25
    assert names(answer.text)[:2] == ["Person 00", "Person 01"]
    assert "1\N{EN DASH}25 of 31" in answer.text
    second = await browser.get(f"{LIST}?ordering=name&page=2")
    assert len(ROW.findall(second.text)) == 6
    assert "26\N{EN DASH}31 of 31" in second.text


async def test_headers_order_both_ways(browser):
    first = (await browser.get(f"{LIST}?ordering=name&city=Bandung")).text
    assert (
        'aria-sort="ascending"><a href="/app/customers/?city=Bandung&amp;ordering=-name"' in first
    )
    assert names((await browser.get(f"{LIST}?ordering=-name")).text)[0] == "Zoë Last"


async def test_search_and_filters_narrow_and_can_be_removed(browser):
    answer = await browser.get(f"{LIST}?search=zoe&is_active=false&ordering=name")
    assert names(answer.text) == ["Zoë Last"]
    assert 'href="/app/customers/?is_active=false&amp;ordering=name"' in answer.text
    assert "Clear Filters" in answer.text
    assert 'class="chip-clear" href="/app/customers/?ordering=name"' in answer.text


async def test_empty_result_differs_from_empty_list(browser):
    answer = await browser.get(f"{LIST}?city=Nowhere")
    assert "Nothing found" in answer.text
    empty = await browser.get("/app/companies/")
    assert "No companies yet" in empty.text
    assert 'href="/app/companies/new/"' in empty.text


async def test_wrong_address_says_what_is_wrong(browser):
    answer = await browser.get(f"{LIST}?shoe=44")
    assert answer.status_code == 400
    assert "There is no parameter" in answer.text
    assert ROW.findall(answer.text) == []


async def test_htmx_gets_the_part_that_changes(browser):
    answer = await browser.get(
        f"{LIST}?search=zoe", hx_request="true", hx_target="div#list", hx_request_type="partial"
    )
    assert answer.text.startswith('<div class="stack" id="list"')
    assert "<html" not in answer.text


async def test_portal_user_has_no_list(gate):
    browser = await Browser(gate).enter(await gate.user("customer"))
    assert (await browser.get(LIST)).status_code == 404
