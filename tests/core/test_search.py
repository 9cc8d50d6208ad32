"""Search over lists and over everything, as people type it (CUS-06, KER-13, ruling 30)."""

from uuid import uuid4

import pytest

pytestmark = pytest.mark.postgresql

CUSTOMERS = "/api/customers/"
EVERYWHERE = "/api/search/"


async def search_ids(world, who, phrase, url=CUSTOMERS, **more):
    """Return the ids that a list finds for a phrase."""
    answer = await world.ask(who, "GET", url, params={"search": phrase, "page_size": 200, **more})
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["results"]]


@pytest.fixture(scope="module")
async def zoe(world):
    """A customer with accents, an address and a number, and a word that nobody else has."""
    word = f"q{uuid4().hex[:8]}"
    id = await world.plant(
        "customers.customer",
        name=f"Zoë {word} D'Ångström-O'Neil",
        email=f"zoe.{word}@mail.example.co.id",
        phone="+6281298765432",
    )
    return str(id), word


@pytest.mark.parametrize(
    "phrase",
    [
        "{word}",
        "{upper}",
        "{part}",
        "zoë {word}",
        "zoe {word}",
        "{word} angstrom",
        "ång {part} zo",
        "o'neil {word}",
        "{word}, d'ang",
        "zoe.{word}",
        "zoe.{word}@mail.example.co.id",
        "<ZOE.{upper}@MAIL.EXA>",
        "{word} mail.example",
        "081298765432 {word}",
        "0812987 {word}",
        "812987 {word}",
        "+62812987 {word}",
        "0062812987 {word}",
        "765432 {word}",
        "  {word}\t zoe\n",
    ],
)
async def test_words_addresses_and_numbers_find_the_customer(world, staff, zoe, phrase):
    """CUS-06: name, e-mail and phone; word prefixes, all must match; accents and case folded."""
    id, word = zoe
    written = phrase.format(word=word, upper=word.upper(), part=word[:6])
    assert await search_ids(world, staff, written) == [id]


@pytest.mark.parametrize(
    "phrase",
    [
        "0812 9876 5432",
        "0812-9876-5432",
        "+62 812 9876 5432",
        "+62 (0)812-98765432",
        "(0812) 98765432",
        "9876 5432",
        "98765432",
    ],
)
async def test_a_number_matches_however_it_is_grouped(world, staff, zoe, phrase):
    assert zoe[0] in await search_ids(world, staff, phrase)


@pytest.mark.parametrize(
    "phrase", ["{word}x", "x{word}", "{word} nobody", "ngstrom {word}", "9876 {word}"]
)
async def test_the_middle_of_a_word_does_not_match(world, staff, zoe, phrase):
    assert await search_ids(world, staff, phrase.format(word=zoe[1])) == []


@pytest.mark.parametrize(
    "phrase",
    ["'", "''", "\\", "a' | 'b", "!a & (b", "a:*", "<->", "x':*", "%", "_", "--", ";", "{", "@",
     "a@b", "'@'", "\\@\\", "\x01", "\x01@\x01a", "a\x01:b", "\u00ad", "\ufdfa", "½", "İ", "ﬁ",
     "\U0010ffff", "०१२", "٠١٢٣", "²³", "🙂", "a" * 100, "@" * 100, "0" * 100, "1" * 100, "é" * 100,
     "a'b@c\\d", "(0)", "+", "()", "+()", "1-2", "$1", "NULL", "%00"],
)  # fmt: skip
async def test_no_text_is_an_error(world, staff, phrase):
    """Whatever is typed is text: it finds something or nothing, and never fails."""
    await search_ids(world, staff, phrase)
    answer = await world.ask(staff, "GET", EVERYWHERE, params={"q": phrase})
    assert answer.status_code == (200 if phrase.strip() else 400), answer.text


@pytest.mark.parametrize(("url", "name"), [(CUSTOMERS, "search"), (EVERYWHERE, "q")])
@pytest.mark.parametrize("raw", ["%00", "x" * 101, "+".join("abcdefghijklm")])
async def test_what_cannot_be_meant_is_refused(world, staff, url, name, raw):
    answer = await world.ask(staff, "GET", f"{url}?{name}={raw}")
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["pointer"].startswith("?")
    assert (await world.ask(staff, "GET", f"{url}?{name}=%ED%A0%80%FF")).status_code == 200


async def test_a_blank_search_is_no_search_in_a_list(world, staff, zoe):
    """Source 004 sends ``search=`` when its field is empty."""
    every = await world.ask(staff, "GET", f"{CUSTOMERS}?page_size=1")
    blank = await world.ask(staff, "GET", f"{CUSTOMERS}?page_size=1&search=")
    assert blank.json()["count"] == every.json()["count"]
    refused = await world.ask(staff, "GET", f"{EVERYWHERE}?q=%20")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "required")


