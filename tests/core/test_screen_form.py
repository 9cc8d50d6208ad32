"""The generated forms over HTTP, without scripts: what is typed, refused, saved and kept."""

import asyncio
import re

import pytest

from tests.core.browsing import Browser
from tests.core.screens import clerk, customer, fields, fill, part, send
from tests.core.signing import Gate

NEW = "/app/customers/new/"


@pytest.fixture(scope="module")
def gate(world) -> Gate:
    return Gate(world)


@pytest.fixture(scope="module")
async def browser(gate) -> Browser:
    return await clerk(gate, "staff")


def field_of(answer, name):
    """Return what REST says of a record's field."""
    return answer.json()[name]


async def stored(world, staff, path):
    """Return the record behind a page, as REST answers it."""
    answer = await world.ask(staff, "GET", path.replace("/app/", "/api/").removesuffix("edit/"))
    assert answer.status_code == 200
    return answer.json()


async def test_a_record_is_made_and_changed_by_plain_forms(world, staff, browser):
    """Every form works without JavaScript: post, redirect, get, with a message."""
    made = await fill(
        browser, NEW, name="Siti Rahmawati", email="Siti@Example.com", phone="0813 7700 441",
        tags="north, vip, north",
    )  # fmt: skip
    assert made.status_code == 303
    path = made.headers["location"]
    assert re.fullmatch(r"/app/customers/[0-9a-f-]{36}/", path)
    page = await browser.get(path)
    assert page.status_code == 200
    assert "Siti Rahmawati" in page.text
    assert "Customer created" in page.text
    changed = await fill(browser, f"{path}edit/", city="Bandung", phone="")
    assert changed.status_code == 303
    assert changed.headers["location"] == path
    row = await stored(world, staff, path)
    assert (row["city"], row["phone"], row["version"]) == ("Bandung", None, 2)
    assert row["tags"] == ["north", "vip"]


async def test_nothing_changed_leaves_the_version(world, staff, browser):
    id = await customer(world)
    path = f"/app/customers/{id}/edit/"
    before = await stored(world, staff, path)
    assert (await fill(browser, path)).status_code == 303
    assert await stored(world, staff, path) == before


async def test_refusals_stand_beside_their_fields_and_keep_what_was_typed(browser):
    """Every refusal of the API shows beside its field, with what to do."""
    answer = await fill(
        browser, NEW, name="", email="nobody", phone="12", postal_code="x" * 11, city="Depok"
    )
    assert answer.status_code == 400
    assert "is required. Fill it in." in part(answer.text, "name")
    assert "Write it like name@example.com" in part(answer.text, "email")
    assert "Begin with + and the country" in part(answer.text, "phone")
    assert "Shorten it to 10 characters" in part(answer.text, "postal_code")
    assert 'aria-invalid="true"' in part(answer.text, "email")
    assert "field-error" not in part(answer.text, "city")
    kept = fields(answer.text, NEW)
    assert (kept["email"], kept["phone"], kept["city"]) == ("nobody", "12", "Depok")
    assert '<a href="#field-email">' in answer.text
    assert "5 things" not in answer.text
    assert "4 things need correcting." in answer.text


async def test_a_rule_of_a_plugin_stands_beside_its_field(browser):
    """What judges a write says it in its own words, also over several fields."""
    answer = await fill(
        browser, NEW, name="Two Words", email="two@example.com", status="closed", is_active="1"
    )
    assert answer.status_code == 400
    assert "Only an account whose status is active is active." in part(answer.text, "is_active")


async def test_a_field_is_checked_while_the_form_is_filled_in(browser):
    """Inline validation is that of REST, field by field, and writes nothing."""
    page = await browser.get(NEW)
    sent = {**fields(page.text, NEW), "email": "no address"}
    answer = await browser.post(f"{NEW}?check=email", sent, page=NEW, hx_request="true")
    assert answer.status_code == 200
    assert "Write it like name@example.com" in answer.text
    assert "<html" not in answer.text
    good = await browser.post(f"{NEW}?check=email", {**sent, "email": "a@example.com"}, page=NEW)
    assert "field-error" not in good.text
    assert (await browser.post(f"{NEW}?check=version", sent, page=NEW)).status_code == 404


