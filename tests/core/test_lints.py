"""Each flaw of a schema, planted: the lint names the object (A1, A6, A7, A8, H1, access.md 6)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from core.errors import StartRefused
from core.postgres.urls import driver_url
from core.schema.catalogue import RULES
from core.schema.lints import EXEMPT_INDEXES, GLOBAL_TABLES, findings, refuse_unfit_catalogue
from core.testing.servers import MakeScratch, Scratch, TestServer
from tests.sample_plugins import load_samples

pytestmark = pytest.mark.postgresql

LOADED = load_samples()

# A table as a plugin's author might make it by hand, without and with the kernel's walls.
RAW = "CREATE TABLE {} (tenant_id uuid NOT NULL, id uuid NOT NULL, PRIMARY KEY (tenant_id, id))"
TENANT = "nullif(current_setting('app.tenant_id', true), '')::uuid"
VIEW = "CREATE VIEW evil_view {} AS SELECT * FROM library_book"
DEFINER = (
    "CREATE FUNCTION evil_rows() RETURNS bigint LANGUAGE sql SECURITY DEFINER {}"
    " AS 'SELECT count(*) FROM public.library_book'"
)
CLOSE = "REVOKE ALL ON FUNCTION evil_rows() FROM PUBLIC"
PINNED = "SET search_path = pg_catalog, pg_temp"


def walled(name: str) -> str:
    """Return SQL that makes a table as ``tenant_table`` does, but append-only and bare."""
    return "; ".join(
        (
            RAW.format(name),
            f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY",
            f"CREATE POLICY {name}_base ON {name} TO crm_app USING (true) WITH CHECK (true)",
            f"CREATE POLICY {name}_tenant ON {name} AS RESTRICTIVE TO crm_app"
            f" USING (tenant_id = {TENANT})",
            f"GRANT SELECT, INSERT ON {name} TO crm_app",
        )
    )


def policy(name: str, rest: str) -> str:
    """Return SQL that replaces a policy of library_book."""
    return f"DROP POLICY {name} ON library_book; CREATE POLICY {name} ON library_book {rest}"


FLAWS = {
    # --- tables
    "raw table": ("stray_table", "evil_raw", "CREATE TABLE evil_raw (id uuid PRIMARY KEY)"),
    "table in another schema": (
        "stray_table",
        "evil.hidden",
        f"CREATE SCHEMA evil; {RAW.format('evil.hidden')}",
    ),
    "no row security": (
        "row_security",
        "library_book",
        "ALTER TABLE library_book DISABLE ROW LEVEL SECURITY",
    ),
    "FORCE": ("forced", "library_book", "ALTER TABLE library_book FORCE ROW LEVEL SECURITY"),
    "null tenant": (
        "tenant_column",
        "evil_null",
        f"{walled('evil_null')}; ALTER TABLE evil_null DROP CONSTRAINT evil_null_pkey;"
        " ALTER TABLE evil_null ALTER tenant_id DROP NOT NULL",
    ),
    "text tenant": (
        "tenant_column",
        "evil_text",
        "CREATE TABLE evil_text (tenant_id text PRIMARY KEY)",
    ),
    "no touch trigger": (
        "touch_trigger",
        "library_book",
        "DROP TRIGGER library_book_touch ON library_book",
    ),
    "touch trigger off": (
        "touch_trigger",
        "library_book",
        "ALTER TABLE library_book DISABLE TRIGGER library_book_touch",
    ),
    "touch trigger with a condition": (
        "touch_trigger",
        "library_book",
        "DROP TRIGGER library_book_touch ON library_book;"
        " CREATE TRIGGER library_book_touch BEFORE UPDATE ON library_book FOR EACH ROW"
        " WHEN (NEW.pages > 3) EXECUTE FUNCTION crm_touch()",
    ),
    "touch trigger of one column": (
        "touch_trigger",
        "library_book",
        "DROP TRIGGER library_book_touch ON library_book;"
        " CREATE TRIGGER library_book_touch BEFORE UPDATE OF pages ON library_book"
        " FOR EACH ROW EXECUTE FUNCTION crm_touch()",
    ),
    "update granted on an append-only table": (
        "touch_trigger",
        "library_reading",
        "GRANT UPDATE (reason) ON library_reading TO crm_app",
    ),
    "serial": (
        "sequence",
        "evil_serial_n_seq",
        f"{walled('evil_serial')}; ALTER TABLE evil_serial ADD n serial",
    ),
    "identity": (
        "sequence",
        "evil_identity_n_seq",
        f"{walled('evil_identity')};"
        " ALTER TABLE evil_identity ADD n bigint GENERATED ALWAYS AS IDENTITY",
    ),
    "rewrite rule": (
        "rewrite_rule",
        "evil_rule on library_book",
        "CREATE RULE evil_rule AS ON DELETE TO library_book DO INSTEAD NOTHING",
    ),
    # --- policies
    "missing tenant policy": (
        "tenant_policy",
        "library_book",
        "DROP POLICY library_book_tenant ON library_book",
    ),
    "tenant policy that is permissive": (
        "tenant_policy",
        "library_book_tenant",
        policy("library_book_tenant", f"TO crm_app USING (tenant_id = {TENANT})"),
    ),
    "tenant policy that lets everything in": (
        "tenant_policy",
        "library_book_tenant",
        policy("library_book_tenant", "AS RESTRICTIVE TO crm_app USING (true)"),
    ),
    "tenant policy that checks no new row": (
        "tenant_policy",
        "library_book_tenant",
        policy(
            "library_book_tenant",
            f"AS RESTRICTIVE TO crm_app USING (tenant_id = {TENANT}) WITH CHECK (true)",
        ),
    ),
    "tenant policy for SELECT only": (
        "tenant_policy",
        "library_book_tenant",
        policy(
            "library_book_tenant",
            f"AS RESTRICTIVE FOR SELECT TO crm_app USING (tenant_id = {TENANT})",
        ),
    ),
    "tenant policy for another role": (
        "tenant_policy",
        "library_book_tenant",
        policy(
            "library_book_tenant", f"AS RESTRICTIVE TO crm_auditor USING (tenant_id = {TENANT})"
        ),
    ),
    "missing role policy": (
        "role_policy",
        "library_book_role",
        "DROP POLICY library_book_role ON library_book",
    ),
    "role policy that was widened": (
        "role_policy",
        "library_book_role",
        "ALTER POLICY library_book_role ON library_book USING (true)",
    ),
    "role policy without its comment": (
        "role_policy",
        "library_book_role",
        "COMMENT ON POLICY library_book_role ON library_book IS NULL",
    ),
    "permissive policy": (
        "strange_policy",
        "evil_open",
        "CREATE POLICY evil_open ON library_book TO crm_app USING (true)",
    ),
    "policy on a table of no tenant": (
        "strange_policy",
        "evil_open on core_tenant",
        "CREATE POLICY evil_open ON core_tenant USING (true)",
    ),
    # --- keys
    "foreign key without tenant": (
        "foreign_key",
        "evil_link",
        "CREATE UNIQUE INDEX evil_id ON library_shelf (id);"
        " ALTER TABLE library_book ADD CONSTRAINT evil_link"
        " FOREIGN KEY (shelf_id) REFERENCES library_shelf (id)",
    ),
    "foreign key that crosses the tenant": (
        "foreign_key",
        "evil_link",
        "CREATE UNIQUE INDEX evil_id ON library_shelf (tenant_id, created_by);"
        " ALTER TABLE library_book ADD CONSTRAINT evil_link"
        " FOREIGN KEY (shelf_id, tenant_id) REFERENCES library_shelf (tenant_id, created_by)",
    ),
    "on delete set null": (
        "on_delete",
        "evil_link",
        "ALTER TABLE library_book ADD CONSTRAINT evil_link FOREIGN KEY (tenant_id, shelf_id)"
        " REFERENCES library_shelf (tenant_id, id) ON DELETE SET NULL",
    ),
    "global unique constraint": (
        "unique",
        "evil_code",
        "ALTER TABLE library_shelf ADD CONSTRAINT evil_code UNIQUE (code)",
    ),
    "global unique index": (
        "unique",
        "evil_code",
        "CREATE UNIQUE INDEX evil_code ON library_shelf (lower(code), tenant_id)",
    ),
    "primary key that begins with id": (
        "unique",
        "evil_key_pkey",
        "CREATE TABLE evil_key (tenant_id uuid NOT NULL, id uuid PRIMARY KEY)",
    ),
    "no primary key": (
        "primary_key",
        "evil_heap",
        "CREATE TABLE evil_heap (tenant_id uuid NOT NULL)",
    ),
    "index without tenant": (
        "index",
        "evil_pages",
        "CREATE INDEX evil_pages ON library_book (pages)",
    ),
    # --- the audit (C1, ruling 12)
    "trigger switched off": (
        "audit_trigger",
        "UPDATE on table library_book",
        "ALTER TABLE library_book DISABLE TRIGGER crm_g_audit_update_library_book",
    ),
    "trigger dropped": (
        "audit_trigger",
        "DELETE on table library_book",
        "DROP TRIGGER crm_g_audit_delete_library_book ON library_book",
    ),
    "function that may not write": (
        "audit_trigger",
        "INSERT on table library_book",
        "ALTER FUNCTION crm_g_audit_insert_library_book() SECURITY INVOKER",
    ),
    "column that the audit does not know": (
        "audit_column",
        "library_book.unseen",
        "ALTER TABLE library_book ADD COLUMN unseen text",
    ),
    # --- other ways in
    "view of the owner": ("view", "evil_view", VIEW.format("")),
    "view with security_invoker off": (
        "view",
        "evil_view",
        VIEW.format("WITH (security_invoker = off)"),
    ),
    "materialised view": (
        "copy",
        "evil_copy",
        "CREATE MATERIALIZED VIEW evil_copy AS SELECT * FROM library_book;"
        " GRANT SELECT ON evil_copy TO crm_app",
    ),
    "column of a materialised view": (
        "copy",
        "evil_copy",
        "CREATE MATERIALIZED VIEW evil_copy AS SELECT * FROM library_book;"
        " GRANT SELECT (title) ON evil_copy TO PUBLIC",
    ),
    "definer without search_path": (
        "definer_path",
        "evil_rows()",
        f"{DEFINER.format('')}; {CLOSE}",
    ),
    "definer that a temporary table deceives": (
        "definer_path",
        "evil_rows()",
        f"{DEFINER.format('SET search_path = pg_catalog, public')}; {CLOSE}",
    ),
    "definer for everybody": ("definer_public", "evil_rows()", DEFINER.format(PINNED)),
    "truncate granted": (
        "grant",
        "TRUNCATE on library_book",
        "GRANT TRUNCATE ON library_book TO crm_app",
    ),
    "references granted on a column": (
        "grant",
        "REFERENCES on library_book",
        "GRANT REFERENCES (id) ON library_book TO crm_app",
    ),
    "trigger granted": ("grant", "TRIGGER", "GRANT TRIGGER ON core_tenant TO crm_app"),
    "writes on a table of no tenant": (
        "global_grant",
        "INSERT on core_tenant",
        "GRANT INSERT ON core_tenant TO crm_app",
    ),
    "revision writable": (
        "global_grant",
        "alembic_version_core",
        "GRANT UPDATE (version_num) ON alembic_version_core TO crm_app",
    ),
    "granted to everybody": (
        "public_grant",
        "SELECT on library_book",
        "GRANT SELECT ON library_book TO PUBLIC",
    ),
    "schema open to everybody": (
        "public_grant",
        "schema public",
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
    ),
    "application may create objects": (
        "role",
        "may create objects in public",
        "GRANT CREATE ON SCHEMA public TO crm_app",
    ),
    # --- the dictionary
    "declared column that does not exist": (
        "missing_column",
        "library_book.pages",
        "ALTER TABLE library_book DROP COLUMN pages",
    ),
    "key that does not exist": (
        "missing_column",
        "library_book.title_key",
        "ALTER TABLE library_book DROP COLUMN title_key",
    ),
    "column of another type": (
        "wrong_type",
        "declared as integer but is bigint",
        "ALTER TABLE library_book ALTER pages TYPE bigint",
    ),
    "column that nobody declared": (
        "unknown_column",
        "library_book.evil_secret",
        "ALTER TABLE library_book ADD evil_secret text",
    ),
    "extension that its host cannot be written without": (
        "added_column",
        "library_book.lending_count",
        "ALTER TABLE library_book ALTER lending_count DROP DEFAULT",
    ),
    "entity without table": (
        "missing_table",
        "library.reading",
        "DROP TABLE library_reading",
    ),
}
ROLES = {
    "superuser": ("is a superuser", "ALTER ROLE crm_app SUPERUSER"),
    "bypassrls": ("has BYPASSRLS", "ALTER ROLE crm_app BYPASSRLS"),
    "createrole": ("has CREATEROLE", "ALTER ROLE crm_app CREATEROLE"),
    "member of the owner": ("may become crm_owner", "GRANT crm_owner TO crm_app"),
}


@pytest.fixture(scope="module")
async def sample(test_server: TestServer) -> AsyncIterator[Scratch]:
    scratch = await test_server.migrated(LOADED)
    yield scratch
    await test_server.drop(scratch)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(driver_url(url), poolclass=sa.NullPool)
    async with engine.connect() as connection:
        yield connection
        await connection.rollback()
    await engine.dispose()


@pytest.fixture
async def owner(sample: Scratch) -> AsyncIterator[AsyncConnection]:
    """The owner's connection; whatever is planted on it is rolled back."""
    async with connected(sample.url("crm_owner")) as connection:
        yield connection


