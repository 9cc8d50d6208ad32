"""What a list costs: statements whatever the number of rows, bytes over the wire."""

import gzip
import re
from collections.abc import AsyncIterator

import pytest

from core.testing.query_log import query_log
from tests.core.browsing import Browser
from tests.core.signing import Gate, open_gate

LIST = "/app/customers/"
ROW = re.compile(r'<tr role="row" id="rows-')
ASSET = re.compile(r'(?:src|href)="(/app/(?:static|brand)/[^"#]+)')
COLD, WARM = 120_000, 25_000
COLUMNS = "name,phone,company_id,salesperson_id,created_by,loyalty_tier,total_spent,created_at"


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    folder = tmp_path_factory.mktemp("costs")
    async with open_gate(test_server, folder, ("customers", "loyalty")) as opened:
        staff = await opened.world.person("staff")
        company = await opened.world.ask(staff, "POST", "/api/companies/", {"name": "PT Maju"})
        for n in range(50):
            body = {
                "name": f"Person {n}",
                "email": f"c{n}@cost.example",
                "city": "Solo" if n else "Only",
                "company_id": company.json()["id"],
                "salesperson_id": str(staff.id),
            }
            await opened.world.ask(staff, "POST", "/api/customers/", body)
        yield opened


@pytest.fixture(scope="module")
async def browser(gate) -> Browser:
    return await Browser(gate).enter(await gate.user("admin"))


async def cost(gate: Gate, browser: Browser, query: str, rows: int) -> list[str]:
    """Return the statements of a page once everything is compiled and kept."""
    # Now and then the platform looks whether something else has changed; that is not the list's.
    found = []
    for _ in range(3):
        with query_log(gate.world) as seen:
            answer = await browser.get(f"{LIST}?{query}")
        assert len(ROW.findall(answer.text)) == rows
        found.append([logged.query for logged in seen])
    return min(found, key=len)


@pytest.mark.parametrize("more", ["", f"&columns={COLUMNS}", "&search=person"])
async def test_statements_are_the_same_for_one_row_and_for_fifty(gate, browser, more):
    one = await cost(gate, browser, f"city=Only&page_size=50{more}", 1)
    fifty = await cost(gate, browser, f"city__in=Only,Solo&page_size=50{more}", 50)
    assert len(one) == len(fifty)


async def test_list_is_read_in_two_transactions(gate, browser):
    """The session, and all that is shown; a link costs one statement more."""
    plain = await cost(gate, browser, "page_size=50", 50)
    linked = await cost(gate, browser, f"page_size=50&columns={COLUMNS}", 50)
    assert sum("BEGIN" in statement for statement in plain) == 2, plain
    assert len(linked) - len(plain) == 3, "company, salesperson, creator"


async def test_pages_weigh_little(browser):
    """25 rows, gzip: the page with all its files, and the page alone."""
    page = await browser.get(LIST)
    html = gzip.compress(page.content, 6)
    assert len(html) <= WARM, f"{len(html)} bytes"
    whole, seen = len(html), set(ASSET.findall(page.text))
    styles = [path for path in seen if path.endswith(".css")]
    for path in sorted(seen):
        answer = await browser.get(path, accept_encoding="gzip")
        assert answer.status_code == 200, path
        packed = answer.content if path.endswith("woff2") else gzip.compress(answer.content, 6)
        whole += len(packed)
    assert styles
    assert whole <= COLD, f"{whole} bytes"
