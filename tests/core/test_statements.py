"""The reader that finds statements without their tenant (ruling 2)."""

import uuid

import pytest
import sqlalchemy as sa

from core.access.rights import SYSTEM
from core.database.connections import Database, Unit
from core.database.models import Models
from core.runtime.transaction_settings import transaction_settings
from core.testing import tenant_watch
from core.testing.servers import MakeScratch
from core.testing.statements import unnamed
from tests.sample_plugins import load_samples
from tests.sample_plugins.library.models import Book

pytestmark = pytest.mark.postgresql

GOOD = [
    "SELECT 1",
    "BEGIN READ ONLY; SET LOCAL app.tenant_id = 'x'; SELECT crm_check('a', 1)",
    "SELECT * FROM core_tenant WHERE slug = $1",
    "SELECT relname FROM pg_class c JOIN pg_catalog.pg_namespace n ON true",
    "SELECT * FROM t_book WHERE tenant_id = $1",
    "SELECT * FROM t_book b WHERE $1 = b.tenant_id AND b.id = ANY ($2)",
    'SELECT b."id" FROM "t_book" AS b WHERE b."tenant_id" = $1::UUID',
    "SELECT * FROM t_book b JOIN t_shelf s ON s.tenant_id = b.tenant_id AND s.id = b.shelf_id"
    " WHERE b.tenant_id = $1",
    "SELECT * FROM t_book b LEFT JOIN t_shelf s ON (s.tenant_id = $1 AND (s.id = b.shelf_id))"
    " WHERE b.tenant_id = $1 AND (b.a = 1 OR b.b = 2)",
    "SELECT * FROM t_book b, t_shelf s WHERE b.tenant_id = $1 AND s.tenant_id = b.tenant_id",
    "SELECT * FROM t_book JOIN t_shelf USING (tenant_id) WHERE t_book.tenant_id = $1",
    "SELECT * FROM t_book b WHERE (b.tenant_id, b.id) IN (SELECT x.a, x.b FROM unnest($1) x)",
    "SELECT * FROM t_book b WHERE b.tenant_id = $1 AND EXISTS (SELECT 1 FROM t_link x"
    " WHERE x.tenant_id = b.tenant_id AND x.book_id = b.id)",
    "SELECT ARRAY(SELECT s.id FROM t_shelf s WHERE s.tenant_id = $1) FROM t_book b"
    " WHERE b.tenant_id = $1 ORDER BY b.id LIMIT 3 FOR UPDATE OF b SKIP LOCKED",
    "WITH found AS MATERIALIZED (SELECT id FROM t_book WHERE tenant_id = $1)"
    " SELECT * FROM found f JOIN t_shelf s ON s.tenant_id = $1 AND s.id = f.id",
    "WITH gone (id) AS (DELETE FROM t_book b WHERE b.tenant_id = $1 RETURNING id)"
    " SELECT count(*) FROM gone",
    "SELECT * FROM t_book b WHERE b.tenant_id = $1 UNION ALL SELECT * FROM t_old WHERE"
    " tenant_id = $1",
    "SELECT extract(epoch FROM now()), substring(x FROM 3) FROM t_book WHERE tenant_id = $1"
    " AND a IS DISTINCT FROM b",
    "SELECT * FROM unnest($2::uuid[], $3::int[]) AS v (id, n), generate_series(1, 3) g",
    "SELECT * FROM (SELECT * FROM t_book WHERE tenant_id = $1) AS inner_books WHERE n = 1",
    "SELECT count(*) FROM (SELECT 1 FROM t_book c WHERE c.tenant_id = $1 LIMIT 5) AS capped",
    "INSERT INTO t_book (tenant_id, id) VALUES ($1, $2)",
    "INSERT INTO t_book (id, tenant_id) VALUES ($1, $2) ON CONFLICT (tenant_id, id)"
    " WHERE deleted_at IS NULL DO UPDATE SET n = excluded.n RETURNING id",
    "INSERT INTO t_book AS b (tenant_id) SELECT $1 FROM t_old WHERE tenant_id = $1",
    "UPDATE t_book SET n = 1 WHERE tenant_id = $1",
    "UPDATE t_book AS b SET n = v.n FROM unnest($2::int[]) AS v(n) WHERE b.tenant_id = $1",
    "DELETE FROM t_book b USING t_shelf s WHERE b.tenant_id = $1 AND s.tenant_id = b.tenant_id",
    "SELECT 'FROM t_book', $$ FROM t_book $$ -- FROM t_book\n /* FROM t_book */",
    "COPY t_book FROM STDIN",
]
BAD = [
    ("SELECT * FROM t_book", ["t_book"]),
    ("SELECT tenant_id FROM t_book", ["t_book"]),
    ("SELECT t_book.tenant_id = $1 FROM t_book WHERE id = $2", ["t_book"]),
    ("SELECT * FROM t_book b JOIN t_shelf s ON s.id = b.shelf_id WHERE b.tenant_id = $1",
     ["t_shelf"]),
    ("SELECT * FROM t_book b JOIN t_shelf s ON s.tenant_id = b.tenant_id", ["t_book", "t_shelf"]),
    ("SELECT * FROM t_book b, t_shelf s WHERE b.tenant_id = $1", ["t_shelf"]),
    ("SELECT * FROM (t_book b CROSS JOIN t_shelf s) WHERE b.tenant_id = $1", ["t_shelf"]),
    ("SELECT * FROM t_book b WHERE b.tenant_id = $1 AND EXISTS (SELECT 1 FROM t_link x"
     " WHERE x.book_id = b.id)", ["t_link"]),
    ("SELECT * FROM t_book b WHERE EXISTS (SELECT 1 FROM t_link x WHERE x.tenant_id = b.tenant_id)",
     ["t_book", "t_link"]),
    ("SELECT (SELECT max(n) FROM t_shelf) FROM t_book WHERE tenant_id = $1", ["t_shelf"]),
    ("WITH f AS (SELECT id FROM t_book) SELECT * FROM f", ["t_book"]),
    ("SELECT 1 FROM t_book WHERE tenant_id = $1 UNION SELECT 1 FROM t_old", ["t_old"]),
    ("INSERT INTO t_book (id) VALUES ($1)", ["t_book"]),
    ("INSERT INTO t_book VALUES ($1)", ["t_book"]),
    ("INSERT INTO t_book (tenant_id) SELECT tenant_id FROM t_old", ["t_old"]),
    ("UPDATE t_book SET n = 1 WHERE id = $1", ["t_book"]),
    ("UPDATE t_book SET tenant_id = $1", ["t_book"]),
    ("DELETE FROM t_book", ["t_book"]),
    ("SELECT 1; DELETE FROM public.t_book", ["public.t_book"]),
    ("SELECT * FROM t_book WHERE tenant_id IS NOT NULL", ["t_book"]),
    ("SELECT * FROM t_book WHERE tenant_id <> $1", ["t_book"]),
]  # fmt: skip


