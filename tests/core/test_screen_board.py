"""The board: columns of a stage with counts and sums, moves that are ordinary updates."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.errors import StartRefused
from core.plugin import Entity, entity, field
from tests.core.browsing import Browser
from tests.core.signing import Gate, open_gate

BOARD = "/app/customers/board/"
CARD = re.compile(r'<li class="board-card" id="board-([0-9a-f-]{36})"')


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    folder = tmp_path_factory.mktemp("board")
    async with open_gate(test_server, folder, ("customers", "loyalty")) as opened:
        yield opened


@pytest.fixture(scope="module")
async def browser(gate) -> Browser:
    return await Browser(gate).enter(await gate.user("staff"))


async def plant(gate: Gate, name: str, **values: Any) -> str:
    staff = await gate.world.person("staff")
    mail = f"{name.lower().replace(' ', '.')}@board.example"
    body = {"name": name, "email": mail, **values}
    answer = await gate.world.ask(staff, "POST", "/api/customers/", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def column(text: str, key: str) -> str:
    """Return one column of a board."""
    found = re.findall(rf'data-key="{key}">(.*?)</section>', text, re.S)
    assert len(found) == 1, key
    return str(found[0])


def counted(text: str, key: str) -> str:
    return re.findall(r"data-count>([^<]*)<", column(text, key))[0]


async def move(browser: Browser, id: str, to: str, **more: str) -> Any:
    return await browser.post(f"/app/customers/{id}/stage/", {"status": to, **more}, page=BOARD)


async def test_columns_have_counts_sums_and_the_lists_filters(gate, browser):
    for n in range(22):
        await plant(gate, f"Many {n:02d}", city="Manytown")
    await plant(gate, "Shut", city="Manytown", status="closed", is_active=False)
    text = (await browser.get(f"{BOARD}?city=Manytown")).text
    assert (counted(text, "active"), counted(text, "closed")) == ("22", "1")
    assert len(CARD.findall(column(text, "active"))) == 20
    assert "_shown.active=40" in column(text, "active")
    assert 'href="/app/customers/?city=Manytown&amp;status=active"' in column(text, "active")
    more = (await browser.get(f"{BOARD}?city=Manytown&_shown.active=40")).text
    assert len(CARD.findall(column(more, "active"))) == 22
    found = (await browser.get(f"{BOARD}?search=shut")).text
    assert (counted(found, "active"), counted(found, "closed")) == ("0", "1")
    assert 'href="/app/customers/?search=shut"' in found


async def test_amounts_are_added_up(gate, browser):
    for name, spent in (("Rich", 1_500_000), ("Richer", 500_000)):
        id = await plant(gate, name, city="Sumtown")
        sql = "UPDATE customers_customer SET total_spent = $1 WHERE id = $2 RETURNING id"
        assert await gate.rows(sql, spent * 100, id)
    text = (await browser.get(f"{BOARD}?city=Sumtown")).text
    sums = re.findall(r"data-sum>([^<]*)<", column(text, "active"))
    assert sums == ["IDR\xa02,000,000"]


async def test_a_card_is_moved_without_scripts_and_by_htmx(gate, browser):
    id = await plant(gate, "Mover", city="Movetown")
    moved = await move(browser, id, "suspended", state="city=Movetown")
    assert moved.status_code == 303
    assert moved.headers["location"] == f"{BOARD}?city=Movetown"
    text = (await browser.get(moved.headers["location"])).text
    assert id in column(text, "suspended")
    part = await browser.post(
        f"/app/customers/{id}/stage/",
        {"status": "active", "state": "city=Movetown"},
        page=BOARD,
        hx_request="true",
    )
    assert part.status_code == 200, part.text
    assert CARD.findall(part.text) == [id]
    assert 'data-column="active" data-count="1"' in part.text
    assert 'name="status" value="suspended"' in part.text
    told = await gate.rows(
        "SELECT action FROM core_audit_entry WHERE record_id = $1 ORDER BY at", id
    )
    assert [row["action"] for row in told] == ["created", "updated", "updated"]


async def test_a_move_of_what_was_changed_meanwhile_is_refused(gate, browser):
    id = await plant(gate, "Contested")
    assert (await move(browser, id, "closed", _version="1")).status_code == 303
    late = await browser.post(
        f"/app/customers/{id}/stage/",
        {"status": "active", "_version": "1"},
        page=BOARD,
        hx_request="true",
    )
    assert late.status_code == 412
    assert 'class="toast"' in late.text
    rows = await gate.rows("SELECT status, version FROM customers_customer WHERE id = $1", id)
    assert tuple(rows[0]) == ("closed", 2)


async def test_what_is_no_column_and_no_record_is_refused(gate, browser):
    id = await plant(gate, "Steady")
    assert (await move(browser, id, "flying")).status_code == 400
    gone = "0" * 8 + "-0000-0000-0000-" + "0" * 12
    assert (await move(browser, gone, "closed")).status_code == 404
    assert (await browser.get(f"{BOARD}?shoe=44")).status_code == 400
    rows = await gate.rows("SELECT status, version FROM customers_customer WHERE id = $1", id)
    assert tuple(rows[0]) == ("active", 1)


async def test_who_may_only_look_moves_nothing(gate):
    company = await gate.world.plant("customers.company", name="Sellers")
    id = await plant(gate, "Looked at")
    await gate.world.plant("customers.company_link", customer_id=id, company_id=company)
    address = await gate.user("seller")
    sql = "UPDATE core_user SET customers_company_id = $1 WHERE email = $2 RETURNING id"
    assert await gate.rows(sql, company, address)
    seller = await Browser(gate).enter(address)
    text = (await seller.get(BOARD)).text
    assert CARD.findall(text) == [id]
    refused = await seller.post(
        f"/app/customers/{id}/stage/", {"status": "closed"}, page="/app/account/"
    )
    assert refused.status_code == 403
    rows = await gate.rows("SELECT status FROM customers_customer WHERE id = $1", id)
    assert rows[0]["status"] == "active"
    customer = await Browser(gate).enter(await gate.user("customer"))
    assert (await customer.get(BOARD)).status_code in (403, 404)


async def test_entities_without_a_stage_have_no_board(browser):
    assert (await browser.get("/app/companies/board/")).status_code == 404


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stage": "name"}, "is not a choice"),
        ({"stage_sum": "name"}, "stage_sum needs stage"),
        ({"stage": "nothing"}, "names 'nothing'"),
    ],
)
def test_a_stage_is_a_choice(options: dict[str, str], message: str) -> None:
    from sqlalchemy.orm import Mapped

    with pytest.raises(StartRefused, match=message):

        @entity(label="Thing", plural="Things", title="name", **options)
        class Thing(Entity):
            """A thing."""

            name: Mapped[str] = field(label="Name")
