"""Row security and the two doors: nothing of another tenant, whatever is asked and however."""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator

import asyncpg
import pytest
import sqlalchemy as sa

from core.access.rights import SYSTEM, Principal
from core.database.connections import Broken, Database, Unit
from core.database.models import Models
from core.errors import Forbidden, Invalid, Refused, Unauthenticated, Unavailable
from core.runtime.transaction_settings import transaction_settings
from core.testing.servers import Scratch, TestServer
from tests.core.fill import fill, tenant_tables
from tests.sample_plugins import load_samples
from tests.sample_plugins.library.models import Book

pytestmark = [
    pytest.mark.unnamed_tenant("asks for everything, to see that row security says no"),
    pytest.mark.postgresql,
]
LOADED = load_samples()
MODELS = Models(LOADED.registry)
A, B = uuid.uuid4(), uuid.uuid4()
CONTEXT_A, CONTEXT_B = transaction_settings(A, SYSTEM, "*"), transaction_settings(B, SYSTEM, "*")
INSERT_BOOK = "INSERT INTO library_book (tenant_id, id, title) VALUES ($1, $2, $3)"


@pytest.fixture(scope="module")
async def filled(test_server: TestServer) -> AsyncIterator[tuple[Scratch, dict[str, uuid.UUID]]]:
    scratch = await test_server.migrated(LOADED)
    owner = await scratch.connect("crm_owner")
    await fill(owner, A)
    foreign = await fill(owner, B)
    await owner.close()
    yield scratch, foreign
    await test_server.drop(scratch)


@pytest.fixture
def scratch(filled: tuple[Scratch, dict[str, uuid.UUID]]) -> Scratch:
    return filled[0]


@pytest.fixture
def foreign(filled: tuple[Scratch, dict[str, uuid.UUID]]) -> dict[str, uuid.UUID]:
    """One id of tenant B per table."""
    return filled[1]


@pytest.fixture
async def owner(scratch: Scratch) -> AsyncIterator[asyncpg.Connection]:
    connection = await scratch.connect("crm_owner")
    yield connection
    await connection.close()


@pytest.fixture
async def app(scratch: Scratch) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the serving role in tenant A; what it does is rolled back."""
    connection = await scratch.connect()
    await connection.execute(f"BEGIN; {CONTEXT_A}")
    yield connection
    await connection.close()


@pytest.fixture
async def database(scratch: Scratch) -> AsyncIterator[Database]:
    made = Database(scratch.url(), size=3)
    yield made
    assert made.engine.pool.checkedout() == 0
    await made.dispose()


async def counts(owner: asyncpg.Connection, tenant: uuid.UUID) -> dict[str, int]:
    """Return how many rows of a tenant each table holds."""
    return {
        table: await owner.fetchval(f"SELECT count(*) FROM {table} WHERE tenant_id = $1", tenant)
        for table in await tenant_tables(owner)
    }


async def granted(app: asyncpg.Connection, table: str, verb: str) -> bool:
    return await app.fetchval("SELECT has_table_privilege($1, $2)", table, verb)


# --- A1, A2: every table, every verb, no WHERE


async def test_select_update_delete_without_where_touch_no_foreign_row(
    owner: asyncpg.Connection, app: asyncpg.Connection
) -> None:
    """A1, KER: for each table of the catalogue, as the serving role."""
    tables = await tenant_tables(owner)
    assert {"core_user", "library_book", "library_reading"} <= set(tables)
    mine, others = await counts(owner, A), await counts(owner, B)
    assert all(others.values()), "every table holds a row that could leak"
    for table in tables:
        assert {row["tenant_id"] for row in await app.fetch(f"SELECT * FROM {table}")} == {A}
        if await granted(app, table, "UPDATE"):
            done = await app.execute(f"UPDATE {table} SET custom = '{{\"x\": 1}}'")
            assert done == f"UPDATE {mine[table]}"
    for table in reversed(tables):
        if await granted(app, table, "DELETE"):
            done = await app.execute(
                f"DELETE FROM {table} t WHERE NOT EXISTS (SELECT FROM"
                f" library_reading r WHERE r.book_id = t.id)"
            )
            assert int(done.removeprefix("DELETE ")) <= mine[table]
    assert await counts(owner, B) == others


async def test_insert_for_another_tenant_is_refused(
    owner: asyncpg.Connection, app: asyncpg.Connection
) -> None:
    """A1: WITH CHECK follows from USING."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await app.execute(INSERT_BOOK, B, uuid.uuid4(), "smuggled")


