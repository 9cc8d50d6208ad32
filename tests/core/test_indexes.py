"""Ruling 6: each declared pair is served by its own index, as the application asks for it.

The statements are those of the server, taken from its requests; they are explained as the
application's role under row security.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import msgspec
import pytest
from sqlalchemy import event

from core.database.connections import APPLICATION
from core.model.entities import Declaration
from core.model.fields import Field
from core.records.lists import large_table_pages as scans
from core.registry.loader import load
from core.testing.kit import PACKAGES, PLUGINS
from core.testing.servers import TestServer
from core.testing.world import Person, World, open_world

pytestmark = pytest.mark.postgresql

ROWS = 4000
PAGE = 21  # with the row that tells whether there is another page
MANY = {"customers.customer": 20_000}
ENTITIES = load(PLUGINS, PACKAGES).registry.entities
PAIRS = [(e.name, pair) for e in ENTITIES.values() for pair in e.indexed if "list" in e.verbs]
# What the catalogue says of the columns that must be filled; their rows need not make sense.
COLUMNS = """
SELECT a.attname::text AS name, format_type(a.atttypid, NULL) AS kind,
       a.attnotnull AND NOT a.atthasdef AS required
  FROM pg_attribute a
 WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped
   AND a.attgenerated = '' AND a.attname <> ALL ('{tenant_id,id,deleted_at,version}')
"""
OBSTACLES = """
SELECT CASE WHEN k.contype IS NULL THEN format('DROP INDEX %s', i.indexrelid::regclass)
            ELSE format('ALTER TABLE %s DROP CONSTRAINT %I', k.conrelid::regclass, k.conname) END
  FROM (SELECT conrelid, conname, contype FROM pg_constraint
         WHERE conrelid = $1::text::regclass AND contype IN ('c', 'f')) k
  FULL JOIN (SELECT indexrelid FROM pg_index
              WHERE indrelid = $1::text::regclass AND indisunique AND NOT indisprimary) i ON false
"""
MADE = {
    "boolean": "n % 7 = 0",
    "uuid": "md5((n % 20)::text)::uuid",
    "timestamp with time zone": "now() - n * interval '1 minute'",
    "integer": "n % 500",
    "bigint": "n % 500",
    "double precision": "n % 500",
    "date": "current_date - n % 500",
    "text[]": "'{}'",
    "jsonb": "'{}'",
    "bytea": "''",
}


@pytest.fixture(scope="module")
async def shelf(
    test_server: TestServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """An application whose tables hold thousands of rows of two tenants."""
    scratch = await test_server.migrated(load(PLUGINS, PACKAGES))
    world = await open_world(scratch, tmp_path_factory.mktemp("shelf"), PLUGINS, PACKAGES)
    owner = await scratch.connect("crm_owner")
    for entity in ENTITIES.values():
        await fill(owner, world, entity)
    await owner.execute("ANALYZE")
    await owner.close()
    yield world
    await world.close()
    await test_server.drop(scratch)


@pytest.fixture(scope="module")
async def boss(shelf: World) -> Person:
    """Who may filter and sort by every field."""
    return await shelf.person("admin")


async def fill(owner: asyncpg.Connection, world: World, entity: Declaration) -> None:
    """Fill a table set-based; four of five rows are acme's, one in nine is in the trash."""
    for (obstacle,) in await owner.fetch(OBSTACLES, entity.table):
        await owner.execute(obstacle)
    await owner.execute(f"ALTER TABLE {entity.table} DISABLE TRIGGER USER")
    made = {c["name"]: c["kind"] for c in await owner.fetch(COLUMNS, entity.table)}
    values = [_value(world, entity.fields.get(name), kind) for name, kind in made.items()]
    acme, globex = (world.tenant(slug).id for slug in ("acme", "globex"))
    await owner.execute(
        f"INSERT INTO {entity.table} (tenant_id, deleted_at, {', '.join(made)})"
        f" SELECT CASE WHEN n % 5 = 0 THEN '{globex}' ELSE '{acme}' END::uuid,"
        f" CASE WHEN n % 9 = 0 THEN now() END, {', '.join(values)}"
        f" FROM generate_series(1, {MANY.get(entity.name, ROWS)}) n"
    )
    await owner.execute(f"ALTER TABLE {entity.table} ENABLE TRIGGER USER")


def _value(world: World, field: Field | None, kind: str) -> str:
    if field is not None and field.kind == "choice":
        listed = ", ".join(f"'{code}'" for code in _codes(world, field))
        return f"(ARRAY[{listed}])[1 + n % cardinality(ARRAY[{listed}])]"
    if field is not None and field.sort and kind.startswith(("text", "char")):
        return "left(md5((n % 20)::text), 2)"
    made = MADE.get(kind, "left(md5(n::text), 2)")
    if kind == "date" and field is not None and field.nullable:
        return f"CASE WHEN n % 3 > 0 THEN {made} END"
    return made


