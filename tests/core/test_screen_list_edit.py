"""Cells that are changed in the list: what may be, saved and left, checked by version."""

import re
from collections.abc import AsyncIterator
from itertools import count

import pytest

from tests.core.browsing import Browser
from tests.core.signing import Gate, open_gate

LIST = "/app/customers/"
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
_mails = count(1)
HX = {"hx_request": "true", "hx_request_type": "partial"}


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    async with open_gate(test_server, tmp_path_factory.mktemp("cells")) as opened:
        yield opened


@pytest.fixture
async def customer(gate) -> str:
    staff = await gate.world.person("staff")
    body = {"name": "Sari", "email": f"sari{next(_mails)}@cells.example", "phone": "+628123456789"}
    answer = await gate.world.ask(staff, "POST", "/api/customers/", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@pytest.fixture
async def browser(gate) -> Browser:
    return await Browser(gate).enter(await gate.user("staff"))


async def opened(browser: Browser, id: str, name: str = "phone") -> tuple[str, dict[str, str]]:
    """Open a cell; return what is shown and what its form sends along."""
    answer = await browser.get(f"{LIST}{id}/cell/{name}/?_back=/app/customers/?page_size=10", **HX)
    assert answer.status_code == 200, answer.text
    return answer.text, dict(HIDDEN.findall(answer.text))


async def stored(gate: Gate, id: str) -> str:
    sql = "SELECT phone FROM customers_customer WHERE id = $1::text::uuid"
    return str((await gate.rows(sql, id))[0]["phone"])


async def test_cell_is_opened_saved_and_leads_back(browser, gate, customer):
    shown = (await browser.get(LIST)).text
    assert f"/app/customers/{customer}/cell/phone/" in shown
    text, hidden = await opened(browser, customer)
    assert 'value="+62 812-3456-789"' in text or 'name="phone"' in text
    form = {**hidden, "phone": "+6281299998888"}
    answer = await browser.post(f"{LIST}{customer}/edit/", form, **HX)
    assert answer.headers["hx-redirect"] == "/app/customers/?page_size=10"
    rows = await gate.rows(
        "SELECT phone FROM customers_customer WHERE id = $1::text::uuid", customer
    )
    assert rows[0]["phone"] == "+6281299998888"


async def test_refusal_stands_in_the_cell(browser, customer):
    _, hidden = await opened(browser, customer)
    answer = await browser.post(f"{LIST}{customer}/edit/", {**hidden, "phone": "12"}, **HX)
    assert answer.status_code == 400
    assert 'id="inline"' in answer.text
    assert 'aria-invalid="true"' in answer.text


async def test_version_conflict_is_shown_and_nothing_is_overwritten(browser, gate, customer):
    _, hidden = await opened(browser, customer)
    staff = await gate.world.person("staff")
    theirs = {"phone": "+6281211112222"}
    await gate.world.ask(staff, "PATCH", f"/api/customers/{customer}/", theirs)
    answer = await browser.post(f"{LIST}{customer}/edit/", {**hidden, "phone": "+62813"}, **HX)
    assert "Somebody wrote" in answer.text
    rows = await gate.rows(
        "SELECT phone FROM customers_customer WHERE id = $1::text::uuid", customer
    )
    assert rows[0]["phone"] == theirs["phone"]


async def test_without_scripts_the_whole_form_opens(browser, customer):
    answer = await browser.get(f"{LIST}{customer}/cell/phone/?_back=/app/customers/")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"/app/customers/{customer}/edit/?_back=")


async def test_only_what_is_declared_and_allowed(browser, gate, customer):
    assert (await browser.get(f"{LIST}{customer}/cell/email/", **HX)).status_code == 404
    seller = await Browser(gate).enter(await gate.user("seller"))
    assert (await seller.get(f"{LIST}{customer}/cell/phone/", **HX)).status_code == 403


async def test_cell_leads_back_to_our_own_pages_only(browser, customer):
    answer = await browser.get(f"{LIST}{customer}/cell/phone/?_back=https://evil.example/", **HX)
    assert "evil.example" not in answer.text


async def test_a_cell_of_a_record_that_is_not_there_is_not_there(gate, browser):
    """Without scripts as with them: another tenant's, a deleted and no record are the same."""
    foreign = await gate.world.plant("customers.customer", tenant="globex")
    for id in (foreign, "00000000-0000-4000-8000-000000000001", "no-id"):
        for headers in ({}, HX):
            answer = await browser.get(f"{LIST}{id}/cell/phone/", **headers)
            assert answer.status_code == 404, (id, headers)