async def test_row_cannot_be_moved_to_another_tenant(app: asyncpg.Connection) -> None:
    """A1, ruling 8: the key of a record never changes."""
    with pytest.raises((asyncpg.CheckViolationError, asyncpg.InsufficientPrivilegeError)):
        await app.execute("UPDATE library_shelf SET tenant_id = $1", B)


async def test_without_context_there_is_nothing(
    scratch: Scratch, owner: asyncpg.Connection
) -> None:
    """A2: fails closed, also when the setting exists but is empty."""
    app = await scratch.connect()
    for prepare in ("SELECT 1", "SET app.tenant_id = ''"):
        await app.execute(prepare)
        for table in await tenant_tables(owner):
            assert await app.fetchval(f"SELECT count(*) FROM {table}") == 0
            if await granted(app, table, "UPDATE"):
                assert await app.execute(f"UPDATE {table} SET custom = '{{}}'") == "UPDATE 0"
        with pytest.raises(asyncpg.PostgresError):
            await app.execute(INSERT_BOOK, A, uuid.uuid4(), "nobody's")
    await app.close()


async def test_context_that_is_no_uuid_is_an_error_not_an_open_door(
    scratch: Scratch,
) -> None:
    app = await scratch.connect()
    await app.execute("SET app.tenant_id = 'x'' OR true --'")
    with pytest.raises(asyncpg.InvalidTextRepresentationError):
        await app.fetch("SELECT * FROM library_book")
    await app.close()


@pytest.mark.parametrize("value", ["x'; DROP TABLE core_user; --", "a b", "ä", "$$", "\\", "a\n"])
def test_setting_that_is_not_plain_is_refused(value: str) -> None:
    """Ruling 4: SET LOCAL takes no parameters, so the values are checked."""
    with pytest.raises(ValueError, match="not a value for a setting"):
        transaction_settings(A, Principal(kind="system", attributes={"shelf": value}), "*")
    with pytest.raises(ValueError, match="not a value for a setting"):
        transaction_settings(A, SYSTEM, value)


# --- A3: the pool


async def test_cancelled_requests_leave_nothing_to_the_next(scratch: Scratch) -> None:
    """A3, ruling 4: pool of one, tenants in turn, cancelled at any moment, through both doors.

    While the opening message is under way the driver reports "not in a transaction"; trusting that
    handed a quarter of the cancelled transactions to the next borrower.
    """
    database = Database(scratch.url(), size=1)
    keeper = Principal(kind="system", attributes={"shelf": str(uuid.uuid4())})
    contexts = (transaction_settings(A, keeper, "*"), transaction_settings(B, SYSTEM, "*"))
    luck = random.Random(7)
    sql = "SELECT DISTINCT tenant_id FROM library_book"
    cancelled = 0

    async def reading(connection: asyncpg.Connection) -> None:
        await connection.fetch(sql)

    async def writing(unit: Unit) -> None:
        await unit.execute("UPDATE library_shelf SET note = 'x'" if luck.random() < 0.1 else sql)

    async def look(connection: asyncpg.Connection) -> tuple[list[object], str, bool]:
        rows = await connection.fetch(sql)
        left = await connection.fetchval("SELECT current_setting('app.scope_shelf', true)")
        fresh = await connection.fetchval("SELECT now() > statement_timestamp() - interval '1 min'")
        return [row["tenant_id"] for row in rows], left or "", fresh

    for turn in range(1500):
        door = (
            database.read(contexts[0], reading)
            if turn % 2
            else database.write(contexts[0], writing)
        )
        task = asyncio.create_task(door)
        for _ in range(luck.randrange(14)):
            await asyncio.sleep(0)
        if luck.random() < 0.5:
            await asyncio.sleep(luck.random() * 0.001)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            cancelled += 1
        except asyncpg.UndefinedColumnError:
            pass
        assert await database.read(contexts[1], look) == ([B], "", True), f"turn {turn}"
    assert cancelled > 500
    assert database.engine.pool.checkedout() == 0
    await database.dispose()


