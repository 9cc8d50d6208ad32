"""Apps in the browser: what they add and need, switching them, and who may (ruling 14)."""

from collections.abc import AsyncIterator

import pytest

from tests.core.browsing import Browser
from tests.core.signing import Gate, open_gate

APPS = "/app/apps/"


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    folder = tmp_path_factory.mktemp("apps")
    async with open_gate(test_server, folder, ("customers", "loyalty")) as opened:
        yield opened


@pytest.fixture(scope="module")
async def browser(gate) -> Browser:
    return await Browser(gate).enter(await gate.user("admin"))


async def test_cards_and_pages_tell_what_an_app_adds_and_needs(browser):
    text = (await browser.get(APPS)).text
    assert 'href="/app/apps/loyalty/"' in text
    assert "Needed by" in text
    one = (await browser.get(f"{APPS}loyalty/")).text
    assert 'href="/app/apps/customers/"' in one
    assert "Fields of other apps" in one
    assert 'href="/app/settings/loyalty/"' in one
    assert (await browser.get(f"{APPS}nothing/")).status_code == 404


async def test_switching_writes_the_file_is_recorded_and_is_live(gate, browser):
    """Ruling 14: the switch edits crm.toml, takes effect at once, and stands in the log."""
    off = await browser.post(f"{APPS}loyalty/disable/", page=f"{APPS}loyalty/")
    assert off.status_code == 303, off.text
    assert 'plugins = ["customers"]' in gate.world.file.read_text()
    assert "switched off" in (await browser.get(off.headers["location"])).text
    noted = "SELECT kind FROM core_security_event WHERE detail ->> 'plugin' = 'loyalty'"
    assert [row["kind"] for row in await gate.rows(noted)] == ["plugin_disabled"]
    on = await browser.post(f"{APPS}loyalty/enable/", page=f"{APPS}loyalty/")
    assert on.status_code == 303
    assert "loyalty" in gate.world.tenant().enabled


async def test_what_others_need_stays_on_and_says_who(gate, browser):
    before = gate.world.file.read_text()
    refused = await browser.post(f"{APPS}customers/disable/", page=f"{APPS}loyalty/")
    assert refused.status_code == 409
    assert "It is needed by Loyalty" in refused.text
    assert gate.world.file.read_text() == before


async def test_a_read_only_file_is_refused_in_words(gate, browser):
    gate.world.file.chmod(0o444)
    try:
        refused = await browser.post(f"{APPS}loyalty/disable/", page=f"{APPS}loyalty/")
    finally:
        gate.world.file.chmod(0o644)
    assert refused.status_code == 409
    assert "read-only on this server" in refused.text


async def test_who_may_not_sees_and_changes_nothing(gate):
    staff = await Browser(gate).enter(await gate.user("staff"))
    before = gate.world.file.read_text()
    assert (await staff.get(APPS)).status_code == 403
    refused = await staff.post(f"{APPS}loyalty/disable/", page="/app/account/")
    assert refused.status_code == 403
    assert gate.world.file.read_text() == before
    assert APPS not in (await staff.get("/app/")).text
