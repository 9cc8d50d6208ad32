"""One tenant with a million customers: lists, every filter with every order, figures and bulk.

Loading takes minutes; ``BENCH_MILLION=FOLDER`` keeps the home there and finds it the next time.
"""

import os
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from core.postgres import embedded
from core.postgres.blocking import finish
from tests.bench.machine import ROOT, WRK, load, trellis
from tests.bench.million import FEW, MANY, fill
from tests.bench.prepared import Prepared, prepare
from tests.bench.query_recorder import QueryRecorder, asking, cpu

pytestmark = pytest.mark.bench
KEPT = os.environ.get("BENCH_MILLION")
URL = "/api/customers/"
LISTS = ("", "?is_active=true&ordering=-total_spent")
# Of each filter a common, a typical and a rare value, where it has them.
FILTERS = (
    "", "created_at__gte=2025-06-01", "created_at__lt=2023-01-03", "updated_at__gte=2025-06-01",
    "updated_at__gte=2026-06-01", "created_by={person}", "name__startswith=a",
    "name__startswith=abcd", "name__icontains=ab", "name__icontains=zzqq", "email={email}",
    "email__startswith=abc", "phone=%2B6281200012345", "phone__startswith=%2B628120001",
    "city=Bandung 0", "city=Medan 3", "city=Depok 9", "city__icontains=bandung",
    "city__isnull=true", "city__in=Depok 9,Depok 8", "province=Bandung", "province=Depok",
    "type=individual", "type=enterprise", "type=government", "company={firm}",
    "company_id__isnull=false", "is_vip=false", "is_vip=true", "salesperson={person}",
    "salesperson_id__isnull=true", "tags=loyal", "status=active", "status=closed",
    "is_active=true", "is_active=false", "last_order_date__gte=2025-06-01",
    "last_order_date__gte=2026-12-20", "last_order_date__isnull=true", "loyalty_points__gte=100",
    "loyalty_points__gte=1500", "loyalty_points=0", "loyalty_tier=bronze",
    "loyalty_tier=platinum", "loyalty_level=Gold", "city=Bandung 0&is_active=false",
    "type=enterprise&loyalty_tier=gold", "is_vip=true&city=Depok 9",
)  # fmt: skip
SOMEBODY = """
SELECT salesperson_id::text AS person, company_id::text AS firm, email
  FROM customers_customer WHERE company_id IS NOT NULL AND salesperson_id IS NOT NULL LIMIT 1
"""
TEN_THOUSAND = """
SELECT c.id::text FROM customers_customer c JOIN core_tenant t ON t.id = c.tenant_id
 WHERE t.slug = 'acme' AND c.is_active AND c.deleted_at IS NULL ORDER BY md5(c.id::text)
 LIMIT 10000
"""


async def copy(prepared: Prepared) -> None:
    """Copy the customers in as the owner, with all triggers, and look at the tables anew."""
    owner = await asyncpg.connect(prepared.server.url("crm_owner"))
    for slug, count in (("globex", FEW), ("acme", MANY)):
        await fill(owner, slug, count)
    await owner.execute("VACUUM ANALYZE")
    await owner.close()


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """A home in which acme has a million customers and globex ten thousand."""
    if KEPT and (Path(KEPT) / "full").exists():
        folder = Path(KEPT)
        (folder / "crm.toml").write_text(_patient())
        server = embedded.ensure(folder / "home")
        prepared = Prepared(folder / "home", folder / "crm.toml", server)
        prepared.crm("db", "migrate")
        yield prepared
        server.leave()
        return
    folder = Path(KEPT) if KEPT else tmp_path_factory.mktemp("million")
    folder.mkdir(exist_ok=True)
    made = prepare(folder, scale=0.01)
    prepared = next(made)
    finish(copy(prepared))
    (folder / "crm.toml").write_text(_patient())
    (folder / "full").touch()
    yield prepared
    if KEPT:
        prepared.server.leave()
    else:
        next(made, None)


def _patient() -> str:
    """Return the configuration, with time enough to measure what takes too long."""
    text = (ROOT / "crm.toml").read_text()
    return text.replace("statement_timeout_ms = 5000", "statement_timeout_ms = 60000")


@pytest.fixture
async def recorder(full: Prepared) -> AsyncIterator[QueryRecorder]:
    """The application, its statements, and its role at the database."""
    async with asking(full) as found:
        yield found


@pytest.fixture
async def owner(full: Prepared) -> AsyncIterator[asyncpg.Connection]:
    """The owner, who sees all."""
    connection = await asyncpg.connect(full.server.url("crm_owner"))
    yield connection
    await connection.close()


def show(name: str, measured: float, target: float, unit: str) -> None:
    """Print one line of the table."""
    verdict = "reached" if measured <= target else "NOT REACHED"
    print(f"\n{name:<52} {measured:8.2f} {unit} (asked <= {target:g}) {verdict}")