@pytest.mark.parametrize("sql", GOOD)
def test_statement_that_names_its_tenants(sql: str) -> None:
    assert unnamed(sql) == ()


@pytest.mark.parametrize(("sql", "tables"), BAD)
def test_statement_that_forgets_one(sql: str, tables: list[str]) -> None:
    assert unnamed(sql) == tuple(tables)


@pytest.mark.unnamed_tenant("the point of this test is that the watcher sees it")
async def test_watcher_sees_driver_and_mapper(make_scratch: MakeScratch) -> None:
    """Both doors, the driver and SQLAlchemy's prepared statements."""
    loaded = load_samples("library")
    scratch = await make_scratch(loaded)
    database = Database(scratch.url(), size=1)
    book = Models(loaded.registry)[Book]
    context = transaction_settings(uuid.uuid4(), SYSTEM, "*")

    async def forgetful(unit: Unit) -> None:
        await unit.execute("UPDATE library_book SET pages = 1")
        await unit.session.scalars(sa.select(book))

    await database.read(context, lambda c: c.fetch("SELECT $1::int FROM library_shelf", 1))
    await database.write(context, forgetful)
    await database.dispose()
    assert sorted(tenant_watch.offences.values()) == [
        ("library_book",),
        ("library_book",),
        ("library_shelf",),
    ]
