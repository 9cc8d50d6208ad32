"""Chains per plugin: order, quarantine, resuming, two at once, absent plugins, purge (H4)."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from core.postgres.urls import driver_url
from core.registry.loader import LoadedPlugins
from core.schema.chains import head, pending, state
from core.schema.lints import findings
from core.schema.migrate import migrate, purge, tables_of
from core.testing.servers import MakeScratch, Scratch
from tests.evil_plugins import load_evil
from tests.sample_plugins import load_samples

pytestmark = pytest.mark.postgresql

PROJECT = Path(__file__).parents[2]
FINGERPRINT = """
SELECT 'column', attrelid::regclass::text, attname::text, format_type(atttypid, atttypmod)
       || attnotnull || coalesce(pg_get_expr(adbin, adrelid), '')
  FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
  LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
 WHERE relkind IN ('r', 'v') AND relnamespace = 'public'::regnamespace AND attnum > 0
   AND NOT attisdropped
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname::text, pg_get_constraintdef(oid)
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'index', tablename::text, indexname::text, indexdef FROM pg_indexes
 WHERE schemaname = 'public'
UNION ALL SELECT 'policy', tablename::text, policyname::text, concat(permissive, roles, qual)
  FROM pg_policies WHERE schemaname = 'public'
UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname::text, pg_get_triggerdef(oid)
  FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'function', '', oid::regprocedure::text, prosrc || coalesce(proacl::text, '')
  FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT 'table', relname::text, '', concat(relrowsecurity, relacl::text)
  FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""


async def fingerprint(scratch: Scratch) -> set[tuple[str, ...]]:
    """Return the schema as a set of facts."""
    owner = await scratch.connect("crm_owner")
    rows = await owner.fetch(FINGERPRINT)
    await owner.close()
    return {tuple(row) for row in rows}


async def ask(scratch: Scratch, sql: str) -> object:
    owner = await scratch.connect("crm_owner")
    found = await owner.fetchval(sql)
    await owner.close()
    return found


async def lint_as_app(scratch: Scratch, loaded: LoadedPlugins, left_out: set[str]) -> list[str]:
    engine = create_async_engine(driver_url(scratch.url()), poolclass=sa.NullPool)
    async with engine.connect() as connection:
        found = await findings(connection, loaded.registry, left_out)
    await engine.dispose()
    return found


async def test_chains_run_in_order_and_once(make_scratch: MakeScratch) -> None:
    """KER: one chain and one version table per plugin, in dependency order."""
    loaded = load_samples()
    scratch = await make_scratch()
    first = await migrate(scratch.url("crm_owner"), loaded.registry)
    assert [(o.plugin, o.before, o.error) for o in first] == [
        (name, None, None) for name in ("core", "library", "lending")
    ]
    again = await migrate(scratch.url("crm_owner"), loaded.registry)
    assert [(o.before, o.after) for o in again] == [(o.after, o.after) for o in first]
    stored = await state(scratch.url(), loaded.registry)
    assert stored["lending"] == ("lending_0002", "lending_0002")
    assert pending(stored, loaded.registry) == set()


async def test_extension_is_added_later_and_policies_follow(make_scratch: MakeScratch) -> None:
    """Ruling 11, ruling 12: a host that holds rows gains columns; policies are renewed."""
    scratch = await make_scratch(load_samples("library"))
    tenant = "00000000-0000-0000-0000-000000000001"
    await scratch.run(
        f"INSERT INTO core_tenant (id, slug, number) VALUES ('{tenant}', 't', 1)",
        f"INSERT INTO library_book (tenant_id, title) VALUES ('{tenant}', 'before')",
        "ALTER POLICY library_book_role ON library_book USING (true)",
        "DROP POLICY library_shelf_role ON library_shelf",
    )
    loaded = load_samples("library", "lending")
    await migrate(scratch.url("crm_owner"), loaded.registry)
    assert await lint_as_app(scratch, loaded, set()) == []
    assert await ask(scratch, "SELECT lending_count FROM library_book") == 0
    assert "crm_scopes" in await ask(
        scratch, "SELECT qual FROM pg_policies WHERE policyname = 'library_book_role'"
    )