async def test_a_form_submitted_twice_has_one_effect(world, staff, browser):
    """A double click, or a reload of the answer, makes one record."""
    page = await browser.get(NEW)
    typed = {"name": "Twice", "email": "twice@example.com"}
    both = await asyncio.gather(*(send(browser, page, NEW, **typed) for _ in range(2)))
    assert [answer.status_code for answer in both] == [303, 303]
    third = await send(browser, page, NEW, **typed)
    assert len({answer.headers["location"] for answer in (*both, third)}) == 1
    found = await world.ask(staff, "GET", "/api/customers/?email=twice@example.com")
    assert found.json()["count"] == 1
    other = await send(browser, page, NEW, **{**typed, "name": "Another"})
    assert other.status_code == 422


async def test_who_is_written_down_twice_is_warned_of(browser):
    """Duplicate warning on create, by address and by number; the writer decides."""
    typed = {"name": "Layla", "email": "layla@example.org", "phone": "0812 9999 000"}
    first = await fill(browser, NEW, **typed)
    assert first.status_code == 303
    again = await fill(browser, NEW, name="Layla H", email="l.h@example.org", phone=typed["phone"])
    assert again.status_code == 409
    assert "Is this one of these?" in again.text
    assert f'href="{first.headers["location"]}"' in again.text
    anyway = await send(browser, again, NEW, _anyway="1")
    assert anyway.status_code == 303
    same = await fill(browser, NEW, name="Layla", email=typed["email"])
    assert same.status_code == 409
    refused = await send(browser, same, NEW, _anyway="1")
    assert refused.status_code == 400
    assert "already" in part(refused.text, "email")


async def test_two_changes_are_shown_as_a_difference(world, staff, browser):
    """Version conflict: yours and theirs, field by field; nothing is overwritten."""
    id = await customer(world, city="Bogor", province="West", address="Old street")
    path = f"/app/customers/{id}/edit/"
    mine = await browser.get(path)
    theirs = {"city": "Medan", "province": "North"}
    assert (await world.ask(staff, "PATCH", f"/api/customers/{id}/", theirs)).status_code == 200
    answer = await send(browser, mine, path, city="Solo", address="New street")
    assert answer.status_code == 412
    assert "Somebody changed this record" in answer.text
    row = await stored(world, staff, path)
    assert (row["city"], row["address"]) == ("Medan", "Old street")
    choice = fields(answer.text, path)
    # Both changed the city, so nothing is chosen; the address is mine alone.
    assert "_keep.city" not in choice
    assert choice["_keep.address"] == "mine"
    assert "Medan" in answer.text
    assert "North" in answer.text
    done = await send(browser, answer, path, **{"_keep.city": "theirs"})
    assert done.status_code == 303
    row = await stored(world, staff, path)
    assert (row["city"], row["province"], row["address"]) == ("Medan", "North", "New street")


async def test_keeping_mine_is_a_choice(world, staff, browser):
    id = await customer(world, city="Bogor")
    path = f"/app/customers/{id}/edit/"
    page = await browser.get(path)
    await world.ask(staff, "PATCH", f"/api/customers/{id}/", {"city": "Medan"})
    answer = await send(browser, page, path, city="Solo")
    # A third person in between is shown as well.
    await world.ask(staff, "PATCH", f"/api/customers/{id}/", {"city": "Ambon"})
    second = await send(browser, answer, path, **{"_keep.city": "mine"})
    assert second.status_code == 412
    assert "Ambon" in second.text
    assert (await send(browser, second, path, **{"_keep.city": "mine"})).status_code == 303
    assert (await stored(world, staff, path))["city"] == "Solo"


async def test_one_value_is_edited_inline(world, staff, browser):
    """Edit in place: without scripts the page answers with the form of that one value."""
    id = await customer(world, city="Bogor")
    home, path = f"/app/customers/{id}/", f"/app/customers/{id}/edit/"
    page = await browser.get(f"{home}?edit=city")
    sent = fields(page.text, path)
    assert sent["city"] == "Bogor"
    assert "email" not in sent
    wrong = await send(browser, page, path, city="x" * 101)
    assert wrong.status_code == 400
    assert "Shorten it to 100" in part(wrong.text, "city")
    assert (await send(browser, page, path, city="Palu")).headers["location"] == home
    assert (await stored(world, staff, path))["city"] == "Palu"


