"""Invitations, roles as a table, and the explanation of what somebody sees."""

import re
from collections.abc import AsyncIterator

import pytest

from tests.core.browsing import Browser
from tests.core.signing import Gate, open_gate

INVITE = "/app/people/invite/"
WHY = "/app/roles/why/"


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    folder = tmp_path_factory.mktemp("people")
    async with open_gate(test_server, folder, ("customers", "loyalty")) as opened:
        yield opened


@pytest.fixture(scope="module")
async def browser(gate) -> Browser:
    return await Browser(gate).enter(await gate.user("admin"))


async def test_an_invitation_makes_a_link_that_works_once(gate, browser):
    form = {"name": "New Colleague", "email": "new.colleague@acme.example", "roles": "staff"}
    made = await browser.post(INVITE, form)
    assert made.status_code == 201, made.text
    link = re.findall(r'value="http://acme\.localhost(/app/reset/\?token=[^"]+)"', made.text)
    assert len(link) == 1
    assert link[0] not in (await browser.get(INVITE)).text
    guest = Browser(gate)
    token = link[0].partition("token=")[2]
    secret = {"token": token, "password": "correct pony stable", "again": "correct pony stable"}
    answer = await guest.post("/app/reset/", secret, page=link[0])
    assert answer.status_code == 303, answer.text
    await guest.enter("new.colleague@acme.example", "correct pony stable")
    assert "password_link" in await gate.events("new.colleague@acme.example")


async def test_mistakes_stand_beside_their_fields(gate, browser):
    before = await gate.rows("SELECT count(*) FROM core_user")
    wrong = await browser.post(INVITE, {"name": "", "email": "nonsense"})
    assert wrong.status_code == 400
    assert "Write it like name@example.com" in wrong.text
    known = await gate.user("staff")
    after = await gate.rows("SELECT count(*) FROM core_user")
    twice = await browser.post(INVITE, {"name": "Twice", "email": known})
    assert "has this address already" in twice.text
    assert (await gate.rows("SELECT count(*) FROM core_user")) == after
    assert after[0][0] == before[0][0] + 1


async def test_nobody_gives_more_than_he_holds(gate):
    helper = await Browser(gate).enter(await gate.user("helpdesk"))
    before = await gate.rows("SELECT count(*) FROM core_user")
    text = (await helper.get(INVITE)).text
    assert 'name="roles"' not in text
    form = {"name": "Sly", "email": "sly@acme.example", "roles": "admin"}
    assert (await helper.post(INVITE, form)).status_code == 201
    made = await gate.rows("SELECT roles FROM core_user WHERE email = 'sly@acme.example'")
    assert [list(row["roles"]) for row in made] == [[]]
    assert (await gate.rows("SELECT count(*) FROM core_user"))[0][0] == before[0][0] + 1


async def test_roles_of_a_person_are_ticked(gate, browser):
    email = await gate.user("staff")
    id = await gate.user_id(email)
    page = f"/app/people/{id}/roles/"
    text = (await browser.get(page)).text
    version = re.findall(r'name="_version" value="(\d+)"', text)[0]
    saved = await browser.post(page, {"_version": version, "roles": "seller"})
    assert saved.status_code == 303, saved.text
    rows = await gate.rows("SELECT roles FROM core_user WHERE email = $1", email)
    assert list(rows[0]["roles"]) == ["seller"]
    stale = await browser.post(page, {"_version": version, "roles": "staff"})
    assert stale.status_code == 412
    nonsense = await browser.post(page, {"roles": "emperor"})
    assert nonsense.status_code == 400
    rows = await gate.rows("SELECT roles FROM core_user WHERE email = $1", email)
    assert list(rows[0]["roles"]) == ["seller"]


async def test_a_role_is_a_table_of_rights(browser):
    text = (await browser.get("/app/roles/")).text
    assert 'href="/app/roles/seller/"' in text
    assert 'href="/app/roles/helpdesk/"' in text
    one = (await browser.get("/app/roles/seller/")).text
    assert "Company" in one
    assert "Customers" in one
    assert (await browser.get("/app/roles/nothing/")).status_code == 404


async def why(browser: Browser, user: str, entity: str, record: str = "") -> str:
    answer = await browser.get(f"{WHY}?user_text={user}&entity={entity}&record={record}")
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_sight_is_explained_by_the_rules_themselves(gate, browser):
    world = gate.world
    company = await world.plant("customers.company", name="Own Company")
    other = await world.plant("customers.customer", name="Other's")
    mine = await world.plant("customers.customer", name="Mine")
    await world.plant("customers.company_link", customer_id=mine, company_id=company)
    seller = await world.person("seller", customers_company_id=company)
    staff = await world.person("staff")
    assert "sees it" in await why(browser, staff.email, "customers.customer", str(other))
    outside = await why(browser, seller.email, "customers.customer", str(other))
    assert "does not see it" in outside
    assert "those of the person&#39;s company; the record is none of them" in outside
    inside = await why(browser, seller.email, "customers.customer", f"/app/customers/{mine}/")
    assert "The record is one of those of the person&#39;s company." in inside
    assert "These fields are hidden" in inside
    nobody = await world.person("seller")
    assert "is empty" in await why(browser, nobody.email, "customers.customer", str(mine))
    assert "No role of this person may view" in await why(browser, seller.email, "core.user")
    unknown = await why(browser, "nobody@nowhere.example", "core.user")
    assert "There is no such user" in unknown


async def test_who_may_not_sees_and_changes_nothing(gate):
    staff = await Browser(gate).enter(await gate.user("staff"))
    before = await gate.rows("SELECT id, roles, version FROM core_user ORDER BY id")
    id = str(before[0]["id"])
    for path in ("/app/roles/", "/app/roles/staff/", WHY, INVITE, f"/app/people/{id}/roles/"):
        assert (await staff.get(path)).status_code == 403, path
    for path in (INVITE, f"/app/people/{id}/roles/"):
        form = {"name": "X", "email": "x@acme.example", "roles": "admin"}
        assert (await staff.post(path, form, page="/app/account/")).status_code == 403, path
    assert await gate.rows("SELECT id, roles, version FROM core_user ORDER BY id") == before
