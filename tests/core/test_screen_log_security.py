"""Sign-ins and security events in the browser: for whoever may see the log, filtered, searched."""

import re
from collections.abc import AsyncIterator
from html import unescape

import pytest

from tests.core.browsing import Browser
from tests.core.signing import WRONG, Gate, open_gate

KEY = {"name": "Robot", "scopes": ["customers.customer.list"]}
SECURITY = "/app/log/security/"
ITEM = re.compile(r'<li class="timeline-item">.*?</li>', re.S)


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    folder = tmp_path_factory.mktemp("security")
    async with open_gate(test_server, folder) as opened:
        yield opened


@pytest.fixture(scope="module")
async def browser(gate) -> Browser:
    return await Browser(gate).enter(await gate.user("admin", email="boss@acme.example"))


@pytest.fixture(scope="module")
async def victim(gate) -> str:
    """Somebody whose password was guessed at, who then came in, made a key and signed out."""
    email = await gate.user("staff", email="victim@acme.example")
    await gate.world.system().write(
        lambda unit: unit.execute(
            "UPDATE core_user SET name = $2 WHERE tenant_id = $1 AND email = $3",
            gate.world.tenant().id,
            "Vera Victim",
            email,
        )
    )
    thief = Browser(gate)
    await thief.login(email, WRONG)
    own = await Browser(gate).enter(email)
    token = (await gate.enter(email))["access"]
    made = await gate.post("/api/api-keys/", KEY, token=token)
    assert made.status_code == 201, made.text
    assert (await own.post("/app/logout/", page="/app/account/")).status_code == 303
    return email


async def items(browser: Browser, query: str = "", status: int = 200) -> list[str]:
    answer = await browser.get(f"{SECURITY}{query}")
    assert answer.status_code == status, answer.text
    plain = (re.sub(r"<[^>]+>", " ", found) for found in ITEM.findall(answer.text))
    return [" ".join(unescape(text).split()) for text in plain]


async def test_events_tell_who_what_and_from_where(gate, browser, victim):
    found = await items(browser, "?q=victim")
    assert any("Sign-in refused Vera Victim" in text for text in found)
    assert any("Signed in Vera Victim" in text and "10." in text for text in found)
    assert any("API key made Vera Victim" in text and "Key: Robot" in text for text in found)
    assert any("Session ended Vera Victim" in text and "Signed out" in text for text in found)


async def test_filters_narrow_and_wrong_ones_are_reported(browser, victim):
    refused = await items(browser, "?kind=login_refused&by=victim@acme.example")
    assert len(refused) == 1
    assert await items(browser, "?to=2020-01-31&from=2020-01-01") == []
    assert await items(browser, "?q=100%25") == []
    for wrong in ("?from=yesterday", "?by=nobody", "?q=x", "?cursor=forged"):
        answer = await browser.get(f"{SECURITY}{wrong}")
        assert answer.status_code == 400, wrong
        assert "This cannot be asked of the log." in answer.text
    part = await browser.get(f"{SECURITY}?kind=signed_in", hx_request="true", hx_target="div#log")
    assert "<html" not in part.text
    assert "Sign-in refused" not in "".join(ITEM.findall(part.text))


async def test_two_pages_lead_to_each_other(browser, victim):
    log = (await browser.get("/app/log/")).text
    assert f'href="{SECURITY}"' in log
    assert 'href="/app/log/"' in (await browser.get(SECURITY)).text


async def test_the_rest_is_behind_a_link(gate, browser):
    """No event is lost or told twice between two pages."""
    sql = (
        "INSERT INTO core_security_event (tenant_id, kind, detail) SELECT $1, 'plugin_enabled',"
        " jsonb_build_object('plugin', 'p' || n) FROM generate_series(1, 60) n"
    )
    tenant = gate.world.tenant().id
    await gate.world.system().write(lambda unit: unit.execute(sql, tenant))
    query, seen = "?kind=plugin_enabled", list[str]()
    while query:
        seen += await items(browser, query)
        text = (await browser.get(f"{SECURITY}{query}")).text
        onward = re.search(r'href="/app/log/security/(\?[^"]*cursor=[^"]+)"', text)
        query = unescape(onward[1]) if onward else ""
    assert len(seen) == len(set(seen)) == 60


async def test_only_who_may_see_the_log_sees_it_and_nothing_of_another_tenant(gate, victim):
    staff = await Browser(gate).enter(await gate.user("staff"))
    assert (await staff.get(SECURITY)).status_code == 403
    foreign = await Browser(gate, "globex.localhost").enter(
        await gate.user("admin", tenant="globex")
    )
    assert "Vera Victim" not in (await foreign.get(SECURITY)).text
    assert await items(foreign, "?q=victim") == []