@pytest.fixture
async def admin(sample: Scratch) -> AsyncIterator[AsyncConnection]:
    """The superuser's connection; whatever is planted on it is rolled back."""
    async with connected(sample.url("postgres")) as connection:
        yield connection


async def plant(connection: AsyncConnection, sql: str) -> list[str]:
    """Run ``sql`` and return what the lint finds."""
    for statement in sql.split("; "):
        await connection.exec_driver_sql(statement)
    return await findings(connection, LOADED.registry)


def named(problems: list[str], rule: str, what: str) -> bool:
    """Return whether ``rule`` found the object ``what``."""
    return any(one.endswith(f"[{rule}]") and what in one for one in problems)


async def test_well_behaved_plugins_pass_for_owner_and_application(sample: Scratch) -> None:
    """The lint needs nothing but the catalogue, so the serving role can run it."""
    for role in ("crm_owner", "crm_app"):
        async with connected(sample.url(role)) as connection:
            assert await findings(connection, LOADED.registry) == []
    async with connected(sample.url()) as connection:
        await refuse_unfit_catalogue(connection, LOADED.registry)


@pytest.mark.parametrize("flaw", FLAWS)
async def test_planted_flaw_is_named(owner: AsyncConnection, flaw: str) -> None:
    """A8, H1 and ruling 1: FORCE is as wrong as no row security."""
    rule, what, sql = FLAWS[flaw]
    found = await plant(owner, sql)
    assert named(found, rule, what), found