async def test_settings_of_a_session_do_not_reach_the_next(scratch: Scratch) -> None:
    """A3: a plugin that says SET where it means SET LOCAL."""
    database = Database(scratch.url(), size=1)

    async def careless(unit: Unit) -> None:
        await unit.execute("SET app.scope_shelf = 'left'; SET statement_timeout = 0")

    async def look(connection: asyncpg.Connection) -> list[str]:
        names = ("app.scope_shelf", "app.tenant_id", "statement_timeout", "plan_cache_mode")
        sql = "SELECT coalesce(current_setting($1, true), '')"
        return [await connection.fetchval(sql, name) for name in names]

    await database.write(CONTEXT_A, careless)
    assert await database.read("SELECT 1", look) == ["", "", "5s", "force_custom_plan"]
    await database.dispose()


async def test_transaction_that_a_plugin_leaves_open_is_ended(scratch: Scratch) -> None:
    database = Database(scratch.url(), size=1)

    async def reopen(unit: Unit) -> None:
        await unit.execute("COMMIT")
        await unit.execute(f"BEGIN; {CONTEXT_B}")

    await database.write(CONTEXT_A, reopen)
    look = "SELECT current_setting('app.tenant_id', true)"
    assert not await database.read("SELECT 1", lambda c: c.fetchval(look))
    await database.dispose()


# --- A6, A9, A10: keys, plans, messages


async def test_foreign_id_answers_as_a_random_id_does(
    database: Database, foreign: dict[str, uuid.UUID]
) -> None:
    """A6: composite keys make another tenant's record not exist."""
    answers = []
    for shelf in (foreign["library_shelf"], uuid.uuid4()):

        async def run(unit: Unit, shelf: uuid.UUID = shelf) -> None:
            await unit.execute(
                "INSERT INTO library_book (tenant_id, id, title, shelf_id)"
                " VALUES ($1, $2, 'x', $3)", A, uuid.uuid4(), shelf,
            )  # fmt: skip

        with pytest.raises(Broken) as refused:
            await database.write(CONTEXT_A, run)
        answers.append((refused.value.sqlstate, refused.value.constraint, refused.value.detail))
    assert answers[0] == answers[1]
    assert answers[0][0] == "23503"


async def test_unique_value_of_another_tenant_is_free(database: Database) -> None:
    """A6: no oracle over unique keys; the tenant's own value is taken, in the trash it is not."""

    async def make(unit: Unit, tenant: uuid.UUID) -> None:
        await unit.execute(
            "INSERT INTO library_shelf (tenant_id, id, name, code) VALUES ($1, $2, 'n', 'same')",
            tenant, uuid.uuid4(),
        )  # fmt: skip

    await database.write(CONTEXT_B, lambda unit: make(unit, B))
    await database.write(CONTEXT_A, lambda unit: make(unit, A))
    with pytest.raises(Broken) as refused:
        await database.write(CONTEXT_A, lambda unit: make(unit, A))
    assert refused.value.constraint == "library_shelf_code_unique"
    trash = "UPDATE library_shelf SET deleted_at = now() WHERE tenant_id = $1 AND code = 'same'"
    await database.write(CONTEXT_A, lambda unit: unit.execute(trash, A))
    await database.write(CONTEXT_A, lambda unit: make(unit, A))


