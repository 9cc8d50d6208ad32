"""The export of a list: its filters, order, columns and rights, and nothing that runs (F14)."""

import csv
import io
from collections.abc import AsyncIterator

import pytest

from core.admin.screens.bulk import export
from core.admin.screens.bulk.export import safe
from tests.core.browsing import Browser
from tests.core.signing import Gate, open_gate

EXPORT = "/app/customers/export/"
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", '=HYPERLINK("http://evil.example")')


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    async with open_gate(test_server, tmp_path_factory.mktemp("exports")) as opened:
        staff = await opened.world.person("staff")
        rows = [(f"N{n}", "Bandung", "+628123456789") for n in range(7)]
        rows += [(formula, "Evil", None) for formula in FORMULAS]
        for n, (name, city, phone) in enumerate(rows):
            body = {"name": name, "email": f"x{n}@export.example", "city": city, "phone": phone}
            answer = await opened.world.ask(staff, "POST", "/api/customers/", body)
            assert answer.status_code == 201, answer.text
        yield opened


@pytest.fixture(scope="module")
async def browser(gate) -> Browser:
    return await Browser(gate).enter(await gate.user("staff"))


async def table(browser: Browser, query: str) -> list[list[str]]:
    answer = await browser.get(f"{EXPORT}?{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="customers.csv"'
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


async def test_file_is_what_the_list_shows(browser):
    rows = await table(browser, "city=Bandung&ordering=-name&columns=name,is_active,total_spent")
    assert rows[0] == ["Name", "Status", "Total spent"]
    assert [row[0] for row in rows[1:]] == [f"N{n}" for n in range(6, -1, -1)]
    assert rows[1][1:] == ["Active", "0.00"]


async def test_all_pages_are_in_it(browser, monkeypatch):
    monkeypatch.setattr(export, "CHUNK", 3)
    rows = await table(browser, "ordering=name&page_size=10&page=2&columns=email")
    assert len(rows) == 1 + 7 + len(FORMULAS)
    assert len({row[0] for row in rows}) == len(rows)


async def test_no_cell_is_a_formula(browser):
    """F14: what a customer called himself does not run in somebody's spreadsheet."""
    rows = await table(browser, "city=Evil&columns=name,phone")
    assert sorted(row[0] for row in rows[1:]) == sorted(f"'{formula}" for formula in FORMULAS)
    assert not any(cell.startswith(export.FORMULA) for row in rows for cell in row)


def test_only_what_begins_like_a_formula_is_marked():
    assert safe("a=b") == "a=b"
    assert safe("") == ""


async def test_too_many_rows_are_refused_and_say_so(browser, monkeypatch):
    monkeypatch.setattr(export, "MOST", 5)
    answer = await browser.get(EXPORT)
    assert answer.status_code == 400
    assert "Filter further first." in answer.text


async def test_hidden_fields_are_in_no_file(gate):
    """C4: whoever may not see a field has no column of it, whatever the address says."""
    seller = await Browser(gate).enter(await gate.user("seller"))
    rows = await table(seller, "columns=name,created_by")
    assert rows[0] == ["Name"]


async def test_wrong_filter_is_refused(browser):
    assert (await browser.get(f"{EXPORT}?shoe=44")).status_code == 400
