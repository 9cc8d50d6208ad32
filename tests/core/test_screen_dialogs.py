"""Dialogs over a list, as htmx asks for them: what they answer, and that the list follows."""

import re
from collections.abc import AsyncIterator
from itertools import count

import pytest

from tests.core.browsing import Browser
from tests.core.signing import Gate, open_gate

LIST = "/app/customers/"
NEW = f"{LIST}new/"
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
HX = {"hx_request": "true", "hx_request_type": "partial"}
OVER = {**HX, "hx_target": "div#over", "hx_current_url": f"http://acme.localhost{LIST}?city=Ende"}
FORM = {**OVER, "hx_target": "form#step-form"}
_mails = count(1)


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    folder = tmp_path_factory.mktemp("in_place")
    async with open_gate(test_server, folder, ("customers", "loyalty")) as opened:
        yield opened


@pytest.fixture
async def browser(gate) -> Browser:
    return await Browser(gate).enter(await gate.user("staff"))


@pytest.fixture
async def customer(gate) -> str:
    staff = await gate.world.person("staff")
    body = {"name": "Sari Ende", "email": mail(), "city": "Ende"}
    answer = await gate.world.ask(staff, "POST", "/api/customers/", body)
    return str(answer.json()["id"])


def mail() -> str:
    return f"place{next(_mails)}@place.example"


async def opened(browser: Browser, path: str) -> tuple[str, dict[str, str]]:
    """Open a dialog; return what is shown and what its form sends along."""
    answer = await browser.get(path, **OVER)
    assert answer.status_code == 200, answer.text
    return answer.text, dict(HIDDEN.findall(answer.text))


async def test_every_entity_has_its_words_and_a_dialog(browser):
    """Source 004's words are generic: Add, Create, Update, Delete and the entity's own label."""
    for resource, label in (("customers", "Customer"), ("companies", "Company")):
        listed = (await browser.get(f"/app/{resource}/")).text
        assert f"<span>Add {label}</span>" in listed
        assert f'hx-get="/app/{resource}/new/" hx-target="#over"' in listed
        text, _ = await opened(browser, f"/app/{resource}/new/")
        assert text.startswith('<dialog id="step"')
        assert f"<span>Create {label}</span>" in text
        page = (await browser.get(f"/app/{resource}/new/")).text
        assert "<html" in page, "without scripts it is a page"
        assert f"<span>Create {label}</span>" in page


async def test_a_created_record_is_announced_on_the_list(browser, gate):
    """ADM-07: no redirect; a toast, and the page is told that its records are others."""
    _, hidden = await opened(browser, NEW)
    form = {**hidden, "name": "Made Here", "email": mail(), "city": "Ende"}
    answer = await browser.post(NEW, form, page=LIST, **FORM)
    assert answer.status_code == 200, answer.text
    assert answer.headers["hx-trigger"] == "step-done, records-changed"
    assert "hx-redirect" not in answer.headers
    assert '<hx-partial hx-target="#toaster" hx-swap="beforeend">' in answer.text
    assert "Customer created" in answer.text
    rows = await gate.rows("SELECT id FROM customers_customer WHERE name = 'Made Here'")
    assert len(rows) == 1


async def test_refused_form_comes_back_alone_with_what_was_typed(browser, customer, gate):
    """TST-02: Name is required; a taken address says so beside it; a wrong one too."""
    _, hidden = await opened(browser, NEW)
    answer = await browser.post(NEW, {**hidden, "name": "", "email": "test@"}, page=LIST, **FORM)
    assert answer.status_code == 400
    assert answer.text.lstrip().startswith('<form method="post" action="/app/customers/new/"')
    assert "Name is required" in answer.text
    assert "This is not an e-mail address." in answer.text
    assert 'value="test@"' in answer.text
    assert "things need correcting" not in answer.text, "each stands beside its field"
    rows = await gate.rows("SELECT email FROM customers_customer WHERE id = $1::uuid", customer)
    taken = {**hidden, "name": "Twin", "email": rows[0]["email"]}
    answer = await browser.post(NEW, taken, page=LIST, **FORM)
    assert answer.status_code == 409
    assert 'id="field-email-error"' in answer.text
    assert "There is one with this E-mail already." in answer.text
    assert "Create anyway" not in answer.text, "there cannot be two"