async def test_prepared_statement_follows_the_context(scratch: Scratch) -> None:
    """A9: one statement, one session, three contexts."""
    app = await scratch.connect()
    prepared = await app.prepare("SELECT DISTINCT tenant_id FROM library_book")
    for context, expected in ((CONTEXT_A, [A]), (CONTEXT_B, [B]), ("SELECT 1", [])):
        for _ in range(7):  # beyond the fifth run a generic plan would be taken
            await app.execute(f"BEGIN; {context}")
            assert [row["tenant_id"] for row in await prepared.fetch()] == expected
            await app.execute("COMMIT")
    assert await app.fetchval("SHOW plan_cache_mode") == "force_custom_plan"
    await app.close()


@pytest.mark.parametrize(
    ("sql", "refusal"),
    [
        ("INSERT INTO library_book (tenant_id, id) VALUES ($1, gen_random_uuid())", Broken),
        ("UPDATE library_book SET title = repeat('secret', 99) WHERE tenant_id = $1", Invalid),
        ("UPDATE library_book SET pages = 'secret'::text::int WHERE tenant_id = $1", Invalid),
        ("UPDATE library_book SET pages = 2147483647 + pages + 1 WHERE tenant_id = $1", Invalid),
        ("UPDATE library_book SET tenant_id = gen_random_uuid() WHERE tenant_id = $1", Broken),
        ("UPDATE core_tenant SET slug = 'secret' WHERE id = $1", Forbidden),
    ],
)
async def test_database_error_becomes_a_message_of_our_own(
    database: Database, sql: str, refusal: type[Refused]
) -> None:
    """A10: no value, no constraint, no table gets out."""
    with pytest.raises(refusal) as refused:
        await database.write(CONTEXT_A, lambda unit: unit.execute(sql, A))
    for word in ("secret", "library", "core_", "column", "null value"):
        assert word not in refused.value.detail


async def test_value_that_the_driver_cannot_send_is_refused(database: Database) -> None:
    sql = "UPDATE library_book SET pages = $2 WHERE tenant_id = $1"
    with pytest.raises(Invalid):
        await database.write(CONTEXT_A, lambda unit: unit.execute(sql, A, 2**40))
    with pytest.raises(Invalid):
        await database.read(CONTEXT_A, lambda c: c.fetch("SELECT $1::uuid", "no uuid"))


