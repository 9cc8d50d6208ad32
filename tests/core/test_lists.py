"""Lists over REST: paging, order, cursors, filters, shape and the trash, as rest.md 3 says."""

import base64
import itertools
import random
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import msgspec
import pytest

pytestmark = pytest.mark.postgresql

URL = "/api/devices/"
SORTABLE = (
    "name",
    "slots",
    "weight",
    "bought_on",
    "price",
    "secret",
    "size",
    "created_at",
    "updated_at",
)


@pytest.fixture(scope="module")
async def shelf(world, staff):
    """One mark that 60 devices share, with ties and nulls in every sortable field."""
    mark = f"shelf{uuid4().hex[:6]}"
    chance = random.Random(7)
    for _ in range(60):
        await world.plant(
            "dummy.device",
            labels=[mark],
            name=chance.choice(["Ärger", "apfel", "Zebra", "zebra", "Öl", "b"]),
            slots=chance.choice([2, 4, 6]),
            weight=chance.choice([None, 1, 2, 3]),
            bought_on=chance.choice([None, date(2026, 1, 1), date(2026, 1, 2)]),
            price=chance.choice([None, 0, 100, -100]),
            secret=chance.choice([None, "", "a", "B"]),
            serial=None,
        )
    return mark


async def rows(world, who, query, url=URL):
    answer = await world.ask(who, "GET", f"{url}?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def walk(world, who, query, word="next", start=None):
    """Follow ``next`` or ``previous`` to the end; return the ids in the order of the pages."""
    pages, url = [], start or f"{URL}?{query}"
    while url:
        answer = await world.ask(who, "GET", url)
        assert answer.status_code == 200, answer.text
        pages.append([row["id"] for row in answer.json()["results"]])
        last, url = url, answer.json()[word]
    return pages, last


async def test_pages_lead_to_each_other(world, staff, shelf):
    """rest.md 3: absolute addresses, a trailing slash, and every other parameter kept."""
    query = f"labels={shelf}&page_size=25&ordering=name,-slots&fields=name"
    first = await rows(world, staff, query)
    assert (first["count"], len(first["results"]), first["previous"]) == (60, 25, None)
    parts = urlsplit(first["next"])
    assert (parts.scheme, parts.netloc, parts.path) == ("http", "testserver", "/api/devices/")
    asked = parse_qs(parts.query)
    assert asked.pop("page") == ["2"]
    assert asked == parse_qs(query)
    second = (await world.ask(staff, "GET", first["next"])).json()
    third = (await world.ask(staff, "GET", second["next"])).json()
    assert (len(third["results"]), third["next"]) == (10, None)
    assert parse_qs(urlsplit(third["previous"]).query)["page"] == ["2"]
    every = [row["id"] for page in (first, second, third) for row in page["results"]]
    assert len(set(every)) == 60
    beyond = await rows(world, staff, f"labels={shelf}&page=9")
    assert (beyond["count"], beyond["results"], beyond["next"]) == (60, [], None)


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=x",
        "page=1.0",
        "page=%C2%B2",
        "page=99999999999999999999",
        "page_size=0",
        "page_size=201",
        "page=401&page_size=25",
        "count=most",
        "page=1&page=2",
        "ordering=name,slots,price,weight",
        "ordering=loudness",
        "ordering=--name",
        "ordering=id;drop",
        "nmae=x",
        "name__like=x",
        "slots__icontains=1",
        "name=%00",
        "manual=x",
        "tenant_id=1",
        "serial=a&serial=b",
        "slots=two",
        "slots__in=1,two",
        "bought_on__gte=2026-13-01",
        "is_loud=maybe",
        "state=broken",
        "customer=7",
        "fields=name,hash",
        "omit=hash",
        "expand=state",
        "expand=customer.salesperson.customers_company",
        "mobile=perhaps",
        "condition=broken",
        f"search={'x' * 101}",
        "search=1%202%203%204%205%206%207%208%209%2010%2011%2012%2013",
        "search=%00",
        "search=a&search=b",
        "format=xml",
        "cursor=x",
    ],
)
async def test_what_cannot_be_meant_is_refused(world, staff, query):
    """A12, ruling 22: a typing error must not return everything."""
    answer = await world.ask(staff, "GET", f"{URL}?{query}")
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"], "the wrong parameter is named"


