"""The page of a record over HTTP: head, tabs, related lists, actions, rights; without scripts."""

import re
from uuid import UUID, uuid4

import pytest

from core.testing.query_log import query_log
from tests.core.browsing import Browser
from tests.core.screens import clerk, customer, fields, fill, part, send
from tests.core.signing import Gate

TAB = re.compile(r'<nav class="tabs-line".*?</nav>', re.S)


@pytest.fixture(scope="module")
def gate(world) -> Gate:
    return Gate(world)


@pytest.fixture(scope="module")
async def browser(gate) -> Browser:
    return await clerk(gate, "staff")


def tabs(text: str) -> list[tuple[str, str]]:
    """Return the tabs of a page: what they are called, and their counts."""
    line = TAB.search(text)
    assert line
    found = re.findall(r"<span>([^<]+)</span>(?:<span class=\"count\">([^<]+)</span>)?", line[0])
    return [(label, count) for label, count in found]


async def test_the_head_tells_who_it_is_and_what_can_be_done(world, browser):
    id = await customer(world, name="Siti Rahmawati", email=f"{uuid4()}@example.com")
    page = await browser.get(f"/app/customers/{id}/")
    assert page.status_code == 200
    assert "<h1>" in page.text
    assert "Siti Rahmawati" in page.text
    assert f'href="/app/customers/{id}/edit/"' in page.text
    assert f'href="/app/customers/{id}/do/redeem_points/"' in page.text
    assert f'action="/app/customers/{id}/delete/"' in page.text


async def test_what_hangs_on_a_record_is_counted_and_shown_on_demand(world, browser):
    """Smart counts in tabs; a related list is read when it is opened."""
    id = await customer(world)
    for number in range(3):
        await world.plant("customers.contact", customer_id=id, name=f"Contact {number}")
    page = await browser.get(f"/app/customers/{id}/")
    found = dict(tabs(page.text))
    assert (found["Contacts"], found["Addresses"]) == ("3", "0")
    # Nothing there and nothing to be added: no tab.
    assert "Purchases" not in found
    assert "Contact 1" not in page.text
    opened = await browser.get(f"/app/customers/{id}/?tab=contacts")
    assert "Contact 1" in opened.text
    assert f"/app/contacts/new/?customer_id={id}" in opened.text
    assert 'aria-current="page"' in opened.text
    assert (await browser.get(f"/app/customers/{id}/?tab=nothing")).status_code == 404


async def test_counts_are_one_statement(world, browser):
    """However many lists hang on a record, and however long they are."""
    few, many = await customer(world), await customer(world)
    for number in range(12):
        await world.plant("customers.contact", customer_id=many, name=f"Contact {number}")
    numbers = []
    for id in (few, many):
        await browser.get(f"/app/customers/{id}/")
        with query_log(world) as statements:
            await browser.get(f"/app/customers/{id}/")
        numbers.append(len(statements))
    assert numbers[0] == numbers[1]


async def test_an_action_has_a_form_of_its_struct(world, staff, browser):
    """Declared actions: a form made from the struct, refusals beside their fields, once."""
    id = await customer(world, loyalty_points=0)
    path = f"/app/customers/{id}/do/update_points/"
    page = await browser.get(path)
    assert set(fields(page.text, path)) == {"_csrf", "_key", "points", "reason"}
    done = await send(browser, page, path, points="40", reason="Welcome")
    assert done.status_code == 303
    assert done.headers["location"] == f"/app/customers/{id}/"
    # The same form again changes nothing more.
    assert (await send(browser, page, path, points="40", reason="Welcome")).status_code == 303
    row = await world.ask(staff, "GET", f"/api/customers/{id}/")
    assert row.json()["loyalty_points"] == 40
    wrong = await fill(browser, path, points="many", reason="x" * 201)
    assert wrong.status_code == 400
    assert "Shorten it to 200 characters" in part(wrong.text, "reason")
    wrong = await send(browser, wrong, path, reason="Short")
    assert "This is not a number" in part(wrong.text, "points")
    assert fields(wrong.text, path)["points"] == "many"
    redeem = f"/app/customers/{id}/do/redeem_points/"
    few = await fill(browser, redeem, points="100", reason="Coffee")
    assert few.status_code == 409
    assert 'role="alert"' in few.text


async def test_actions_choose_people_and_words_of_the_entity(world, gate, browser):
    """A field of the struct that the entity has too is shown as that: a lookup, a choice."""
    id = await customer(world)
    path = f"/app/customers/{id}/do/transfer/"
    page = await browser.get(path)
    assert 'src="/app/users/lookup/"' in page.text
    email = await gate.user("staff")
    person = await gate.user_id(email)
    done = await send(browser, page, path, salesperson_id=person, salesperson_id_text="A Person")
    assert done.status_code == 303
    chosen = await browser.get(f"/app/customers/{id}/do/change_status/")
    assert '<option value="suspended">Suspended</option>' in chosen.text
    no = await fill(browser, path, salesperson_id_text="Nobody Such")
    assert "Nothing is called" in part(no.text, "salesperson_id")


