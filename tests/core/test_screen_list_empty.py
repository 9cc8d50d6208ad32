"""An empty list teaches what belongs there, and a narrowed one says what narrows it."""

from collections.abc import AsyncIterator
from html import unescape

import pytest

from tests.core.browsing import Browser
from tests.core.signing import Gate, open_gate

LIST = "/app/customers/"


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    async with open_gate(test_server, tmp_path_factory.mktemp("nothing")) as opened:
        yield opened


@pytest.fixture(scope="module")
async def browser(gate) -> Browser:
    return await Browser(gate).enter(await gate.user("staff"))


async def empty(browser: Browser, path: str) -> str:
    """Return what stands in place of the rows."""
    text = (await browser.get(path)).text
    return unescape(text.partition('<div class="empty">')[2].partition("</div>")[0])


async def test_an_empty_list_says_what_the_entity_is_and_how_to_begin(browser):
    """The words are the first sentence of the entity's docstring."""
    told = await empty(browser, LIST)
    assert "No customers yet" in told
    assert "Whoever buys." in told
    assert "No two customers" not in told
    assert 'href="/app/customers/new/"' in told
    assert "Add Customer" in told


async def test_empty_list_offers_no_add_without_the_right(gate):
    seller = await Browser(gate).enter(await gate.user("seller"))
    told = await empty(seller, LIST)
    assert "Whoever buys." in told
    assert "/new/" not in told
    assert "you may not see those that there are" in told


async def test_a_narrowed_list_names_its_filters_and_clears_them(browser):
    tree = '{"field":"city","op":"=","value":"Medan"}'
    told = await empty(browser, f"{LIST}?search=zoe&is_vip=true&where={tree}&ordering=name")
    assert "Nothing found" in told
    assert "Nothing matches all of this: Search: zoe; VIP: Yes; City is Medan." in told
    assert 'href="/app/customers/?ordering=name"' in told
    assert "Clear Filters" in told


async def test_the_lesson_is_read_in_the_readers_language(gate):
    reader = await Browser(gate).enter(await gate.user("staff"))
    form = {"locale": "id", "timezone": "Asia/Jakarta"}
    await reader.post("/app/account/likes/", form, page="/app/account/")
    assert "Siapa pun yang membeli." in await empty(reader, LIST)
