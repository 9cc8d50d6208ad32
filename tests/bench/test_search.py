"""Search over a million customers, asked as the application's role under row security."""

import random
import statistics
import time
import uuid
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from core.access.rights import Principal
from core.registry.loader import load
from core.runtime.transaction_settings import transaction_settings
from core.testing.servers import Scratch, TestServer

pytestmark = pytest.mark.bench
ROWS = 1_000_000
TENANT = uuid.UUID(int=7)
ACME, HUGE = uuid.UUID(int=8), uuid.UUID(int=9)
COLUMNS = ("tenant_id", "id", "name", "email", "phone", "city", "currency")
FIND = "SELECT ARRAY(SELECT crm_g_find_customers_customer($1, '{\"\"}', $2, 1001))"
PAGE = """
SELECT x.*, (SELECT count(*) FROM (SELECT 1 FROM customers_customer x WHERE x.tenant_id = $1
         AND x.deleted_at IS NULL AND x.id = ANY ($2::uuid[]) LIMIT 10001) n) AS __count
  FROM customers_customer x
 WHERE x.tenant_id = $1 AND x.deleted_at IS NULL AND x.id = ANY ($2::uuid[])
 ORDER BY x.created_at DESC, x.id DESC LIMIT 25
"""


def customers() -> Iterator[tuple[object, ...]]:
    """Yield a million: 50,000 are called Siti, eleven Xylander."""
    dice = random.Random(5)
    words = [
        "".join(dice.choices("bcdfghjklmnprtvw", k=2)) + w for w in ("ani", "udi", "ewo", "ira")
    ]
    words += ["".join(dice.choices("abcdefghijklmnoprtuw", k=7)) for _ in range(20_000)]
    for at in range(ROWS):
        first = "Siti" if at % 20 == 3 else dice.choice(words)
        last = "Xylander" if at % 90_909 == 5 else dice.choice(words)
        id = uuid.UUID(int=(0x01900000 << 96) | (at << 80) | (7 << 76) | (2 << 62) | at)
        phone = f"+62812{dice.randrange(10**8):08d}"
        yield (
            TENANT,
            id,
            f"{first} {last}",
            f"{first}.{last}{at}@mail.com".lower(),
            phone,
            last,
            "IDR",
        )