async def test_what_an_action_answers_is_shown(world, browser):
    id = await customer(world)
    reward = await world.plant(
        "loyalty.reward", name="Free coffee", points=5, stock=None, is_active=True,
        valid_from=None, valid_until=None, minimum_tier=None,
    )  # fmt: skip
    points = f"/app/customers/{id}/do/update_points/"
    assert (await fill(browser, points, points="50", reason="Gift")).status_code == 303
    path = f"/app/customers/{id}/do/redeem_reward/"
    answer = await fill(browser, path, reward_id=str(reward), reward_id_text=str(reward))
    assert answer.status_code == 200
    assert "Voucher" in answer.text


async def test_scripts_get_a_dialog(world, browser):
    id = await customer(world)
    path = f"/app/customers/{id}/do/make_vip/"
    dialog = await browser.get(path, hx_request="true")
    assert "<dialog" in dialog.text
    assert "<html" not in dialog.text
    done = await browser.post(path, fields(dialog.text, path), page=path, hx_request="true")
    assert done.headers["hx-redirect"] == f"/app/customers/{id}/"


@pytest.fixture(scope="module")
async def linked(world) -> tuple[UUID, UUID, UUID]:
    """A company, a customer whom its sellers see, and one whom they do not."""
    company = await world.plant("customers.company", name="Own company", kind="seller")
    own = await customer(
        world, notes="For sellers as well", dummy_remark="Told in confidence", tags=[]
    )
    other = await customer(world, name="Stranger")
    await world.plant("customers.company_link", company_id=company, customer_id=own)
    return company, own, other


async def test_a_seller_sees_his_customers_and_changes_nothing(gate, linked):
    company, own, other = linked
    browser = await clerk(gate, "seller", customers_company_id=company)
    page = await browser.get(f"/app/customers/{own}/")
    assert page.status_code == 200
    for path in ("edit/", "delete/", "do/make_vip/"):
        assert f"/app/customers/{own}/{path}" not in page.text
    assert "?edit=" not in page.text
    assert (await browser.get(f"/app/customers/{other}/")).status_code == 404
    for path in ("edit/", "do/make_vip/", "do/redeem_points/"):
        assert (await browser.get(f"/app/customers/{own}/{path}")).status_code == 403
    refused = await browser.post(f"/app/customers/{own}/delete/", page=f"/app/customers/{own}/")
    assert refused.status_code == 403


async def test_hidden_fields_appear_nowhere_on_a_record(gate, linked):
    """Audience: no value, label, tab, count, attribute or option."""
    company, own, _ = linked
    browser = await clerk(gate, "seller", customers_company_id=company)
    for path in ("", "?edit=dummy_remark", "?tab=devices", "?tab=contacts"):
        page = await browser.get(f"/app/customers/{own}/{path}")
        assert page.status_code == (404 if "devices" in path else 200)
        for word in ("confidence", "Remark", "dummy_remark", "Created by", "created_by"):
            assert word not in page.text, (path, word)
    # He sees the points, and the notes that are for him too.
    page = await browser.get(f"/app/customers/{own}/")
    assert "For sellers as well" in page.text


async def test_what_is_readable_alone_is_not_offered_for_editing(world, gate):
    id = await world.plant("dummy.device", secret="Nobody knows", name="Saw", manual="Read it")
    browser = await clerk(gate, "inspector")
    page = await browser.get(f"/app/devices/{id}/")
    assert "Nobody knows" not in page.text
    assert set(re.findall(r"\?edit=(\w+)", page.text)) == {"manual"}
    assert f"/app/devices/{id}/do/inspect/" in page.text
    assert f"/app/devices/{id}/delete/" not in page.text


async def test_values_of_attackers_are_text(world, browser):
    """F1: what stands in a field is never markup, wherever it is shown."""
    evil = '"><img src=x onerror=alert(1)>'
    id = await customer(world, name=evil, notes=f"</textarea>{evil}", tags=[evil[:50]], city=evil)
    for path in ("", "edit/", "?edit=notes", "do/make_vip/", "?tab=contacts"):
        page = await browser.get(f"/app/customers/{id}/{path}")
        assert page.status_code == 200
        assert "<img src=x" not in page.text, path


async def test_what_is_not_there_says_what_to_do(browser):
    page = await browser.get(f"/app/customers/{uuid4()}/")
    assert page.status_code == 404
    assert 'href="/app/customers/"' in page.text
    assert (await browser.get("/app/customers/not-an-id/")).status_code == 404


async def test_a_plugin_that_is_off_has_no_page(make_world):
    """Ruling 14: its screens answer as an unknown address does, with a way on."""
    world = await make_world()
    gate = Gate(world)
    browser = await clerk(gate, "staff")
    id = await world.plant("dummy.device")
    assert (await browser.get(f"/app/devices/{id}/")).status_code == 200
    text = world.file.read_text("utf-8")
    text = text.replace('plugins = ["customers", "loyalty", "dummy"]', 'plugins = ["customers"]')
    world.file.write_text(text, "utf-8")
    page = await browser.get(f"/app/devices/{id}/")
    assert page.status_code == 404
    assert 'href="/app/"' in page.text