async def test_refusals_name_what_is_allowed(world, staff):
    deep = await world.ask(staff, "GET", f"{URL}?page=101&page_size=100")
    assert "cursor" in deep.json()["detail"], "ruling 22"
    order = await world.ask(staff, "GET", f"{URL}?ordering=-manual")
    assert set(order.json()["errors"][0]["allowed"]) == set(SORTABLE)
    unknown = await world.ask(staff, "GET", f"{URL}?colur=red&nmae=x")
    assert {e["pointer"] for e in unknown.json()["errors"]} == {"?colur", "?nmae"}
    assert "colour" in unknown.json()["errors"][0]["allowed"]


async def test_the_deepest_page_has_no_next(world, staff):
    """Ruling 22: 10,000 rows deep is the last page; nothing leads where a 400 waits."""
    edge = await world.ask(staff, "GET", f"{URL}?page=50&page_size=200")
    assert edge.status_code == 200
    assert edge.json()["next"] is None


@pytest.mark.slow
async def test_large_counts_are_estimates_unless_exact_is_requested(make_world):
    """rest.md 3: exact to 10,000, then ``count_is_estimate`` unless ``count=exact``."""
    world = await make_world()
    staff = await world.person("staff")
    tenant = world.tenant().id
    sql = (
        "INSERT INTO dummy_device (tenant_id, name, currency, slots)"
        f" SELECT '{tenant}', 'n' || g, 'USD', 2 + 2 * (g % 5) FROM generate_series(1, {{}}) g"
    )
    await world.scratch.run(sql.format(10_000))
    exact = await rows(world, staff, "page_size=1")
    assert exact["count"] == 10_000
    assert "count_is_estimate" not in exact
    await world.scratch.run(sql.format(2_000), "ANALYZE dummy_device")
    guessed = await rows(world, staff, "page_size=1")
    assert guessed["count_is_estimate"] is True
    assert 10_000 < guessed["count"] < 20_000
    counted = await rows(world, staff, "page_size=1&count=exact")
    assert counted["count"] == 12_000
    assert "count_is_estimate" not in counted
    some = await rows(world, staff, "page_size=1&slots=4")
    assert some["count"] == 2_400
    last = await rows(world, staff, "page=50&page_size=200")
    assert last["next"] is None
    many = await world.ask(
        staff,
        "POST",
        "/api/devices/bulk/",
        {"set": {"slots": 4}, "filter": {"field": "slots", "op": ">", "value": 0}},
    )
    assert (many.status_code, many.json()["errors"][0]["code"]) == (400, "too_many"), "ruling 18"


def sort_key(row, name):
    """What a field sorts by, and whether it is missing."""
    value = row[name]
    if value is None:
        return (1, 0)
    if name in ("weight", "price"):
        return (0, float(value))
    return (0, value)


@pytest.mark.parametrize("name", SORTABLE)
@pytest.mark.parametrize("sign", ["", "-"])
async def test_every_sortable_field_sorts_with_nulls_last(world, staff, shelf, name, sign):
    """Ruling 22: nulls come last in both directions."""
    found = await rows(world, staff, f"labels={shelf}&ordering={sign}{name}&page_size=200")
    values = [row[name] for row in found["results"]]
    filled = [value for value in values if value is not None]
    assert values[: len(filled)] == filled, "nulls last"
    if name in ("name", "secret"):
        return
    keys = [sort_key(row, name) for row in found["results"]][: len(filled)]
    assert keys == sorted(keys, reverse=bool(sign))