def _codes(world: World, field: Field) -> list[str]:
    if field.dictionary:
        return [choice.code for choice in world.tenant().dictionary(field.dictionary)]
    return [code for code, _ in field.choices]


class Watched:
    """The statements that a request sends."""

    def __init__(self, world: World, who: Person) -> None:
        self.world = world
        self.who = who
        self.seen: list[Any] = []

    def note(self, dbapi_connection: Any, *_: Any) -> None:
        driver = dbapi_connection.driver_connection
        if driver.get_settings().application_name == APPLICATION:
            driver.add_query_logger(self.seen.append)

    async def page(self, path: str) -> tuple[Any, dict[str, Any]]:
        """Ask for a page; return the statement that found its rows, and the answer."""
        self.seen.clear()
        answer = await self.world.ask(self.who, "GET", path)
        assert answer.status_code == 200, answer.text
        assert answer.json()["results"], path
        (page,) = [q for q in self.seen if "ORDER BY" in q.query]
        return page, answer.json()


@pytest.fixture
async def watched(shelf: World, boss: Person) -> AsyncIterator[Watched]:
    """The application with its connections watched."""
    await shelf.platform.database.dispose()
    found = Watched(shelf, boss)
    pool = shelf.platform.database.engine.sync_engine
    event.listen(pool, "connect", found.note)
    yield found
    event.remove(pool, "connect", found.note)
    await shelf.platform.database.dispose()


@pytest.fixture
async def role(shelf: World) -> AsyncIterator[asyncpg.Connection]:
    """The application's role within a transaction that the application opened."""
    connection = await shelf.scratch.connect()
    await connection.execute(f"BEGIN READ ONLY; {shelf.system().transaction_settings}")
    yield connection
    await connection.close()


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a plan's nodes."""
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def fields(entity: Declaration, pair: tuple[str, ...]) -> list[Field]:
    """Return the fields of a pair; the last one sorts."""
    found = [entity.field(name.lstrip("-")) for name in pair]
    return [field for field in found if field is not None]


def index_of(entity: Declaration, pair: tuple[str, ...]) -> str:
    """Return the name of a pair's index, as migrations give it."""
    *leading, last = fields(entity, pair)
    return "_".join((entity.table, *(f.name for f in leading), last.sort_column, "by"))


def orders(entity: Declaration, pair: tuple[str, ...]) -> list[str]:
    """Return the orders that a pair's index serves: nulls stand last, so they fix the direction."""
    last = fields(entity, pair)[-1]
    return [pair[-1]] if last.nullable else [last.name, f"-{last.name}"]


async def leading(shelf: World, entity: Declaration, pair: tuple[str, ...]) -> str:
    """Return the filters of a pair, each with the rarest value: for most rows any order will do."""
    system, found = shelf.system(), ""
    for field in fields(entity, pair)[:-1]:
        value = await system.fetchval(
            f"SELECT x.{field.name}::text FROM {entity.table} x WHERE x.tenant_id = $1"
            f" AND x.deleted_at IS NULL AND x.{field.name} IS NOT NULL"
            f" GROUP BY x.{field.name} ORDER BY count(*), x.{field.name} LIMIT 1",
            system.tenant.id,
        )
        found += f"&{field.name}={value}"
    return found


async def test_every_pair_is_checked() -> None:
    """Ruling 6: those of plugins on other plugins' entities as well; at most a dozen each."""
    asked = {f"{name}:{'+'.join(pair)}" for name, pair in PAIRS}
    assert {
        "customers.customer:loyalty_points",
        "customers.customer:loyalty_tier+created_at",
    } <= asked
    assert all(len(entity.indexed) <= 12 for entity in ENTITIES.values())


@pytest.mark.parametrize(
    ("name", "pair"), PAIRS, ids=lambda part: part if isinstance(part, str) else "+".join(part)
)
async def test_a_pair_is_served_by_its_index(
    shelf: World, watched: Watched, role: asyncpg.Connection, name: str, pair: tuple[str, ...]
) -> None:
    """First page, next page and the way back: nothing sorted but a page, nothing read before it."""
    entity = ENTITIES[name]
    given = await leading(shelf, entity, pair)
    for order in orders(entity, pair):
        path = f"/api/{entity.resource}/?cursor=&page_size={PAGE - 1}&ordering={order}{given}"
        first, body = await watched.page(path)
        assert body["next"], "there is one page only"
        second, body = await watched.page(body["next"])
        back, _ = await watched.page(body["previous"])
        for page in (first, second, back):
            text = await role.fetchval(f"EXPLAIN (FORMAT JSON) {page.query}", *page.args)
            found = list(nodes(msgspec.json.decode(text)[0]["Plan"]))
            whole = [n for n in found if (n["Node Type"], n.get("Relation Name"))
                     == ("Seq Scan", entity.table)]  # fmt: skip
            assert whole == [], page.query
            # By one way or another, a bitmap of one value too; rows of the page may be fetched by
            # their key after their place is known.
            reads = [n for n in found if n.get("Index Name", "").startswith(f"{entity.table}_")]
            reads = [n for n in reads if n["Index Name"] != f"{entity.table}_pk"]
            assert {n["Index Name"] for n in reads} == {index_of(entity, pair)}, page.query
            sorts = [n["Plan Rows"] for n in found if "Sort" in n["Node Type"]]
            assert max(sorts, default=0) <= PAGE, text
            column = fields(entity, pair)[-1].sort_column
            assert page is first or all(column in n["Index Cond"] for n in reads), page.query