async def test_an_inline_conflict_shows_the_other_value(world, staff, browser):
    id = await customer(world, city="Bogor")
    path = f"/app/customers/{id}/edit/"
    page = await browser.get(f"/app/customers/{id}/?edit=city")
    await world.ask(staff, "PATCH", f"/api/customers/{id}/", {"city": "Medan"})
    sent = {**fields(page.text, path), "city": "Solo"}
    answer = await browser.post(path, sent, hx_request="true")
    assert answer.status_code == 412
    assert "Somebody wrote “Medan” here" in answer.text
    sent = {**fields(answer.text, path), "city": "Solo"}
    done = await browser.post(path, sent, hx_request="true")
    assert done.headers["hx-redirect"] == f"/app/customers/{id}/"
    assert (await stored(world, staff, path))["city"] == "Solo"


async def test_a_record_deleted_meanwhile_keeps_what_was_typed_in_sight(world, staff, browser):
    id = await customer(world)
    path = f"/app/customers/{id}/edit/"
    page = await browser.get(path)
    assert (await world.ask(staff, "DELETE", f"/api/customers/{id}/")).status_code == 204
    answer = await send(browser, page, path, city="Typed for nothing")
    assert answer.status_code == 404
    assert "was deleted" in answer.text
    assert "Typed for nothing" in answer.text
    assert 'href="/app/customers/trash/"' in answer.text


async def test_values_of_every_kind_survive_the_form(world, staff, gate):
    """Dates never shift, amounts and numbers are written as the reader's country does."""
    browser = await clerk(gate, "staff")
    likes = {"locale": "id", "timezone": "America/New_York", "mode": "system"}
    assert (await browser.post("/app/account/likes/", likes, page="/app/account/")).is_redirect
    made = await fill(
        browser, "/app/devices/new/", name="Bor", price="1.234.567,5", currency="IDR",
        weight="2,125", slots="4", bought_on="2026-03-29", checked_at="2026-03-08T03:30",
        is_loud="1", labels="a, b", extras='{"a": [1]}',
    )  # fmt: skip
    assert made.status_code == 303
    path = made.headers["location"]
    row = await stored(world, staff, path)
    assert (row["price"], row["weight"], row["slots"]) == ("1234567.50", "2.125", 4)
    assert (row["bought_on"], row["checked_at"]) == ("2026-03-29", "2026-03-08T07:30:00Z")
    assert (row["is_loud"], row["labels"], row["extras"]) == (True, ["a", "b"], {"a": [1]})
    sent = fields((await browser.get(f"{path}edit/")).text, f"{path}edit/")
    assert (sent["price"], sent["weight"]) == ("1234567,50", "2,125")
    assert (sent["bought_on"], sent["checked_at"]) == ("2026-03-29", "2026-03-08T03:30")
    assert (await fill(browser, f"{path}edit/")).status_code == 303
    assert await stored(world, staff, path) == row
    off = {**sent, "is_loud": ""}
    assert (await browser.post(f"{path}edit/", off)).status_code == 303
    assert (await stored(world, staff, path))["is_loud"] is False


async def test_links_are_chosen_by_what_records_are_called(world, staff, browser):
    """Remote combobox; without scripts the text beside it is looked up."""
    for name in ("Toko Maju", "Toko Mundur", "Kopi Satu"):
        await world.plant("customers.company", name=name)
    found = await browser.get("/app/companies/lookup/?q=toko")
    assert found.text.count('role="option"') == 2
    assert {"company_id", "company_id_text"} <= fields((await browser.get(NEW)).text, NEW).keys()
    typed = {"name": "Linked", "email": "linked@example.com"}
    unknown = await fill(browser, NEW, **typed, company_id_text="Warung")
    assert unknown.status_code == 400
    assert "Nothing is called" in part(unknown.text, "company_id")
    several = await fill(browser, NEW, **typed, company_id_text="Toko")
    assert "Several records match" in part(several.text, "company_id")
    assert part(several.text, "company_id").count("<option") == 3
    made = await fill(browser, NEW, **typed, company_id_text="kopi satu")
    assert made.status_code == 303
    path = f"{made.headers['location']}edit/"
    assert 'value="Kopi Satu"' in part((await browser.get(path)).text, "company_id")
    assert (await fill(browser, path, company_id_text="")).status_code == 303
    assert (await stored(world, staff, path))["company_id"] is None