async def test_names_sort_as_people_read_them(world, staff, shelf):
    """Accents and capitals do not tear a list apart."""
    found = await rows(world, staff, f"labels={shelf}&ordering=name&page_size=200&fields=name")
    order = [name for name, _ in itertools.groupby(row["name"].lower() for row in found["results"])]
    assert order == ["apfel", "ärger", "b", "öl", "zebra"]


@pytest.mark.parametrize(
    "ordering",
    [
        *SORTABLE,
        *(f"-{name}" for name in SORTABLE),
        "weight,-price",
        "-weight,price,name",
        "slots,-bought_on,secret",
        "-slots,-size",
    ],
)
async def test_a_cursor_walks_the_list_both_ways(world, staff, shelf, ordering):
    """Over ties, nulls and mixed directions: forward as by pages, backward the same reversed."""
    query = f"labels={shelf}&ordering={ordering}&page_size=7"
    whole = await rows(world, staff, f"labels={shelf}&ordering={ordering}&page_size=200")
    expected = [row["id"] for row in whole["results"]]
    forward, last = await walk(world, staff, f"{query}&cursor=")
    assert list(itertools.chain(*forward)) == expected
    backward, _ = await walk(world, staff, "", "previous", last)
    assert list(itertools.chain(*reversed(backward))) == expected
    assert [len(page) for page in backward[:-1]] == [4, *[7] * 7], "no page in between is short"


async def test_a_cursor_answers_as_a_page_does(world, staff, shelf):
    first = await rows(world, staff, f"labels={shelf}&cursor=&page_size=10&fields=name")
    assert first["count"] is None
    assert first["previous"] is None
    assert set(first["results"][0]) == {"id", "name"}
    parts = urlsplit(first["next"])
    assert parts.path == "/api/devices/"
    assert parse_qs(parts.query)["labels"] == [shelf]
    nothing = await rows(world, staff, "labels=nobody-has-this&cursor=")
    assert (nothing["results"], nothing["next"], nothing["previous"]) == ([], None, None)


async def test_a_cursor_neither_skips_nor_repeats_while_rows_come(world, staff):
    """What was there when the walk began is seen exactly once, whatever is inserted meanwhile."""
    mark = f"run{uuid4().hex[:6]}"
    chance = random.Random(3)

    async def add():
        return str(
            await world.plant(
                "dummy.device", labels=[mark], weight=chance.choice([None, 1, 2]), serial=None
            )
        )

    there = {await add() for _ in range(30)}
    url = f"{URL}?labels={mark}&ordering=-weight,created_at&page_size=4&cursor="
    seen = []
    while url:
        answer = (await world.ask(staff, "GET", url)).json()
        seen += [row["id"] for row in answer["results"]]
        await add()
        gone = await add()
        await world.ask(staff, "DELETE", f"{URL}{gone}/")
        url = answer["next"] if len(seen) < 200 else None
    assert len(seen) == len(set(seen))
    assert there <= set(seen)