async def test_a_list_that_has_no_search_fields_says_so(world, staff):
    answer = await world.ask(staff, "GET", "/api/company-links/?search=x")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "?search"
    trash = await world.ask(staff, "GET", f"{CUSTOMERS}trash/?search=x")
    assert trash.status_code == 400


@pytest.fixture(scope="module")
async def crowd(world):
    """Thirty customers that share a word, of two cities."""
    word = f"c{uuid4().hex[:8]}"
    ids = [
        str(
            await world.plant(
                "customers.customer",
                name=f"{'Ab'[at % 2]}{at:02d} {word}",
                city=("Jakarta", "Bandung")[at % 2],
                email=f"{word}{at}@example.com",
                total_orders=at,
            )
        )
        for at in range(30)
    ]
    return word, ids


async def test_search_combines_with_filters_sort_pages_and_cursor(world, staff, crowd):
    """KER-13: search, filters, ordering and pages hold together."""
    word, ids = crowd
    assert await search_ids(world, staff, word) == ids[::-1]
    assert await search_ids(world, staff, word, city="Bandung") == ids[1::2][::-1]
    assert await search_ids(world, staff, word, ordering="total_orders") == ids
    page = await world.ask(staff, "GET", f"{CUSTOMERS}?search={word}&page_size=10&page=3")
    assert page.json()["count"] == 30
    assert page.json()["count_is_capped"] is False
    assert [row["id"] for row in page.json()["results"]] == ids[::-1][20:]
    seen, url = [], f"{CUSTOMERS}?search={word}&cursor=&page_size=12"
    while url:
        body = (await world.ask(staff, "GET", url)).json()
        seen += [row["id"] for row in body["results"]]
        assert body["count_is_capped"] is False
        url = body["next"]
    assert seen == ids[::-1]


async def test_search_combines_with_criteria_and_named_filters(world, staff, crowd):
    word, ids = crowd
    tree = {"criteria": {"field": "city", "op": "in", "value": ["Bandung", "Bogor"]}}
    answer = await world.ask(staff, "POST", f"{CUSTOMERS}query/?search={word}", tree)
    assert {row["id"] for row in answer.json()["results"]} == set(ids[1::2])
    assert await search_ids(world, staff, word, loyalty_level="gold") == []
    assert len(await search_ids(world, staff, word, loyalty_level="bronze")) == 30


async def test_everything_is_searched_at_once_and_ranked(world, staff):
    """Exact title, then a title that begins so, then the newest; over all entities."""
    word = f"r{uuid4().hex[:8]}"
    exact = await world.plant("customers.customer", name=word.upper(), email=f"a@{word}.com")
    later = await world.plant("customers.customer", name=f"{word} & sons", email=f"b@{word}.com")
    other = await world.plant("customers.customer", name="Somebody", email=f"c@{word}.com")
    firm = await world.plant("customers.company", name=f"Firm {word}")
    answer = await world.ask(staff, "GET", f"{EVERYWHERE}?q={word}")
    body = answer.json()
    assert [row["id"] for row in body["results"]] == [str(i) for i in (exact, later, firm, other)]
    assert (body["count"], body["count_is_capped"]) == (4, False)
    assert [(e["entity"], e["count"]) for e in body["entities"]] == [
        ("customers.company", 1),
        ("customers.customer", 3),
    ]
    first = body["results"][0]
    assert first["title"] == word.upper()
    assert first["resource"] == "customers"
    assert (await world.ask(staff, "GET", first["url"])).json()["id"] == str(exact)
    one = await world.ask(staff, "GET", f"{EVERYWHERE}?q={word}&entity=customers.company")
    assert [row["id"] for row in one.json()["results"]] == [str(firm)]
    small = await world.ask(staff, "GET", f"{EVERYWHERE}?q={word}&page_size=1")
    assert (len(small.json()["results"]), small.json()["count"]) == (1, 4)


@pytest.mark.parametrize(
    "query",
    ["", "q=", "q=x&entity=customers.none", "q=x&entity=core.setting", "q=x&page_size=0",
     "q=x&page_size=101", "q=x&page=2", "q=x&q=y", "q=x&entity=", "search=x"],
)  # fmt: skip
async def test_a_wrong_question_is_refused(world, staff, query):
    answer = await world.ask(staff, "GET", f"{EVERYWHERE}?{query}")
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"]


async def test_nobody_searches_without_signing_in(world):
    assert (await world.ask(None, "GET", f"{EVERYWHERE}?q=x")).status_code == 401


async def test_the_document_describes_search(world, staff):
    document = (await world.ask(staff, "GET", "/api/openapi.json")).json()
    assert "get" in document["paths"]["/api/search/"]
    listed = document["paths"]["/api/customers/"]["get"]["parameters"]
    assert {"$ref": "#/components/parameters/search"} in listed
    links = document["paths"]["/api/company-links/"]["get"]["parameters"]
    assert {"$ref": "#/components/parameters/search"} not in links