# --- A7, H5, H6: what the serving role may not do


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE library_book DISABLE ROW LEVEL SECURITY",
        "DROP POLICY library_book_tenant ON library_book",
        "ALTER POLICY library_book_tenant ON library_book USING (true)",
        "CREATE POLICY evil ON library_book USING (true)",
        "ALTER TABLE library_book DISABLE TRIGGER library_book_touch",
        "TRUNCATE library_reading",
        "SET session_replication_role = replica",
        "SET ROLE crm_owner",
        "SET SESSION AUTHORIZATION crm_owner",
        "UPDATE library_reading SET reason = 'other'",
        "DELETE FROM library_reading",
        "UPDATE alembic_version_core SET version_num = 'x'",
        "INSERT INTO core_tenant (id, slug, number) VALUES (gen_random_uuid(), 'x', 99)",
        "CREATE TABLE evil (id int)",
        "CREATE SCHEMA evil",
        "CREATE FUNCTION evil() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ],
)
async def test_serving_role_may_not(app: asyncpg.Connection, sql: str) -> None:
    """A7, H6; ruling 1 rests on it: not FORCE but another owner."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(sql)


async def test_row_security_cannot_be_switched_off(app: asyncpg.Connection) -> None:
    await app.execute("SET LOCAL row_security = off")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.fetch("SELECT * FROM library_book")


async def test_copy_into_a_tenant_table_is_refused(app: asyncpg.Connection) -> None:
    """Ruling 5: imports COPY into a temporary table of their own session."""
    row = (str(A), str(uuid.uuid4()), "copied")
    columns = ["tenant_id", "id", "title"]
    await app.execute("CREATE TEMP TABLE import_rows (tenant_id uuid, id uuid, title text)")
    await app.copy_records_to_table("import_rows", records=[row], columns=columns)
    await app.execute("INSERT INTO library_book (tenant_id, id, title) SELECT * FROM import_rows")
    with pytest.raises(asyncpg.FeatureNotSupportedError, match="COPY FROM not supported"):
        await app.copy_records_to_table("library_book", records=[row], columns=columns)


async def test_temporary_table_does_not_deceive_the_credential_check(
    app: asyncpg.Connection,
) -> None:
    """The serving role may make temporary tables; a definer function must not read them."""
    person = uuid.uuid4()
    await app.execute(
        "CREATE TEMP TABLE core_user (tenant_id uuid, id uuid, token_version int, is_active bool,"
        " deleted_at timestamptz, email text)"
    )
    await app.execute(f"INSERT INTO core_user VALUES ('{A}', '{person}', 1, true, null, 'e')")
    await app.execute("GRANT SELECT ON pg_temp.core_user TO PUBLIC")
    with pytest.raises(asyncpg.PostgresError) as refused:
        await app.execute(f"SELECT crm_check('{person}', 1)")
    assert refused.value.sqlstate == "TR401"


# --- ruling 4, 8, 9, 10


async def test_read_door_refuses_writes(database: Database) -> None:
    """KER: GET and HEAD run READ ONLY."""
    for sql in ("UPDATE library_book SET pages = 1", "CREATE TABLE x (n int)"):
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await database.read(CONTEXT_A, lambda c, sql=sql: c.execute(sql))


async def test_both_ways_to_write_share_one_transaction_and_context(database: Database) -> None:
    """Ruling 4, ruling 2: the session and the driver see each other's rows; one commit."""
    book = uuid.uuid4()

    async def run(unit: Unit) -> tuple[str, str]:
        await unit.execute(INSERT_BOOK, A, book, "one")
        found = await unit.session.get(MODELS[Book], (A, book))
        assert found is not None
        found.title = "two"
        await unit.session.flush()
        inside = await unit.fetchval("SELECT title FROM library_book WHERE id = $1", book)
        found.title = "three"
        setting = await unit.session.scalar(sa.text("SELECT current_setting('app.tenant_id')"))
        return inside, setting

    assert await database.write(CONTEXT_A, run) == ("two", str(A))
    sql = "SELECT title, version FROM library_book WHERE tenant_id = $1 AND id = $2"
    row = await database.read(CONTEXT_A, lambda c: c.fetchrow(sql, A, book))
    assert tuple(row) == ("three", 3)


async def test_failed_unit_leaves_nothing(database: Database) -> None:
    book = uuid.uuid4()

    async def run(unit: Unit) -> None:
        await unit.execute(INSERT_BOOK, A, book, "gone")
        unit.session.add(MODELS[Book](tenant_id=A, title="gone too"))
        await unit.session.flush()
        raise LookupError("a plugin's own mistake")

    with pytest.raises(LookupError):
        await database.write(CONTEXT_A, run)
    sql = "SELECT count(*) FROM library_book WHERE tenant_id = $1 AND title LIKE 'gone%'"
    assert await database.read(CONTEXT_A, lambda c: c.fetchval(sql, A)) == 0