def forged(order, *keys, back=False):
    raw = msgspec.json.encode([order, back, list(keys)])
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def test_forged_cursors_are_refused(world, staff, shelf):
    """A11: another order, another list or invented keys: 400, never a 5xx and never rows."""
    first = await rows(world, staff, f"labels={shelf}&cursor=&ordering=name&page_size=5")
    good = parse_qs(urlsplit(first["next"]).query)["cursor"][0]
    order = "devices:-price,-id"
    some = str(uuid4())
    wrong = [
        ("ordering=-name", good),
        ("ordering=slots", good),
        ("ordering=-price", forged(order, "x", some)),
        ("ordering=-price", forged(order, 2**63, some)),
        ("ordering=-price", forged(order, True, some)),
        ("ordering=-price", forged(order, 1.5, some)),
        ("ordering=-price", forged(order, 1)),
        ("ordering=-price", forged(order, 1, "x")),
        ("ordering=-price", forged(order, 1, None)),
        ("ordering=name", forged("devices:name,id", None, some)),
        ("ordering=name", forged("devices:name,id", "a\x00", some)),
        ("ordering=bought_on", forged("devices:bought_on,id", "2026-02-30", some)),
        ("ordering=created_at", forged("devices:created_at,id", "now", some)),
        ("ordering=created_at", forged("devices:created_at,id", 7, some)),
        ("ordering=name", "💣"),
        ("ordering=name", "=="),
        ("ordering=name", "A" * 5000),
        ("ordering=name", base64.urlsafe_b64encode(b"[" * 5000).decode()),
        ("ordering=name", base64.urlsafe_b64encode(b'["a",false,' + b"[" * 5000).decode()),
    ]
    for query, cursor in wrong:
        answer = await world.client.get(f"{URL}?{query}&cursor={cursor}", headers=staff.headers)
        assert answer.status_code == 400, (query, cursor, answer.text)
        assert answer.json()["errors"][0]["pointer"] == "?cursor"
    other = forged("devices:-created_at,-id", "2026-01-01T00:00:00Z", some)
    foreign = await world.ask(staff, "GET", f"/api/readings/?cursor={other}")
    assert foreign.status_code == 400


FILTERS = [
    ("secret=Alpha", {"a"}),
    ("secret__ne=Alpha", {"b", "c"}),
    ("secret__icontains=ETA", {"b"}),
    ("secret__startswith=al", {"a"}),
    ("secret__in=Alpha,Beta", {"a", "b"}),
    ("serial__isnull=true", {"c"}),
    ("serial__isnull=false", {"a", "b"}),
    ("slots=2", {"a"}),
    ("slots__gt=2", {"b", "c"}),
    ("slots__gte=4&slots__lt=6", {"b"}),
    ("slots__lte=4", {"a", "b"}),
    ("size=40", {"b"}),
    ("weight=1.5", {"a"}),
    ("weight__gt=1.5", {"b"}),
    ("weight__ne=1.5", {"b", "c"}),
    ("price__gte=10", {"b"}),
    ("price=5.00", {"a"}),
    ("is_loud=true", {"b"}),
    ("is_loud=0", {"a", "c"}),
    ("bought_on=2026-01-01", {"a"}),
    ("bought_on__gte=2026-01-02", {"b"}),
    ("bought_on__isnull=true", {"c"}),
    ("state=used", {"b"}),
    ("state__in=new,used", {"a", "b", "c"}),
    ("colour=red", {"a"}),
    ("labels__isnull=true", set()),
    ("condition=worn", {"b"}),
    ("condition=fresh&slots=2", {"a"}),
    ("created_at__gte=2020-01-01", {"a", "b", "c"}),
    ("created_at__lt=2020-01-01T00:00:00Z", set()),
    ("customer.city=Cust", {"a"}),
    ("serial__startswith=three", {"a", "b"}),
    ("serial__icontains=x1", {"a"}),
]


@pytest.fixture(scope="module")
async def three(world):
    """Three devices a, b and c under one mark; return the mark and the ids by letter."""
    mark = f"three{uuid4().hex[:6]}"
    customer = await world.plant("customers.customer", city="Cust")
    plain = {"labels": [mark], "currency": "IDR"}
    given = {
        "a": {
            "name": "Alpha",
            "secret": "Alpha",
            "serial": f"{mark}x1",
            "slots": 2,
            "weight": 1500,
            "price": 500,
            "is_loud": False,
            "bought_on": date(2026, 1, 1),
            "state": "new",
            "colour": "red",
            "customer_id": customer,
        },
        "b": {
            "name": "Beta",
            "secret": "Beta",
            "serial": f"{mark}x2",
            "slots": 4,
            "weight": 2500,
            "price": 5000,
            "is_loud": True,
            "bought_on": date(2026, 1, 2),
            "state": "used",
            "colour": "blue",
        },
        "c": {
            "name": "Gamma",
            "secret": None,
            "serial": None,
            "slots": 6,
            "weight": None,
            "price": None,
            "is_loud": False,
            "bought_on": None,
            "state": "new",
            "colour": None,
        },
    }
    ids = {k: str(await world.plant("dummy.device", **plain, **v)) for k, v in given.items()}
    return mark, ids, str(customer)


