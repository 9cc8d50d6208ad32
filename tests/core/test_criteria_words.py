"""Filters of a list in the reader's words: language, formats, titles in place of ids."""

import re
from html import unescape
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from core.testing.query_log import query_log
from core.testing.world import World
from tests.core.browsing import Browser
from tests.core.screens import clerk, customer
from tests.core.signing import Gate

LIST = "/app/devices/"
CHIP = re.compile(r'<a class="chip" href="[^"]*"[^>]*>(.*?)</a>', re.S)
EIGHT = {"field": "slots", "op": ">", "value": 8}
NAMED = "Siti Rahmawati"


@pytest.fixture(scope="module")
def gate(world) -> Gate:
    return Gate(world)


async def reader(gate: Gate, locale: str, role: str = "staff") -> Browser:
    found = await clerk(gate, role)
    form = {"locale": locale, "timezone": "Asia/Jakarta"}
    answer = await found.post("/app/account/likes/", form, page="/app/account/")
    assert answer.status_code == 303, answer.text
    return found


@pytest.fixture(scope="module")
async def english(gate) -> Browser:
    return await reader(gate, "en")


async def chips(browser: Browser, tree: Any = None, status: int = 200, **filters: str) -> list[str]:
    """Return the chips over a list that is narrowed."""
    where = {"where": msgspec.json.encode(tree).decode()} if tree else {}
    answer = await browser.get(f"{LIST}?{urlencode({**filters, **where})}")
    assert answer.status_code == status, answer.text
    plain = (re.sub(r"<[^>]+>", "", text) for text in CHIP.findall(answer.text))
    return [" ".join(unescape(text).split()) for text in plain]


def term(field: str, op: str, value: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (term("slots", ">=", 5000), "Slots is at least 5,000"),
        (term("weight", "between", ["1.5", 2000]), "Weight is between 1.5 and 2,000"),
        (term("price", "<", "1200.5"), "Price is less than IDR 1,200.50"),
        (term("bought_on", ">", "2025-12-31"), "Bought on is after Dec 31, 2025"),
        (term("bought_on", ">=", "-7d"), "Bought on is on or after 7 days ago"),
        (term("bought_on", "<", "start_of_month"), "Bought on is before the start of this month"),
        (
            term("created_at", ">", "2025-12-31T18:30:00Z"),
            "Created is after Jan 1, 2026, 1:30 AM",
        ),
        (term("state", "in", ["new", "used"]), "State is New or Used"),
        (term("state", "!=", "used"), "State is not Used"),
        (term("serial", "in", list("abcdefgh")), "Serial is a, b, c, d, e, or 3 more"),
        (term("is_loud", "=", False), "Loud: no"),
        (term("labels", "contains", "lamp"), "Labels contains lamp"),
        (term("serial", "is_empty", False), "Serial is not empty"),
        (term("customer_id.city", "starts_with", "Ban"), "City of Customer starts with Ban"),
        (
            {"all": [term("slots", "=", 2), {"any": [EIGHT, term("size", "<", 9)]}]},
            "Slots is 2 and (Slots is more than 8 or Size is less than 9)",
        ),
        ({"not": term("slots", "=", 2)}, "not (Slots is 2)"),
    ],
)  # fmt: skip
async def test_a_filter_is_described_in_the_readers_language(english, tree, text):
    assert (await chips(english, tree))[0].startswith(text)


async def test_parameters_are_described_alike(english):
    found = await chips(english, slots__gte="5000", bought_on__lt="today", condition="fresh")
    wanted = ("Bought on is before today", "Condition: fresh", "Slots is at least 5,000")
    assert tuple(sorted(found)) == wanted


async def test_other_languages(gate):
    tree = term("bought_on", ">=", "-7d")
    indonesian = await reader(gate, "id")
    assert "Bought on pada atau setelah 7 hari yang lalu" in (await chips(indonesian, tree))[0]
    assert "5.000,5" in (await chips(indonesian, term("weight", "=", "5000.5")))[0]
    arabic = await reader(gate, "ar")
    assert "قبل 7 أيام" in (await chips(arabic, tree))[0]
    several = term("serial", "in", list("abcdefghijklmnop"))
    assert "قيمة أخرى" in (await chips(arabic, several))[0]
    assert "3 قيم أخرى" in (await chips(arabic, term("serial", "in", list("abcdefgh"))))[0]


async def test_a_link_is_described_by_its_title_where_visible(world, gate, english):
    id = str(await customer(world, name=NAMED))
    assert f"Customer is {NAMED}" in (await chips(english, customer=id))[0]
    assert f"Customer is {NAMED}" in (await chips(english, term("customer_id", "=", id)))[0]
    foreign = str(await world.plant("customers.customer", tenant="globex", name=NAMED))
    unseen = (await chips(english, term("customer_id", "=", foreign)))[0]
    assert "Customer is a record you cannot see" in unseen
    inspector = await reader(gate, "en", "inspector")
    hidden = (await chips(inspector, term("customer_id", "=", id)))[0]
    assert NAMED not in hidden
    assert "Customer is a record you cannot see" in hidden


async def test_titles_cost_one_statement_however_many(world: World, english):
    ids = [str(await customer(world, name=f"Person {n}")) for n in range(5)]

    async def count_title_statements(tree: Any) -> int:
        with query_log(world) as seen:
            await chips(english, tree)
        return sum("FROM customers_customer" in one.query for one in seen)

    # No device is of any of them: links of rows in the list would ask for titles too.
    assert await count_title_statements(term("customer_id", "in", ids[:1])) == 1
    assert await count_title_statements(term("customer_id", "in", ids)) == 1
    assert await count_title_statements(term("serial", "=", "of-no-device")) == 0