async def test_mapper_reads_back_what_the_trigger_wrote(database: Database) -> None:
    """Ruling 8, B7: version, updated_at and updated_by come from the database."""
    person = uuid.uuid4()
    context = transaction_settings(A, Principal(kind="system", id=str(person)), "*")

    async def run(unit: Unit) -> tuple[int, int, object]:
        book = MODELS[Book](tenant_id=A, title="versions")
        unit.session.add(book)
        await unit.session.flush()
        first = book.version
        book.pages = 3
        await unit.session.flush()
        return first, book.version, book.updated_by

    assert await database.write(context, run) == (1, 2, person)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE library_book SET pages = pages + 1, version = 99, created_at = 'epoch',"
        " created_by = gen_random_uuid() WHERE tenant_id = $1 AND id = $2",
        "WITH changed AS (UPDATE library_book SET pages = pages + 1, version = 99"
        " WHERE tenant_id = $1 AND id = $2 RETURNING id) SELECT count(*) FROM changed",
    ],
)
@pytest.mark.parametrize("role", ["crm_app", "crm_owner"])
async def test_version_counts_whoever_writes(scratch: Scratch, sql: str, role: str) -> None:
    """Ruling 8, B7: raw, owner and CTE updates too."""
    connection = await scratch.connect(role)
    await connection.execute(f"BEGIN; {CONTEXT_A}")
    book = uuid.uuid4()
    await connection.execute(INSERT_BOOK, A, book, "v")
    before = await connection.fetchrow("SELECT * FROM library_book WHERE id = $1", book)
    await connection.execute(sql, A, book)
    after = await connection.fetchrow("SELECT * FROM library_book WHERE id = $1", book)
    assert (before["version"], after["version"]) == (1, 2)
    assert after["created_at"] == before["created_at"]
    assert after["created_by"] == before["created_by"]
    with pytest.raises(asyncpg.CheckViolationError, match="key of a record never changes"):
        await connection.execute(
            "UPDATE library_book SET id = gen_random_uuid() WHERE id = $1", book
        )
    await connection.close()


async def test_soft_delete_passes_row_security(app: asyncpg.Connection) -> None:
    """Ruling 9: the trash is a rule of the query layer; ON CONFLICT repeats the index's WHERE."""
    done = await app.execute("UPDATE library_shelf SET deleted_at = now() WHERE tenant_id = $1", A)
    assert done != "UPDATE 0"
    assert await app.fetchval("SELECT count(*) FROM library_shelf WHERE deleted_at IS NOT NULL")
    upsert = (
        "INSERT INTO library_shelf (tenant_id, id, name, code) VALUES ($1, $2, $3, 'again')"
        " ON CONFLICT (tenant_id, code) WHERE deleted_at IS NULL DO UPDATE SET name = excluded.name"
    )
    for name in ("first", "second"):
        await app.execute(upsert, A, uuid.uuid4(), name)
    names = await app.fetch("SELECT name FROM library_shelf WHERE code = 'again'")
    assert [row["name"] for row in names] == ["second"]


async def test_role_policy_walls_rows_by_the_widest_scope(scratch: Scratch) -> None:
    """Ruling 10, ruling 28: none, author, one's shelf, all."""
    keeper, shelf = uuid.uuid4(), uuid.uuid4()
    app = await scratch.connect()
    await app.execute(f"BEGIN; {CONTEXT_A}")
    await app.execute(
        "DELETE FROM library_book WHERE tenant_id = $1 AND NOT EXISTS"
        " (SELECT FROM library_reading r WHERE r.book_id = library_book.id)",
        A,
    )
    await app.execute(
        "INSERT INTO library_shelf (tenant_id, id, name, code) VALUES ($1, $2, 'n', 'keeper')",
        A,
        shelf,
    )
    await app.execute(
        "INSERT INTO library_book (tenant_id, title, shelf_id) VALUES"
        " ($1, 'on it', $2), ($1, 'elsewhere', NULL)",
        A,
        shelf,
    )
    await app.execute(f"SET LOCAL app.principal = '{keeper}'")
    await app.execute("INSERT INTO library_book (tenant_id, title) VALUES ($1, 'mine')", A)

    async def visible_titles(scopes: str, shelf_id: uuid.UUID | None = None) -> set[str]:
        await app.execute(
            f"SET LOCAL app.scopes = '{scopes}'; SET LOCAL app.scope_shelf = '{shelf_id or ''}'"
        )
        rows = await app.fetch("SELECT title FROM library_book WHERE length(title) < 20")
        return {row["title"] for row in rows}

    assert await visible_titles("") == set()
    assert await visible_titles("|library.bookend:all|core.user:all|") == set()
    assert await visible_titles("|library.book:author|") == {"mine"}
    assert await visible_titles("|library.book:shelf|", shelf) == {"on it"}
    assert await visible_titles("|library.book:shelf|") == set()
    assert await visible_titles("|library.book:author+shelf|", shelf) == {"mine", "on it"}
    assert await visible_titles("|library.book:all|") == {"mine", "on it", "elsewhere"}
    await app.close()