@pytest.fixture(scope="module")
async def full(test_server: TestServer) -> AsyncIterator[Scratch]:
    """A database into which the owner has copied a million customers in one statement."""
    scratch = await test_server.migrated(load(("customers",)))
    owner = await scratch.connect("crm_owner")
    await owner.execute("SET statement_timeout = 0")
    await owner.execute(
        "INSERT INTO core_tenant (id, slug, number) VALUES ($1, 'bench', 12)", TENANT
    )
    rows = list(customers())
    began = time.perf_counter()
    await owner.copy_records_to_table("customers_customer", records=rows, columns=COLUMNS)
    print(f"\nCOPY of {ROWS:,} with its triggers: {time.perf_counter() - began:.1f} s")
    for company, count in ((ACME, 200), (HUGE, ROWS // 10)):
        await owner.execute(
            "INSERT INTO customers_company (tenant_id, id, name) VALUES ($1, $2, 'Firm')",
            TENANT, company,
        )  # fmt: skip
        await owner.execute(
            "INSERT INTO customers_company_link (tenant_id, customer_id, company_id)"
            " SELECT tenant_id, id, $2 FROM customers_customer WHERE tenant_id = $1"
            " ORDER BY md5(id::text) LIMIT $3",
            TENANT, company, count,
        )  # fmt: skip
    await owner.execute("VACUUM ANALYZE")
    await owner.close()
    yield scratch
    await test_server.drop(scratch)


async def median(connection: asyncpg.Connection, context: str, sql: str, *values: object) -> float:
    """Return the median milliseconds of a statement within a transaction of its own."""
    found = []
    for _ in range(21):
        async with connection.transaction(readonly=True):
            await connection.execute(context)
            began = time.perf_counter()
            await connection.fetch(sql, *values)
            found.append((time.perf_counter() - began) * 1000)
    return statistics.median(found)


@pytest.mark.parametrize(
    ("who", "phrase", "target"),
    [
        ("all", "xylander", 3),
        ("all", "nobodyatall", 3),
        ("all", "siti", 40),
        ("all", "sit", 40),
        ("all", "s", 1000),
        ("all", "siti xylander", 40),
        ("all", "siti b", 40),
        ("all", "mail.com", 40),
        ("all", "0812", 40),
        ("all", "08121234", 40),
        ("all", "12345", 40),
        ("all", "{email}", 40),
        ("narrow", "xylander", 40),
        ("narrow", "siti", 40),
        ("narrow", "mail", 40),
        ("wide", "xylander", 40),
        ("wide", "siti", 1000),
        ("wide", "mail", 1000),
    ],
)
async def test_search(full: Scratch, who: str, phrase: str, target: float) -> None:
    """Ruling 30 and prototype 2: what a search costs, and the page of the list that follows."""
    company = {"narrow": ACME, "wide": HUGE}.get(who)
    scope = "company" if company else "all"
    person = Principal(kind="system", attributes={"company": str(company)} if company else {})
    scopes = f"|customers.company_link:company|customers.customer:{scope}|"
    context = transaction_settings(TENANT, person, scopes)
    connection = await full.connect()
    if phrase == "{email}":
        owner = await full.connect("crm_owner")
        phrase = await owner.fetchval("SELECT email FROM customers_customer OFFSET 777 LIMIT 1")
        await owner.close()
    async with connection.transaction(readonly=True):
        await connection.execute(context)
        ids = await connection.fetchval(FIND, phrase, [scope])
    spent = await median(connection, context, FIND, phrase, [scope])
    page = await median(connection, context, PAGE, TENANT, ids[:1000])
    verdict = "reached" if spent <= target else "NOT REACHED"
    print(f"\n{who:<7} {phrase:<16} {len(ids):>5} hits: {spent:7.2f} ms (asked {target}) {verdict};"
          f" page of the list {page:.2f} ms")  # fmt: skip
    await connection.close()
    assert ids == sorted(ids, reverse=True)


async def test_a_copy(full: Scratch) -> None:
    """What the triggers add to the owner's COPY of 100,000 rows."""
    owner = await full.connect("crm_owner")
    await owner.execute("SET statement_timeout = 0")
    rows = [row[2:] for _, row in zip(range(100_000), customers(), strict=False)]
    spent: dict[str, float] = {}
    for number, kinds in enumerate(((), ("audit",), ("audit", "search"))):
        tenant = uuid.UUID(int=100 + number)
        await owner.execute(
            "INSERT INTO core_tenant (id, slug, number) VALUES ($1, $2, $3)",
            tenant, str(tenant), 100 + number,
        )  # fmt: skip
        for kind in ("audit", "search"):
            name = {"audit": "audit_insert_customers_customer"}.get(
                kind, "search_customers_customer_insert"
            )
            switch = "ENABLE" if kind in kinds else "DISABLE"
            await owner.execute(f"ALTER TABLE customers_customer {switch} TRIGGER crm_g_{name}")
        given = [(tenant, uuid.UUID(int=at), *row) for at, row in enumerate(rows)]
        began = time.perf_counter()
        await owner.copy_records_to_table("customers_customer", records=given, columns=COLUMNS)
        spent["+".join(kinds) or "bare"] = time.perf_counter() - began
    print("\nCOPY of 100,000:", {word: f"{seconds:.2f} s" for word, seconds in spent.items()})
    await owner.close()


async def test_a_single_insert(full: Scratch) -> None:
    """What the trigger of the search adds to an insert of one row, without a disk to wait for."""
    owner = await full.connect("crm_owner")
    app = await full.connect()
    context = transaction_settings(TENANT, Principal(kind="system"), "*")
    sql = (
        "INSERT INTO customers_customer (tenant_id, id, name, email, phone, currency)"
        " VALUES ($1, $2, $3, $4, $5, 'IDR')"
    )
    rates: dict[str, list[float]] = {"with": [], "without": []}
    for turn in range(6):
        word = ("with", "without")[turn % 2]
        switch = "ENABLE" if word == "with" else "DISABLE"
        for event in ("insert", "update", "delete"):
            await owner.execute(
                f"ALTER TABLE customers_customer {switch} TRIGGER"
                f" crm_g_search_customers_customer_{event}"
            )
        began = time.perf_counter()
        for at in range(1500):
            async with app.transaction():
                await app.execute(context)
                name = f"Single {turn} {at}"
                await app.execute(
                    sql, TENANT, uuid.uuid4(), name, f"s{turn}.{at}@x.com", f"+62813{at:08d}"
                )
        rates[word].append(1500 / (time.perf_counter() - began))
    ours, bare = (statistics.median(rates[word]) for word in ("with", "without"))
    print(f"\nsingle insert: {ours:.0f}/s with search, {bare:.0f}/s without = {ours / bare:.2f}")
    await owner.close()
    await app.close()