async def test_a_record_to_link_to_is_made_on_the_way(world, staff, browser):
    """Create-on-the-fly: a dialog with what the record needs; without scripts its own page."""
    page = await browser.get(NEW)
    assert 'href="/app/companies/new/" target="_blank"' in part(page.text, "company_id")
    new = "/app/companies/new/"
    path = f"{new}?_for=field-company_id"
    dialog = await browser.get(path, hx_request="true")
    sent = fields(dialog.text, new)
    assert {name for name in sent if name[0] != "_"} == {"name"}
    wrong = await browser.post(new, {**sent, "name": ""}, page=NEW, hx_request="true")
    assert wrong.status_code == 400
    assert "is required" in part(wrong.text, "name")
    made = await browser.post(new, {**sent, "name": 'Rumah "B"'}, page=NEW, hx_request="true")
    found = re.search(
        r'data-for="field-company_id" data-value="([^"]+)" data-text="([^"]+)"', made.text
    )
    assert found
    answer = await world.ask(staff, "GET", f"/api/companies/{found[1]}/")
    assert answer.json()["name"] == 'Rumah "B"'
    for evil in ('"><script>', "field-x y", "other"):
        odd = await browser.post(new, {**sent, "name": "X", "_for": evil}, page=NEW)
        assert evil not in odd.text


async def test_hidden_fields_appear_in_no_form(world, gate):
    """Audience and grants: in no control, option, help, mistake or lookup."""
    id = await customer(world, notes="A secret note", tags=["secret-tag"], city="Bogor")
    browser = await clerk(gate, "customer", customers_customer_id=id)
    path = f"/app/customers/{id}/edit/"
    page = await browser.get(path)
    assert page.status_code == 200
    names = set(fields(page.text, path))
    shown = {name for name in names if not name.startswith("_")}
    assert shown == {"phone", "address", "city", "province", "postal_code"}
    # What only others may change is shown, and never sent.
    assert "disabled" in part(page.text, "name")
    for word in ("secret", "Salesperson", "VIP", "salesperson_id", "is_vip", "Notes"):
        assert word not in page.text, word
    sent = {**fields(page.text, path), "notes": "Mine", "is_vip": "1", "city": "Palu"}
    answer = await browser.post(path, sent)
    assert answer.status_code == 303
    row = await world.ask(await world.person("admin"), "GET", f"/api/customers/{id}/")
    assert (row.json()["notes"], row.json()["city"]) == ("A secret note", "Palu")
    assert (await browser.get(NEW)).status_code == 403
    own = await browser.get("/app/contacts/new/")
    assert "customer_id" not in own.text
    made = await fill(browser, "/app/contacts/new/", name="My friend")
    assert made.status_code == 303


async def test_lookups_offer_what_the_reader_may_see(world, gate):
    mine = await world.plant("customers.company", name="Own shop")
    await world.plant("customers.company", name="Other shop")
    browser = await clerk(gate, "seller", customers_company_id=mine)
    found = await browser.get("/app/companies/lookup/?q=shop")
    assert "Own shop" in found.text
    assert "Other shop" not in found.text
    assert (await browser.get("/app/users/lookup/")).status_code == 403


async def test_where_a_form_comes_from_leads_back_to_our_own_pages_only(world, browser):
    """F12: a way back is a path of ours, or none."""
    id = await customer(world)
    home = f"/app/customers/{id}/"
    typed = {"name": "Contact", "email": "contact@example.com"}
    path = f"/app/contacts/new/?customer_id={id}&_back={home}"
    assert (await fill(browser, path, **typed)).headers["location"] == home
    for evil in ("//evil.example", "https://evil.example/", "/app//evil.example"):
        page = await browser.get(f"/app/contacts/new/?customer_id={id}&_back={evil}")
        assert "evil.example" not in page.text.partition("<body")[2]
        made = await send(browser, page, "/app/contacts/new/", name="X", _back=evil)
        assert made.headers["location"].startswith("/app/contacts/")
