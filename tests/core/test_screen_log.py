"""The audit log and the API keys of a tenant in the browser, through the reader's rights."""

import re
from collections.abc import AsyncIterator

import pytest

from tests.core.browsing import Browser
from tests.core.signing import Gate, open_gate

LOG = "/app/log/"
KEYS = "/app/keys/"


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    folder = tmp_path_factory.mktemp("log")
    async with open_gate(test_server, folder, ("customers", "loyalty")) as opened:
        yield opened


@pytest.fixture(scope="module")
async def admin(gate) -> str:
    return await gate.user("admin", email="boss@acme.example")


@pytest.fixture(scope="module")
async def browser(gate, admin) -> Browser:
    return await Browser(gate).enter(admin)


@pytest.fixture(scope="module")
async def changed(gate) -> str:
    """A customer whom somebody has renamed; his id."""
    staff = await gate.world.person("staff")
    body = {"name": "Before 100%", "email": "renamed@log.example"}
    made = (await gate.world.ask(staff, "POST", "/api/customers/", body)).json()
    path = f"/api/customers/{made['id']}/"
    answer = await gate.world.ask(staff, "PATCH", path, {"name": "Afterwards"})
    assert answer.status_code == 200, answer.text
    return str(made["id"])


async def test_changes_stand_with_old_and_new_and_lead_to_their_record(browser, changed):
    text = (await browser.get(f"{LOG}?record={changed}")).text
    assert "<del><bdi>Before 100%</bdi></del>" in text
    assert "<ins><bdi>Afterwards</bdi></ins>" in text
    assert f'href="/app/customers/{changed}/"' in text
    request = re.findall(r'href="/app/log/\?request=([0-9a-f-]{36})"', text)
    assert len(set(request)) == 2
    one = (await browser.get(f"{LOG}?request={request[0]}")).text
    assert "Before 100%" in one
    assert one.count('class="timeline-item"') == 1


async def test_filters_and_search_narrow(browser, changed):
    for query, found in (
        ("q=afterw", True),
        ("q=100%25", True),
        ("q=100_", False),
        ("q=%22", True),
        ("entity=customers.customer&action=updated", True),
        ("entity=customers.company", False),
        ("action=purged", False),
        ("to=2020-01-31&from=2020-01-01", False),
    ):
        answer = await browser.get(f"{LOG}?record={changed}&{query}")
        wanted = 400 if query == "q=%22" else 200
        assert answer.status_code == wanted, query
        if wanted == 200:
            assert ("Afterwards" in answer.text) is found, query


async def test_a_person_is_named_by_address(gate, browser, changed):
    staff = await gate.world.person("staff")
    body = {"name": "Of one person", "email": "one.person@log.example"}
    await gate.world.ask(staff, "POST", "/api/customers/", body)
    text = (await browser.get(f"{LOG}?by={staff.email}")).text
    assert "Of one person" in text
    assert "Afterwards" not in text
    unknown = await browser.get(f"{LOG}?by=nobody@nowhere.example")
    assert unknown.status_code == 400
    assert "There is no such user" in unknown.text


async def test_impossible_queries_are_reported(browser):
    for query in ("request=nonsense", "entity=nothing", "from=yesterday", "action=eaten"):
        answer = await browser.get(f"{LOG}?{query}")
        assert answer.status_code == 400, query
        assert "This cannot be asked of the log." in answer.text


async def test_search_never_looks_at_what_is_hidden(gate, browser):
    """A value of a field that nobody may see is not found by it."""
    made = await browser.post(KEYS, {"name": "Hidden digest", "days": "30", "reach": "read"})
    assert made.status_code == 201
    owner = await gate.world.scratch.connect("crm_owner")
    await owner.execute(
        "UPDATE core_api_key SET name = 'Told digest', hash = repeat('ab', 32)"
        " WHERE name = 'Hidden digest'"
    )
    await owner.close()
    told = 'class="timeline-item"'
    assert told in (await browser.get(f"{LOG}?q=told+digest")).text
    assert told not in (await browser.get(f"{LOG}?q={'ab' * 10}")).text


async def test_rest_searches_the_same_log(gate, changed):
    admin = await gate.world.person("admin")
    answer = await gate.world.ask(admin, "GET", f"/api/audit/?q=afterwards&record={changed}")
    assert [e["action"] for e in answer.json()["results"]] == ["updated"]
    request = answer.json()["results"][0]["request"]["id"]
    one = await gate.world.ask(admin, "GET", f"/api/audit/?request={request}")
    assert [e["record_id"] for e in one.json()["results"]] == [changed]


async def test_a_key_is_shown_once_and_ends_at_once(gate, browser):
    form = {"name": "Robot", "days": "30", "reach": "chosen", "scope": "core.user.list"}
    made = await browser.post(KEYS, form)
    assert made.status_code == 201, made.text
    key = re.findall(r'value="(crm_[^"]+)"', made.text)[0]
    assert (await gate.get("/api/users/", key)).status_code == 200
    text = (await browser.get(KEYS)).text
    assert key not in text
    assert "Robot" in text
    id = re.findall(r'action="(/app/keys/[0-9a-f-]+/revoke/)"', text)[0]
    ended = await browser.post(id, page=KEYS)
    assert ended.status_code == 303
    assert (await gate.get("/api/users/", key)).status_code == 401


async def test_a_key_needs_a_name_and_rights_that_one_holds(gate, browser):
    before = await gate.rows("SELECT count(*) FROM core_api_key")
    nameless = await browser.post(KEYS, {"name": "", "days": "30", "reach": "read"})
    assert nameless.status_code == 400
    assert "Give the key a name" in nameless.text
    beyond = {"name": "X", "days": "30", "reach": "chosen", "scope": "core.nothing.fly"}
    assert (await browser.post(KEYS, beyond)).status_code == 400
    assert await gate.rows("SELECT count(*) FROM core_api_key") == before


async def test_others_keys_are_an_administrators_matter(gate, browser):
    made = await browser.post(KEYS, {"name": "Mine", "days": "30", "reach": "read"})
    assert made.status_code == 201
    rows = await gate.rows("SELECT id FROM core_api_key WHERE name = 'Mine'")
    staff = await Browser(gate).enter(await gate.user("staff"))
    assert "Mine" not in (await staff.get(KEYS)).text
    refused = await staff.post(f"{KEYS}{rows[0]['id']}/revoke/", page=KEYS)
    assert refused.status_code == 404
    kept = await gate.rows("SELECT deleted_at FROM core_api_key WHERE name = 'Mine'")
    assert kept[0]["deleted_at"] is None


async def test_who_may_not_sees_nothing(gate, changed):
    staff = await Browser(gate).enter(await gate.user("staff"))
    assert (await staff.get(f"{LOG}?record={changed}")).status_code == 403
    customer = await Browser(gate).enter(await gate.user("customer"))
    assert (await customer.get(KEYS)).status_code in (403, 404)
    before = await gate.rows("SELECT count(*) FROM core_api_key")
    form = {"name": "X", "days": "30", "reach": "read"}
    refused = await customer.post(KEYS, form, page="/app/account/")
    assert refused.status_code in (403, 404)
    assert await gate.rows("SELECT count(*) FROM core_api_key") == before