async def test_dead_credential_is_refused_in_the_opening(
    database: Database, owner: asyncpg.Connection
) -> None:
    """D: deactivated, changed or foreign: the next transaction of the principal is refused."""
    row = await owner.fetchrow("SELECT * FROM core_user WHERE tenant_id = $1 LIMIT 1", A)

    def principal_settings(**changes: object) -> str:
        who = {"kind": "user", "id": str(row["id"]), "stamp": row["token_version"]} | changes
        return transaction_settings(A, Principal(**who), "*")

    assert await database.read(principal_settings(), lambda c: c.fetchval("SELECT 1")) == 1
    stranger = await owner.fetchval("SELECT id FROM core_user WHERE tenant_id = $1 LIMIT 1", B)
    for wrong in ({"stamp": row["token_version"] + 1}, {"id": str(stranger)}):
        with pytest.raises(Unauthenticated):
            await database.read(principal_settings(**wrong), lambda c: c.fetchval("SELECT 1"))
        with pytest.raises(Unauthenticated):
            await database.write(
                principal_settings(**wrong), lambda unit: unit.fetchval("SELECT 1")
            )


# --- conflicts, time limits, lost servers


async def test_deadlock_is_run_again(database: Database, owner: asyncpg.Connection) -> None:
    """Ruling 17: 40P01 ends one of the two, whose function runs again."""
    books = [uuid.uuid4(), uuid.uuid4()]
    for book in books:
        await owner.execute(INSERT_BOOK, A, book, "deadlock")
    runs = 0

    async def run(unit: Unit, order: list[uuid.UUID]) -> None:
        nonlocal runs
        runs += 1
        for book in order:
            await unit.execute(
                "UPDATE library_book SET pages = pages + 1 WHERE tenant_id = $1 AND id = $2",
                A, book,
            )  # fmt: skip
            await asyncio.sleep(0.1)

    await asyncio.gather(
        database.write(CONTEXT_A, lambda unit: run(unit, books)),
        database.write(CONTEXT_A, lambda unit: run(unit, books[::-1])),
    )
    rows = await owner.fetch("SELECT pages FROM library_book WHERE id = ANY ($1)", books)
    assert [row["pages"] for row in rows] == [2, 2]
    assert runs > 2


@pytest.mark.parametrize("orm", [False, True])
async def test_serialization_failure_is_run_again(
    database: Database, owner: asyncpg.Connection, orm: bool
) -> None:
    """Ruling 17: 40001, on the driver and through the session."""
    book = uuid.uuid4()
    await owner.execute(INSERT_BOOK, A, book, "serial")
    sql = "SELECT pages FROM library_book WHERE tenant_id = $1 AND id = $2"

    async def run(unit: Unit) -> None:
        await unit.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        pages = await unit.fetchval(sql, A, book)
        await asyncio.sleep(0.02)
        if orm:
            found = await unit.session.get(MODELS[Book], (A, book))
            found.pages = pages + 1
        else:
            await unit.execute(
                "UPDATE library_book SET pages = $3 WHERE tenant_id = $1 AND id = $2",
                A, book, pages + 1,
            )  # fmt: skip

    await asyncio.gather(*(database.write(CONTEXT_A, run) for _ in range(3)))
    assert await owner.fetchval(sql, A, book) == 3


async def test_conflict_without_end_is_unavailable(database: Database) -> None:
    async def run(unit: Unit) -> None:
        await unit.execute("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$")

    with pytest.raises(Unavailable) as refused:
        await database.write(CONTEXT_A, run)
    assert refused.value.headers["Retry-After"]