async def test_no_role_policy_keeps_from_reading_in_parallel(
    role: asyncpg.Connection, shelf: World
) -> None:
    """Ruling 6: a scan of a large table uses every processor, whatever scopes wall it."""
    if role.get_server_version().major < 17:
        pytest.skip("PostgreSQL before 17 reads nothing in parallel that asks once per statement")
    await role.execute("SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0")
    await role.execute("SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL enable_indexscan = 0")
    await role.execute("SET LOCAL enable_bitmapscan = 0; SET LOCAL enable_indexonlyscan = 0")
    serial = {}
    for entity in ENTITIES.values():
        plan = await role.fetchval(
            f"EXPLAIN (FORMAT JSON) SELECT count(*) FROM {entity.table} WHERE tenant_id = $1",
            shelf.tenant().id,
        )
        if "Gather" not in {n["Node Type"] for n in nodes(msgspec.json.decode(plan)[0]["Plan"])}:
            serial[entity.name] = plan
    assert serial == {}


async def test_figures_are_read_from_their_index(
    watched: Watched, role: asyncpg.Connection, shelf: World
) -> None:
    """Ruling 26: one statement, which reads the small index of all declared figures."""
    owner = await shelf.scratch.connect("crm_owner")
    await owner.execute("VACUUM ANALYZE customers_customer")
    await owner.close()
    watched.seen.clear()
    answer = await watched.world.ask(watched.who, "GET", "/api/customers/stats/")
    assert answer.status_code == 200, answer.text
    (asked,) = [q for q in watched.seen if "FROM customers_customer x" in q.query]
    plan = await role.fetchval(f"EXPLAIN (FORMAT JSON) {asked.query}", *asked.args)
    found = list(nodes(msgspec.json.decode(plan)[0]["Plan"]))
    assert not [n for n in found if "One-Time Filter" in n], plan  # it would pass each row on
    scans = [n for n in found if "Relation Name" in n]
    assert [(n["Node Type"], n["Index Name"]) for n in scans] == [
        ("Index Only Scan", "crm_g_figures_customers_customer")
    ], plan


@pytest.mark.parametrize(
    "filters",
    [
        "",
        "is_active=true",  # one in seven: the walk fills the page
        "loyalty_points=7",  # one in five hundred: gathered
        "name__icontains=zz",  # nobody
        "city=Nowhere&is_active=true",
        "loyalty_points__gte=490&is_vip=false",  # at the end of an order
        "loyalty_points__gte=3",  # nearly all
        "last_order_date__isnull=true",  # all equal in one order
        "last_order_date__gte=-200d&last_order_date__lt=-100d&is_vip=false",
        "created_at__lt=-5d",  # the other end of the table
    ],
)
@pytest.mark.parametrize("gathered", [scans.GATHERED, 50])
async def test_a_large_table_answers_as_a_small_one(
    shelf: World, boss: Person, filters: str, gathered: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ruling 6: how a page is found does not change what is on it, nor how many there are."""
    monkeypatch.setattr(scans, "GATHERED", gathered)
    entity = ENTITIES["customers.customer"]
    sizes = shelf.platform.sizes

    async def page(query: str) -> tuple[list[str], int]:
        answer = await shelf.ask(boss, "GET", f"/api/customers/?{filters}{query}")
        assert answer.status_code == 200, answer.text
        return [row["id"] for row in answer.json()["results"]], answer.json()["count"]

    for field in entity.fields.values():
        for sign in ("", "-") if field.sort else ():
            for more in ("", "&page_size=3&page=4", "&page_size=200&page=50"):
                query = f"&ordering={sign}{field.name}{more}"
                sizes.clear()
                usual = await page(query)
                sizes[entity.table] = (float("inf"), 1_000_000)
                found = await page(query)
                assert found[0] == usual[0], query
                assert found[1] == usual[1] or min(found[1], usual[1]) > 10_000, query
    sizes.clear()