@pytest.mark.skipif(WRK is None, reason="wrk is not installed (Debian package wrk)")
def test_a_large_tenant_lists_as_a_small_one(full: Prepared) -> None:
    """p50 of the first page with its count: a million customers against ten thousand."""
    with trellis(full.home, full.config, workers=1) as address:
        headers = {
            slug: {"Authorization": f"Bearer {full.login(address, slug)}"}
            for slug in ("acme", "globex")
        }
        for query in LISTS:
            found: dict[str, list[float]] = {slug: [] for slug in headers}
            for _ in range(5):
                for slug in headers:
                    one = load(address + URL + query, 1, headers=headers[slug])
                    assert not one.errors, one
                    found[slug].append(one.p50)
            ratio = statistics.median(found["acme"]) / statistics.median(found["globex"])
            show(f"list {query or 'as it opens'}, 1,000,000 : 10,000", ratio, 1.3, "x")


async def test_each_pair_at_the_database(
    recorder: QueryRecorder, owner: asyncpg.Connection
) -> None:
    """Each declared pair: the first page by cursor and the one behind it, by its index."""
    worst = 0.0
    for pair in recorder.entity.indexed:
        *leading, last = (recorder.entity.field(name.lstrip("-")) for name in pair)
        given = ""
        for field in leading:
            value = await owner.fetchval(
                f"SELECT {field.name}::text FROM customers_customer WHERE {field.name} IS NOT NULL"
                " AND tenant_id = $1 GROUP BY 1 HAVING count(*) > 100 ORDER BY count(*) LIMIT 1",
                recorder.system.tenant.id,
            )
            given += f"&{field.name}={value}"
        index = "_".join(("customers_customer", *(f.name for f in leading), last.sort_column, "by"))
        for order in [pair[-1]] if last.nullable else [last.name, f"-{last.name}"]:
            body, first = await recorder.get(f"{URL}?cursor=&ordering={order}{given}", "ORDER BY")
            _, second = await recorder.get(body["next"], "ORDER BY")
            for page in (first, second):
                cost = await recorder.cost(page, times=7)
                assert index in cost.nodes, (order, cost)
                assert "Seq Scan" not in cost.nodes, (order, cost)
                worst = max(worst, cost.ms)
    show(f"worst page of {len(recorder.entity.indexed)} declared pairs", worst, 5, "ms")


async def test_every_filter_with_every_order(
    recorder: QueryRecorder, owner: asyncpg.Connection
) -> None:
    """The first page with its capped count, for each filter and each order, both ways."""
    some = dict(await owner.fetchrow(SOMEBODY))
    sorts = [f.name for f in recorder.entity.fields.values() if f.sort]
    found = []
    for filters in FILTERS:
        for order in (f"{sign}{name}" for name in sorts for sign in ("", "-")):
            path = f"{URL}?ordering={order}&{filters.format(**some)}".rstrip("&")
            spent = await recorder.spent(path)
            if spent > 200:
                spent = min(spent, await recorder.spent(path), await recorder.spent(path))
            found.append((spent, f"{order} {filters}"))
        ms, name = max(found[-2 * len(sorts) :])
        print(f"\n    {ms:8.1f} ms {name}", end="")
    found.sort(reverse=True)
    late = sum(ms > 200 for ms, _ in found)
    print("\n    the worst ten:", end="")
    for ms, name in found[:10]:
        print(f"\n    {ms:8.1f} ms {name}", end="")
    show(f"worst of {len(found)} filters x orders, {late} late", found[0][0], 200, "ms")


async def test_figures_in_one_statement(recorder: QueryRecorder) -> None:
    """All of ``stats/`` over the whole tenant, warm."""
    _, logged = await recorder.get(f"{URL}stats/", "FILTER")
    cost = await recorder.cost(logged, times=7)
    began = cpu(recorder.role)
    await recorder.role.fetch(logged.query, *logged.args)
    show(f"figures ({cpu(recorder.role) - began:.0f} ms of processor)", cost.ms, 120, "ms")


async def test_bulk_of_ten_thousand(recorder: QueryRecorder, owner: asyncpg.Connection) -> None:
    """Deactivate and activate 10,000 over HTTP, audited and indexed for search."""
    ids = [row[0] for row in await owner.fetch(TEN_THOUSAND)]
    spent = []
    for action in ("deactivate", "activate") * 3:
        recorder.seen.clear()
        body = {"customer_ids": ids, "action": action}
        began = time.perf_counter()
        reply = await recorder.client.post(f"{URL}bulk_update/", json=body)
        took = time.perf_counter() - began
        spent.append(
            (took, sum(q.elapsed for q in recorder.seen if "customers_customer" in q.query))
        )
        assert reply.json()["updated"] == len(ids), reply.text
    took, inside = min(spent)
    show(f"bulk of 10,000 ({inside:.2f} s of it at the database)", took, 0.5, "s")