@pytest.mark.parametrize("door", ["read", "write"])
async def test_statement_that_takes_too_long_is_unavailable(database: Database, door: str) -> None:
    """A12: 503, and the connection serves on."""

    async def slow(one: asyncpg.Connection | Unit) -> None:
        await one.execute("SET LOCAL statement_timeout = '30ms'")
        await one.execute("SELECT pg_sleep(5)")

    with pytest.raises(Unavailable) as refused:
        await getattr(database, door)(CONTEXT_A, slow)
    assert refused.value.code == "timeout"
    assert await database.read(CONTEXT_A, lambda c: c.fetchval("SELECT 1")) == 1


async def kill_all(scratch: Scratch, admin_url: str) -> None:
    admin = await asyncpg.connect(admin_url)
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        f" WHERE datname = '{scratch.name}' AND application_name = 'trellis'"
    )
    await admin.close()


async def test_lost_backends_are_survived(
    scratch: Scratch, test_server: TestServer, database: Database
) -> None:
    """B, A3: the server drops every connection: idle ones are replaced, running work runs again."""
    admin_url = test_server.admin_url
    await asyncio.gather(
        *(database.read(CONTEXT_A, lambda c: c.fetchval("SELECT pg_sleep(0.1)")) for _ in range(3))
    )
    await kill_all(scratch, admin_url)
    await asyncio.gather(
        *(database.read(CONTEXT_A, lambda c: c.fetchval("SELECT 1")) for _ in range(6))
    )
    runs = {"read": 0, "write": 0}

    async def interrupted(one: asyncpg.Connection | Unit, door: str) -> int:
        runs[door] += 1
        if runs[door] == 1:
            await kill_all(scratch, admin_url)
        return await one.fetchval("SELECT 1")

    assert await database.read(CONTEXT_A, lambda c: interrupted(c, "read")) == 1
    assert await database.write(CONTEXT_A, lambda u: interrupted(u, "write")) == 1
    assert runs == {"read": 2, "write": 2}


async def test_backend_lost_for_good_is_unavailable(
    scratch: Scratch, test_server: TestServer, database: Database
) -> None:
    async def doomed(unit: Unit) -> None:
        await kill_all(scratch, test_server.admin_url)
        unit.session.add(MODELS[Book](tenant_id=A, title="lost"))
        await unit.session.flush()

    with pytest.raises(Unavailable) as refused:
        await database.write(CONTEXT_A, doomed)
    assert refused.value.code == "database"
    assert await database.read(CONTEXT_A, lambda c: c.fetchval("SELECT 1")) == 1


async def test_unreachable_server_is_unavailable() -> None:
    database = Database("postgresql://crm_app:x@/none?host=/nonexistent&port=5432")
    with pytest.raises(Unavailable):
        await database.read(CONTEXT_A, lambda c: c.fetchval("SELECT 1"))
    await database.dispose()


async def test_refused_login_to_the_server_is_unavailable(scratch: Scratch) -> None:
    wrong = scratch.url().replace("crm_app:", "crm_app:wrong", 1)
    database = Database(wrong)
    with pytest.raises(Unavailable):
        await database.write(CONTEXT_A, lambda unit: unit.fetchval("SELECT 1"))
    await database.dispose()


async def test_migration_under_a_running_server_is_survived(
    scratch: Scratch, owner: asyncpg.Connection
) -> None:
    """A statement that the connection remembers meets a table of another shape."""
    database = Database(scratch.url(), size=1)
    sql = "SELECT * FROM library_shelf WHERE tenant_id = $1"
    before = await database.read(CONTEXT_A, lambda c: c.fetch(sql, A))
    await owner.execute("ALTER TABLE library_shelf ADD extra text")
    after = await database.read(CONTEXT_A, lambda c: c.fetch(sql, A))
    assert len(after) == len(before)
    assert "extra" in dict(after[0])
    await owner.execute("ALTER TABLE library_shelf DROP extra")
    assert await database.write(CONTEXT_A, lambda u: u.fetch(sql, A)) == before
    await database.dispose()
