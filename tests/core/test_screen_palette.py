"""The search page and the palette: records that one may see, screens, actions, what was opened."""

from collections.abc import AsyncIterator

import pytest

from tests.core.browsing import Browser
from tests.core.signing import Gate, open_gate

PLUGINS = ("customers", "loyalty")


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    async with open_gate(test_server, tmp_path_factory.mktemp("palette"), PLUGINS) as opened:
        yield opened


@pytest.fixture(scope="module")
async def zoe(gate) -> str:
    """A customer's id."""
    return str(await gate.world.plant("customers.customer", name="Zoë Palette"))


@pytest.fixture(scope="module")
async def browser(gate, zoe) -> Browser:
    return await Browser(gate).enter(await gate.user("staff"))


async def test_records_match_whatever_their_accents(browser, zoe):
    answer = await browser.get("/app/search/?q=zoe+pal")
    assert answer.status_code == 200, answer.text
    assert f'href="/app/customers/{zoe}/"' in answer.text
    assert "Zoë Palette" in answer.text


async def test_without_words_screens_and_actions_are_offered(browser):
    text = (await browser.get("/app/search/")).text
    assert 'href="/app/customers/new/"' in text
    assert 'href="/app/customers/board/"' in text
    assert "/app/apps/" not in text


async def test_an_administrators_screens_are_for_who_may_open_them(gate):
    browser = await Browser(gate).enter(await gate.user("admin"))
    text = (await browser.get("/app/search/?q=audit")).text
    assert 'href="/app/log/"' in text


async def test_palette_is_a_part_of_a_page(browser, zoe):
    answer = await browser.get("/app/palette/?q=zoe", hx_request="true")
    assert "<html" not in answer.text
    assert f'role="menuitem" tabindex="-1" href="/app/customers/{zoe}/"' in answer.text


async def test_what_was_opened_is_named_to_who_may_see_it(gate, browser, zoe):
    recent = f"?recent=customers/{zoe},customers/{'0' * 8}-0000-0000-0000-{'0' * 12},nothing/x"
    assert "Zoë Palette" in (await browser.get(f"/app/palette/{recent}")).text
    other = await Browser(gate).enter(await gate.user("customer"))
    assert "Zoë" not in (await other.get(f"/app/palette/{recent}")).text
    assert "Zoë" not in (await other.get("/app/search/?q=zoe")).text


async def test_what_nobody_means_is_refused_with_words(browser):
    answer = await browser.get("/app/search/?q=" + "x" * 101)
    assert answer.status_code == 400
    assert "at most 100 characters" in answer.text
    assert "Nothing found" in (await browser.get("/app/search/?q=qqqq")).text


async def test_signed_out_leads_to_the_login(gate):
    assert (await Browser(gate).get("/app/search/?q=a")).status_code == 303
