"""What the audit costs: a create, a bulk update, a statement over many rows, the owner's COPY."""

import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import asyncpg
import pytest

from core.registry.loader import load as load_plugins
from core.testing.servers import Scratch, TestServer
from tests.bench.machine import WRK, bare, load, trellis
from tests.bench.prepared import Prepared, prepare
from tests.bench.test_http import CREATE, alternately, show

pytestmark = pytest.mark.bench
MANY, UPDATED = 1_000_000, 100_000
TENANT = uuid.UUID(int=7)
ROUNDS = 2
BARE = """
INSERT INTO bench_customer (tenant_id, name, email, city, type, is_vip, is_active, tags, currency,
  total_orders, total_spent, custom) VALUES ($1::text::uuid, $2, $3, $4, 'individual', false, true,
  '{}', 'IDR', 0, 0, '{}') RETURNING id::text, name, email, city, version
"""
TOGGLES = (
    "ALTER TABLE customers_customer {} TRIGGER crm_g_audit_insert_customers_customer",
    "ALTER TABLE customers_customer {} TRIGGER crm_g_audit_update_customers_customer",
)
Work = Callable[[], Awaitable[None]]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """A home with 2,000 customers in acme."""
    yield from prepare(tmp_path_factory.mktemp("bench"), scale=1)


@pytest.mark.skipif(WRK is None, reason="wrk is not installed (Debian package wrk)")
async def test_create_against_a_bare_insert(prepared: Prepared) -> None:
    """Create with audit, search and version beside one INSERT into the same table without them."""
    owner = await asyncpg.connect(prepared.server.url("crm_owner"))
    tenant = await owner.fetchval("SELECT id::text FROM core_tenant WHERE slug = 'acme'")
    context = f"SET LOCAL app.tenant_id = '{tenant}'"
    env = {
        "BENCH_SQL": json.dumps([BARE, context, [tenant]]),
        "BENCH_URL": prepared.app_url(),
    }
    with trellis(prepared.home, prepared.config, workers=2) as address, bare(2, env) as limit:
        await owner.execute(
            "DROP TABLE IF EXISTS bench_customer;"
            " CREATE TABLE bench_customer (LIKE customers_customer INCLUDING ALL);"
            " GRANT ALL ON bench_customer TO crm_app"
        )
        token = prepared.login(address)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        script = CREATE.replace('"/api/customers/"', '"/create"')
        ours, theirs = alternately(
            lambda: load(address, 16, CREATE, headers),
            lambda: load(limit, 16, script, {"Content-Type": "application/json"}),
        )
    await owner.execute("DROP TABLE bench_customer")
    await owner.close()
    show("create one, 2 workers, 16 conn.", ours, theirs, 0.5)


@pytest.fixture(scope="module")
async def scratch(test_server: TestServer) -> AsyncIterator[Scratch]:
    made = await test_server.migrated(load_plugins(("customers",)))
    yield made
    await test_server.drop(made)


async def timed(owner: asyncpg.Connection, work: Work) -> float:
    """Return the seconds that ``work`` takes; it is rolled back."""
    transaction = owner.transaction()
    await transaction.start()
    began = time.perf_counter()
    await work()
    found = time.perf_counter() - began
    await transaction.rollback()
    return found


async def ratio(owner: asyncpg.Connection, name: str, work: Work, target: float) -> None:
    """Print what ``work`` takes with the audit over what it takes without, the best of two."""
    found: dict[str, list[float]] = {"DISABLE": [], "ENABLE": []}
    for _ in range(ROUNDS):
        for state, times in found.items():
            for sql in TOGGLES:
                await owner.execute(sql.format(state))
            times.append(await timed(owner, work))
    without, with_ = min(found["DISABLE"]), min(found["ENABLE"])
    verdict = "reached" if with_ / without <= target else "NOT REACHED"
    print(
        f"\n{name:<32} {with_:.2f} s / {without:.2f} s = {with_ / without:.2f}"
        f" (asked <= {target}) {verdict}"
    )


async def test_statements_over_many_rows(scratch: Scratch) -> None:
    """UPDATE of 100,000 rows and COPY of 1,000,000 as owner, with the audit and without."""
    owner = await scratch.connect("crm_owner")
    await owner.execute("SET statement_timeout = 0")
    for event in ("insert", "update"):  # the search has figures of its own
        await owner.execute(
            "ALTER TABLE customers_customer DISABLE TRIGGER"
            f" crm_g_search_customers_customer_{event}"
        )
    columns = ("tenant_id", "id", "name", "email", "city", "currency")

    def rows(count: int, mark: str) -> Iterator[tuple[object, ...]]:
        for n in range(count):
            id = uuid.UUID(int=(0x01900000 << 96) | (n << 80) | (7 << 76) | (2 << 62) | n)
            yield TENANT, id, f"Customer {n}", f"{mark}{n}@bench.example", f"City {n % 30}", "IDR"

    async def copy() -> None:
        await owner.copy_records_to_table(
            "customers_customer", records=rows(MANY, "c"), columns=columns
        )

    async def update() -> None:
        await owner.execute("UPDATE customers_customer SET is_active = false WHERE is_active")

    await ratio(owner, "COPY of 1,000,000 as owner", copy, 2)
    await owner.copy_records_to_table(
        "customers_customer", records=rows(UPDATED, "u"), columns=columns
    )
    await owner.execute("VACUUM ANALYZE customers_customer")
    await ratio(owner, "UPDATE of 100,000 rows", update, 3)
    await owner.close()