async def test_change_in_a_dialog_and_what_somebody_else_made_of_it(browser, customer, gate):
    """D4: two changes are shown side by side in the dialog, and nothing is overwritten."""
    path = f"{LIST}{customer}/edit/"
    text, hidden = await opened(browser, f"{path}?_back={LIST}")
    assert "<span>Update Customer</span>" in text
    done = await browser.post(path, {**hidden, "name": "Sari Baru"}, page=LIST, **FORM)
    assert "Customer updated" in done.text
    late = await browser.post(path, {**hidden, "name": "Sari Lama"}, page=LIST, **FORM)
    assert late.status_code == 412
    assert late.headers["hx-retarget"] == "#over"
    assert late.text.lstrip().startswith('<dialog id="step"')
    assert "Sari Baru" in late.text
    assert "Sari Lama" in late.text
    rows = await gate.rows("SELECT name FROM customers_customer WHERE id = $1::uuid", customer)
    assert rows[0]["name"] == "Sari Baru"


async def test_points_are_added_in_a_dialog(browser, customer):
    """ADM-07: Update Points; a mistake comes back in the form, which alone is another."""
    path = f"{LIST}{customer}/do/update_points/"
    text, hidden = await opened(browser, path)
    assert "Update Points</h2>" in text
    form = {**OVER, "hx_target": "form#deed-form"}
    wrong = await browser.post(path, {**hidden, "points": "", "reason": "x"}, page=LIST, **form)
    assert wrong.status_code == 400
    assert "<dialog" not in wrong.text
    assert 'id="field-points-error"' in wrong.text
    good = await browser.post(path, {**hidden, "points": "50"}, page=LIST, **form)
    assert good.headers["hx-trigger"] == "step-done, records-changed"
    assert "Points updated" in good.text


async def test_record_that_is_gone_leaves_the_dialog_and_tells(browser, customer, gate):
    """A record deleted meanwhile: a message, the list is read anew, what was typed stays."""
    path = f"{LIST}{customer}/edit/"
    _, hidden = await opened(browser, path)
    staff = await gate.world.person("staff")
    await gate.world.ask(staff, "DELETE", f"/api/customers/{customer}/")
    answer = await browser.post(path, {**hidden, "name": "Late"}, page=LIST, **FORM)
    assert answer.status_code == 404
    assert answer.headers["hx-retarget"] == "#toaster"
    assert answer.headers["hx-trigger"] == "records-changed"
    assert "This Customer was deleted" in answer.text


async def test_rows_are_deleted_and_toggled_on_the_list(browser, customer):
    """ADM-08: the ticks are dealt with; one row's own button leaves others' ticks alone."""
    form = {"do": "deactivate", "ids": [customer], "state": "city=Ende"}
    done = await browser.post(f"{LIST}bulk/", form, page=LIST, **OVER)
    assert done.headers["hx-trigger"] == "step-done, records-changed, selection-done"
    assert "1 customer updated" in done.text
    assert "/undo/" in done.text
    asked = await browser.post(f"{LIST}bulk/", {"one": f"delete:{customer}"}, page=LIST, **OVER)
    assert "<span>Delete Customer</span>" in asked.text
    run = {"do": "delete", "ids": [customer], "step": "run"}
    gone = await browser.post(f"{LIST}bulk/", run, page=LIST, **OVER)
    assert "1 customer deleted" in gone.text


async def test_list_that_asks_for_itself_brings_its_figures(browser, customer):
    """The cards follow as well; a search alone leaves them, and only that is a step back."""
    own = {**HX, "hx_target": "div#list", "hx_source": "div#list"}
    anew = await browser.get(f"{LIST}?city=Ende", **own)
    assert anew.text.startswith('<div class="stack" id="list"')
    assert '<hx-partial hx-target="#figures" hx-swap="outerMorph">' in anew.text
    assert "Total customers" in anew.text
    assert "hx-push-url" not in anew.headers
    searched = await browser.get(f"{LIST}?search=sari", **{**own, "hx_source": "form#filters"})
    assert "hx-partial" not in searched.text
    assert searched.headers["hx-push-url"] == f"{LIST}?search=sari"


async def test_elsewhere_a_form_leads_on_as_before(browser, customer):
    """On a record's page there is no list to read anew."""
    path = f"{LIST}{customer}/do/update_points/"
    here = {**HX, "hx_current_url": f"http://acme.localhost{LIST}{customer}/"}
    answer = await browser.get(path, **here)
    hidden = dict(HIDDEN.findall(answer.text))
    done = await browser.post(path, {**hidden, "points": "5"}, page=LIST, **here)
    assert done.headers["hx-redirect"] == f"{LIST}{customer}/"