async def test_plugin_missing_on_disk_blocks_no_other(make_scratch: MakeScratch) -> None:
    """KER, ruling 11: its columns and version table stay, and its host is written without it."""
    scratch = await make_scratch(load_samples())
    alone = load_samples("library")
    outcomes = await migrate(scratch.url("crm_owner"), alone.registry)
    assert [o.error for o in outcomes] == [None, None]
    assert await lint_as_app(scratch, alone, set()) == []
    stored = await state(scratch.url(), alone.registry)
    assert stored["lending"] == ("lending_0002", None)
    assert pending(stored, alone.registry) == set()
    tenant = "00000000-0000-0000-0000-000000000001"
    await scratch.run(
        f"INSERT INTO core_tenant (id, slug, number) VALUES ('{tenant}', 't', 1)",
        f"INSERT INTO library_book (tenant_id, title) VALUES ('{tenant}', 'alone')",
    )


EVIL = {
    "evil_raw_table": "evil_raw_table_note is neither a tenant table",
    "evil_missing_policy": "evil_missing_policy_note has no tenant policy",
    "evil_permissive_policy": "policy evil_permissive_policy_all on evil_permissive_policy_note",
    "evil_global_unique": "unique key evil_global_unique_code of table evil_global_unique_note",
    "evil_drops_kernel": "drops table core_setting, which is not evil_drops_kernel's",
    "evil_opens_kernel": "changes column core_user.email",
    "evil_unreadable_migration": "No module named 'no_such_package_anywhere'",
}


@pytest.mark.parametrize("name", EVIL)
async def test_evil_revision_leaves_nothing_behind(make_scratch: MakeScratch, name: str) -> None:
    """H1, H4: named and quarantined; the rest is at its head and passes the lint."""
    loaded = load_evil(name)
    scratch = await make_scratch(load_samples("library"))
    before = await fingerprint(scratch)
    outcomes = await migrate(scratch.url("crm_owner"), loaded.registry)
    assert [o.plugin for o in outcomes if o.error] == [name]
    assert EVIL[name] in str(outcomes[-1].error)
    assert outcomes[-1].after is None
    after = await fingerprint(scratch)
    assert {fact for fact in after ^ before if "alembic_version" not in str(fact)} == set()
    left_out = pending(await state(scratch.url(), loaded.registry), loaded.registry)
    assert left_out == {name}
    assert await lint_as_app(scratch, loaded, left_out) == []


async def test_failing_revision_keeps_the_ones_before_it(make_scratch: MakeScratch) -> None:
    """H4: half a data step is rolled back, the version table says how far the chain came."""
    loaded = load_evil("evil_bad_migration")
    scratch = await make_scratch()
    outcomes = await migrate(scratch.url("crm_owner"), loaded.registry)
    bad = outcomes[-1]
    assert (bad.plugin, bad.after) == ("evil_bad_migration", "evil_bad_migration_0001")
    assert "division by zero" in str(bad.error)
    columns = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'half'"
    assert await ask(scratch, columns) == 0
    assert pending(await state(scratch.url(), loaded.registry), loaded.registry) == {bad.plugin}


async def test_dependant_of_a_failed_plugin_is_quarantined_with_it(
    make_scratch: MakeScratch,
) -> None:
    scratch = await make_scratch()
    await scratch.run("CREATE TYPE library_shelf AS (n int)")
    outcomes = await migrate(scratch.url("crm_owner"), load_samples().registry)
    assert [(o.plugin, o.after) for o in outcomes if o.error] == [
        ("library", None),
        ("lending", None),
    ]
    assert outcomes[-1].error == "requires 'library', which failed"


async def test_two_migrations_at_once_take_turns(make_scratch: MakeScratch) -> None:
    """KER: under an advisory lock."""
    scratch = await make_scratch()
    registry = load_samples().registry
    found = await asyncio.gather(*(migrate(scratch.url("crm_owner"), registry) for _ in range(3)))
    assert not [o for outcomes in found for o in outcomes if o.error]
    assert sorted(o.before or "" for outcomes in found for o in outcomes) == sorted(
        ["", "", ""] + [o.after or "" for o in found[0]] * 2
    )