@pytest.mark.parametrize("flaw", ROLES)
async def test_powerful_application_role_is_refused(admin: AsyncConnection, flaw: str) -> None:
    """A7."""
    what, sql = ROLES[flaw]
    assert named(await plant(admin, sql), "role", what)


async def test_other_owner_is_refused(admin: AsyncConnection) -> None:
    """Ruling 1: the owner of a table is not bound by its row security."""
    found = await plant(
        admin,
        "ALTER TABLE library_book OWNER TO crm_app; ALTER FUNCTION crm_check OWNER TO postgres",
    )
    assert named(found, "owner", "library_book belongs to crm_app")
    assert named(found, "owner", "function crm_check(uuid,integer) belongs to postgres")


async def test_foreign_table_for_the_application_is_refused(admin: AsyncConnection) -> None:
    """A8."""
    found = await plant(
        admin,
        "CREATE FOREIGN DATA WRAPPER evil_wrapper; CREATE SERVER evil_server FOREIGN DATA WRAPPER"
        " evil_wrapper; CREATE FOREIGN TABLE evil_far (id uuid) SERVER evil_server;"
        " GRANT SELECT ON evil_far TO crm_app",
    )
    assert named(found, "copy", "evil_far")


async def test_partition_needs_walls_of_its_own(owner: AsyncConnection) -> None:
    """A8: asked by its own name, a child answers without its parent's row security."""
    found = await plant(
        owner,
        "CREATE TABLE evil_parts (tenant_id uuid NOT NULL, id uuid NOT NULL,"
        " PRIMARY KEY (tenant_id, id)) PARTITION BY HASH (tenant_id);"
        " CREATE TABLE evil_part PARTITION OF evil_parts FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
    )
    assert named(found, "row_security", "evil_part ")