@pytest.mark.parametrize(("query", "letters"), FILTERS)
async def test_filters_of_every_kind(world, staff, three, query, letters):
    mark, ids, _ = three
    found = await rows(world, staff, f"labels={mark}&{query}")
    assert {row["id"] for row in found["results"]} == {ids[letter] for letter in letters}
    assert found["count"] == len(letters)


async def test_links_filter_by_id_and_over_one_another(world, staff, three):
    mark, ids, customer = three
    for query in (f"customer={customer}", f"customer_id={customer}", f"customer__in={customer}"):
        found = await rows(world, staff, f"labels={mark}&{query}")
        assert [row["id"] for row in found["results"]] == [ids["a"]]
    found = await rows(world, staff, f"labels={mark}&customer__isnull=true")
    assert found["count"] == 2


async def test_a_field_one_may_not_read_filters_and_sorts_nothing(world, three):
    """E8: the secret's filter is refused in the words of a field that does not exist."""
    inspector = await world.person("inspector")
    for query in ("secret=x", "secret__isnull=true", "secret__startswith=a"):
        hidden = await world.ask(inspector, "GET", f"{URL}?{query}")
        absent = await world.ask(inspector, "GET", f"{URL}?{query.replace('secret', 'zecret')}")
        assert hidden.status_code == absent.status_code == 400
        assert "secret" not in str(hidden.json()["errors"][0]["allowed"])
        assert [e["code"] for e in hidden.json()["errors"]] == [
            e["code"] for e in absent.json()["errors"]
        ]
    order = await world.ask(inspector, "GET", f"{URL}?ordering=secret")
    assert order.status_code == 400
    assert "secret" not in order.json()["errors"][0]["allowed"]
    tree = {"criteria": {"field": "secret", "op": "=", "value": "x"}}
    assert (await world.ask(inspector, "POST", f"{URL}query/", tree)).status_code == 400
    assert (await world.ask(inspector, "GET", f"{URL}?fields=secret")).status_code == 400


async def test_the_answer_has_the_requested_shape(world, staff, three):
    mark, _, _ = three
    base = f"labels={mark}&ordering=name&page_size=1"
    some = (await rows(world, staff, f"{base}&fields=price,name"))["results"][0]
    assert some == {"id": some["id"], "price": "5.00", "name": "Alpha"}
    less = (await rows(world, staff, f"{base}&omit=price,custom"))["results"][0]
    assert "price" not in less
    assert "custom" not in less
    assert "name" in less
    small = (await rows(world, staff, f"{base}&mobile=true"))["results"][0]
    assert set(small) == {"id", "name", "state", "version"}


async def test_linked_records_stand_beside_their_ids(world, staff, three):
    """``expand`` over two links; a link that is not set, or may not be seen, is null."""
    mark, _, customer = three
    seller = await world.person("seller")
    owner = await world.plant("customers.customer", name="Held", salesperson_id=seller.id)
    await world.plant("dummy.device", name="Zeta", labels=[mark + "x"], customer_id=owner)
    one = await rows(world, staff, f"labels={mark}&ordering=name&expand=customer,keeper")
    assert [r["customer"] and r["customer"]["id"] for r in one["results"]] == [customer, None, None]
    assert one["results"][0]["keeper"] is None
    assert one["results"][0]["customer_id"] == customer
    two = await rows(world, staff, f"labels={mark}x&expand=customer.salesperson&fields=name")
    found = two["results"][0]
    assert found["customer"]["salesperson"]["id"] == str(seller.id)
    inspector = await world.person("inspector")
    refused = await world.ask(inspector, "GET", f"{URL}?expand=customer")
    assert refused.status_code == 400, "who may not view customers cannot expand them"