CHILD = """
import asyncio, sys
from core.schema.migrate import migrate
from tests.sample_plugins import load_samples
asyncio.run(migrate(sys.argv[1], load_samples().registry))
"""


async def test_killed_migration_is_resumed(make_scratch: MakeScratch) -> None:
    """KER: kill -9 inside the second revision of a chain; the first stays, the rest is made up."""
    scratch = await make_scratch()
    registry = load_samples().registry
    blocker = await scratch.connect("crm_owner")
    # The child stops at its first revision of "lending", which wants the table that we hold.
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, scratch.url("crm_owner"), cwd=PROJECT,
        env={"PATH": os.defpath, "PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock' AND query ~ 'ALTER TABLE library_book'"
    )
    while True:
        try:
            await blocker.execute("BEGIN; LOCK TABLE library_book IN ACCESS SHARE MODE")
            break
        except asyncpg.UndefinedTableError:
            await blocker.execute("ROLLBACK")
            await asyncio.sleep(0.005)
    watcher = await scratch.connect("crm_owner")
    while not await watcher.fetchval(waiting):
        assert child.returncode is None
        await asyncio.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    await child.wait()
    await blocker.close()
    await watcher.close()
    before = await state(scratch.url("crm_owner"), registry)
    assert before["library"][0] == "library_0001"
    assert before["lending"][0] is None
    outcomes = await migrate(scratch.url("crm_owner"), registry)
    assert [(o.plugin, o.error) for o in outcomes if o.before != o.after] == [("lending", None)]
    assert await lint_as_app(scratch, load_samples(), set()) == []


async def test_migration_gives_up_a_lock_that_it_cannot_have(make_scratch: MakeScratch) -> None:
    """H4: the tenants' traffic must not queue behind a waiting ALTER TABLE."""
    scratch = await make_scratch(load_samples("library"))
    registry = load_samples().registry
    reader = await scratch.connect("crm_owner")
    await reader.execute("BEGIN; LOCK TABLE library_book IN ACCESS SHARE MODE")
    begun = asyncio.get_running_loop().time()
    outcomes = await migrate(scratch.url("crm_owner"), registry)
    assert asyncio.get_running_loop().time() - begun < 10
    assert "lock timeout" in str(outcomes[-1].error)
    await reader.close()
    assert (await migrate(scratch.url("crm_owner"), registry))[-1].after == "lending_0002"


async def test_purge_takes_everything_and_up_again_gives_the_same(
    make_scratch: MakeScratch,
) -> None:
    """KER: up, down, up: the schema is the same."""
    loaded = load_samples()
    core = load_samples("library").registry.plugins["core"]
    scratch = await make_scratch()
    url = scratch.url("crm_owner")
    await migrate(url, load_evil().registry)
    bare = await fingerprint(scratch)
    await migrate(url, loaded.registry)
    full = await fingerprint(scratch)
    assert set(await tables_of(url, "lending")) == {
        "library_book.lending_count",
        "library_book.lending_terms",
    }
    assert {"library_shelf", "library_book", "core_user.library_shelf_id"} <= set(
        await tables_of(url, "library")
    )
    for name in ("lending", "library"):
        await purge(url, loaded.registry.plugins[name], loaded.registry)
    assert await fingerprint(scratch) == bare
    await migrate(url, loaded.registry)
    assert await fingerprint(scratch) == full
    assert head(core)


async def test_kernel_goes_down_and_up_again(make_scratch: MakeScratch) -> None:
    """Every revision of the kernel can be taken back."""
    registry = load_evil().registry
    scratch = await make_scratch()
    url = scratch.url("crm_owner")
    await migrate(url, registry)
    full = await fingerprint(scratch)
    await purge(url, registry.plugins["core"], registry)
    assert await fingerprint(scratch) == set()
    await migrate(url, registry)
    assert await fingerprint(scratch) == full
