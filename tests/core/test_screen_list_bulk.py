"""Bulk actions of a list without scripts: chosen, previewed, done, told (ruling 18)."""

import re
from collections.abc import AsyncIterator
from itertools import count

import pytest

from tests.core.browsing import Browser
from tests.core.signing import Gate, open_gate

LIST = "/app/customers/"
BULK = f"{LIST}bulk/"
ROW = re.compile(r'<tr role="row" id="rows-([0-9a-f-]{36})"')
_mails = count(1)


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    async with open_gate(test_server, tmp_path_factory.mktemp("bulks")) as opened:
        yield opened


@pytest.fixture(scope="module")
async def browser(gate) -> Browser:
    return await Browser(gate).enter(await gate.user("staff"))


async def plant(gate: Gate, city: str, number: int) -> list[str]:
    staff = await gate.world.person("staff")
    ids = []
    for n in range(number):
        body = {"name": f"{city} {n}", "email": f"b{next(_mails)}@bulk.example", "city": city}
        answer = await gate.world.ask(staff, "POST", "/api/customers/", body)
        ids.append(answer.json()["id"])
    return ids


async def stored(gate: Gate, city: str, column: str) -> list[object]:
    sql = f"SELECT {column} AS found FROM customers_customer WHERE city = $1 AND deleted_at IS NULL"
    return [row["found"] for row in await gate.rows(sql, city)]


async def done(browser: Browser, form: dict[str, object]) -> str:
    """Send a form that changes rows and return the page that follows."""
    answer = await browser.post(BULK, {**form, "step": "run"}, page=LIST)
    assert answer.status_code == 303, answer.text
    return (await browser.get(answer.headers["location"])).text


async def test_preview_names_the_rows_and_changes_nothing(gate, browser):
    ids = await plant(gate, "Solo", 7)
    answer = await browser.post(BULK, {"do": "delete", "ids": ids}, page=LIST)
    assert answer.status_code == 200
    assert "This changes 7 records:" in answer.text
    assert "<bdi>Solo 0</bdi>" in answer.text
    assert "and 2 more" in answer.text
    assert "Delete 7 customers" in answer.text
    assert len(await stored(gate, "Solo", "id")) == 7


async def test_rows_out_of_sight_are_never_changed_unasked(gate, browser):
    await plant(gate, "Sorong", 2)
    form = {"do": "deactivate", "all": "1", "state": "city=Sorong"}
    answer = await browser.post(BULK, form, page=LIST)
    assert "This changes 2 records:" in answer.text
    assert all(await stored(gate, "Sorong", "is_active"))


async def test_chosen_rows_are_switched_and_counted(gate, browser):
    """Source 004: Activate Selected, Deactivate Selected and their message."""
    ids = await plant(gate, "Ambon", 3)
    listed = (await browser.get(f"{LIST}?city=Ambon")).text
    assert "Activate Selected" in listed
    assert "Deactivate Selected" in listed
    form = {"do": "deactivate", "ids": ids[:2], "state": "city=Ambon"}
    answer = await browser.post(BULK, form, page=LIST)
    assert answer.headers["location"] == f"{LIST}?city=Ambon", "at once: it can be taken back"
    text = (await browser.get(answer.headers["location"])).text
    assert "2 customers updated" in text
    assert sorted(await stored(gate, "Ambon", "is_active")) == [False, False, True]
    again = await done(browser, {"do": "deactivate", "ids": ids, "state": "city=Ambon"})
    assert "1 customer updated. No change was needed for 2" in again


async def test_a_bulk_change_can_be_undone(gate, browser):
    """Ruling 18: undo reverses the rows that changed, and only those."""
    ids = await plant(gate, "Kupang", 3)
    await done(browser, {"do": "deactivate", "ids": ids[:1]})
    text = await done(browser, {"do": "deactivate", "ids": ids})
    undo = re.search(r'action="(/app/customers/undo/[^"]+)"', text).group(1)
    assert (await browser.post(undo, page=LIST)).status_code == 303
    assert sorted(await stored(gate, "Kupang", "is_active")) == [False, True, True]


async def test_everything_that_matches_is_meant_across_pages(gate, browser):
    await plant(gate, "Palu", 12)
    state = "city=Palu&page_size=10"
    page = (await browser.get(f"{LIST}?{state}")).text
    assert len(ROW.findall(page)) == 10
    assert "All 12 that match" in page
    text = await done(browser, {"do": "deactivate", "all": "1", "state": state})
    assert "12 customers updated" in text
    assert not any(await stored(gate, "Palu", "is_active"))


async def test_field_is_chosen_then_set(gate, browser):
    ids = await plant(gate, "Jambi", 2)
    form = {"do": "set", "ids": ids, "state": "city=Jambi"}
    first = (await browser.post(BULK, form, page=LIST)).text
    assert '<option value="province"' in first
    assert '<option value="email"' not in first, "unique"
    assert '<option value="total_spent"' not in first, "read only"
    second = (await browser.post(BULK, {**form, "field": "province"}, page=LIST)).text
    assert 'name="province"' in second
    await done(browser, {**form, "field": "province", "province": "Sumatra"})
    assert await stored(gate, "Jambi", "province") == ["Sumatra", "Sumatra"]


async def test_refusal_stands_beside_the_field(gate, browser):
    ids = await plant(gate, "Bima", 2)
    form = {"do": "set", "ids": ids, "field": "phone", "phone": "12", "step": "run"}
    answer = await browser.post(BULK, form, page=LIST)
    assert answer.status_code == 400
    assert "Phone must be a telephone number" in answer.text
    assert await stored(gate, "Bima", "phone") == [None, None]


async def test_one_row_is_deleted_by_its_own_button(gate, browser):
    ids = await plant(gate, "Tual", 2)
    form = {"one": f"delete:{ids[0]}", "ids": ids[1:], "state": "city=Tual"}
    answer = await browser.post(BULK, form, page=LIST)
    assert "Tual 0 goes to the trash and can be restored from there." in answer.text
    assert re.search(r"<button[^>]+>\s*<span>Delete Customer</span>", answer.text)
    text = await done(browser, {"do": "delete", "ids": ids[:1], "state": "city=Tual"})
    assert "1 customer deleted" in text
    assert len(await stored(gate, "Tual", "id")) == 1


async def test_deleted_rows_are_skipped_and_counted(gate, browser):
    ids = await plant(gate, "Bau", 2)
    await done(browser, {"do": "delete", "ids": ids[:1]})
    text = await done(browser, {"do": "deactivate", "ids": ids})
    assert "1 customer updated. Skipped 1: gone" in text


async def test_nothing_selected_says_so(browser):
    answer = await browser.post(BULK, {"do": "delete", "state": "city=Solo"}, page=LIST)
    assert answer.headers["location"] == f"{LIST}?city=Solo"
    assert "Nothing is selected" in (await browser.get(f"{LIST}?city=Solo")).text


async def test_who_may_not_change_has_no_buttons(gate):
    seller = await Browser(gate).enter(await gate.user("seller"))
    page = (await seller.get(LIST)).text
    assert "Activate Selected" not in page
    answer = await seller.post(BULK, {"do": "delete", "ids": ["x"], "step": "run"}, page=LIST)
    assert answer.status_code == 403