async def test_objects_of_extensions_are_left_alone(admin: AsyncConnection) -> None:
    """An operator's pg_trgm has functions and its views are not ours to judge."""
    assert await plant(admin, "CREATE EXTENSION pg_trgm") == []


async def test_columns_of_a_plugin_missing_on_disk_stay(
    sample: Scratch, owner: AsyncConnection
) -> None:
    """KER: a plugin taken off disk blocks nobody."""
    assert await findings(owner, load_samples("library").registry) == []
    assert await findings(owner, load_samples("library", "lending").registry) == []


async def test_every_rule_has_its_flaw() -> None:
    """A rule that no test plants a flaw for may have stopped to work."""
    planted = {rule for rule, _, _ in FLAWS.values()} | {"role", "owner", "copy"}
    assert {rule.name for rule in RULES} == planted


async def test_no_exemption_is_stale(owner: AsyncConnection) -> None:
    for index in EXEMPT_INDEXES:
        key = await owner.scalar(sa.text(f"SELECT pg_get_indexdef('{index}'::regclass, 1, true)"))
        assert key != "tenant_id"
    for table in GLOBAL_TABLES:
        assert await owner.scalar(sa.text(f"SELECT to_regclass('{table}') IS NOT NULL"))


async def test_start_is_refused_with_every_object_named(make_scratch: MakeScratch) -> None:
    """KER: the process refuses to serve and names the object."""
    scratch = await make_scratch(LOADED)
    await scratch.run(FLAWS["permissive policy"][2], FLAWS["global unique index"][2])
    async with connected(scratch.url("crm_app")) as connection:
        with pytest.raises(StartRefused, match="evil_code") as refused:
            await refuse_unfit_catalogue(connection, LOADED.registry)
    assert "evil_open" in str(refused.value)


@pytest.mark.parametrize("role", ["crm_owner", "postgres"])
async def test_start_as_owner_or_superuser_is_refused(sample: Scratch, role: str) -> None:
    """A7, ruling 1."""
    async with connected(sample.url(role)) as connection:
        with pytest.raises(StartRefused, match="must not serve"):
            await refuse_unfit_catalogue(connection, LOADED.registry)