async def test_expanding_costs_one_statement_per_link(world, staff, shelf):
    """Never one statement per row: a page of 60 takes as many as a page of one."""
    counts = []
    for size in (1, 60):
        statements = []
        connection_log = world.platform.database
        original = connection_log.read

        async def counting(context, fn, original=original, statements=statements):
            async def run(connection):
                fetch = connection.fetch

                class Counted:
                    def __getattr__(self, name):
                        return getattr(connection, name)

                    async def fetch(self, sql, *values):
                        statements.append(sql)
                        return await fetch(sql, *values)

                return await fn(Counted())

            return await original(context, run)

        connection_log.read = counting
        try:
            await rows(world, staff, f"labels={shelf}&expand=customer,keeper&page_size={size}")
        finally:
            connection_log.read = original
        counts.append(len(statements))
    assert counts[0] == counts[1]


async def test_a_tree_of_criteria_is_a_list_too(world, staff, three):
    """``POST …/query/``: the list contract, filtered by the criteria language."""
    mark, ids, _ = three
    tree = {
        "all": [
            {"field": "labels", "op": "contains", "value": mark},
            {
                "any": [
                    {"field": "slots", "op": "between", "value": [3, 5]},
                    {"not": {"field": "weight", "op": "is_empty", "value": False}},
                ]
            },
        ]
    }
    answer = await world.ask(
        staff, "POST", f"{URL}query/?ordering=-name&fields=name", {"criteria": tree}
    )
    assert [r["id"] for r in answer.json()["results"]] == [ids["c"], ids["b"]]
    wrong = {"all": [{"field": "nmae", "op": "=", "value": 1}, {"field": "slots", "op": "~"}]}
    refused = await world.ask(staff, "POST", f"{URL}query/", {"criteria": wrong})
    assert refused.status_code == 400
    assert len(refused.json()["errors"]) >= 2
    extra = await world.ask(staff, "POST", f"{URL}query/", {"criteria": tree, "page": 2})
    assert extra.status_code == 400


async def test_only_who_may_sees_the_trash(world, staff, three):
    mark = f"bin{uuid4().hex[:6]}"
    id = await world.plant("dummy.device", labels=[mark])
    await world.ask(staff, "DELETE", f"{URL}{id}/")
    assert (await rows(world, staff, f"labels={mark}"))["count"] == 0
    binned = await rows(world, staff, f"labels={mark}", f"{URL}trash/")
    assert [row["id"] for row in binned["results"]] == [str(id)]
    assert datetime.fromisoformat(binned["results"][0]["deleted_at"]) > datetime.now(
        UTC
    ) - timedelta(minutes=5)
    inspector = await world.person("inspector")
    assert (await world.ask(inspector, "GET", f"{URL}trash/")).status_code == 403


async def test_head_answers_as_get_without_a_body(world, staff):
    head = await world.ask(staff, "HEAD", URL)
    assert (head.status_code, head.content) == (200, b"")


async def test_a_list_answers_without_a_slash_but_links_with_one(world, staff, shelf):
    answer = await world.ask(staff, "GET", f"/api/devices?labels={shelf}&page_size=50")
    assert urlsplit(answer.json()["next"]).path == "/api/devices/"


async def test_no_filter_looks_at_what_a_plugin_hides(world, staff):
    """E8: hidden devices cannot be probed over the link of a reading either."""
    hidden = await world.plant("dummy.device", name="invisible", serial=uuid4().hex)
    await world.plant("dummy.reading", device_id=hidden)
    filters = {"field": "device.serial", "op": "starts_with", "value": "a"}
    for answer in (
        await world.ask(staff, "GET", "/api/readings/?device.serial__startswith=a"),
        await world.ask(staff, "POST", "/api/readings/query/", {"criteria": filters}),
        await world.ask(
            staff, "POST", "/api/readings/bulk/", {"set": {"value": 1}, "filter": filters}
        ),
    ):
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["code"] in ("unknown_field", "unknown_parameter")
