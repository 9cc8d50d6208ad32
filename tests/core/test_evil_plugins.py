"""Plugins that break the rules: each is refused at start or contained, and named (H1-H8)."""

import asyncio
import logging
import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from litestar import Litestar

from core.access.rights import SYSTEM
from core.cli.connection import Database as CliDatabase
from core.config import ConfigFile
from core.database.connections import Database, Unit
from core.database.refusals import has_answer
from core.errors import Rejected, StartRefused, Unavailable
from core.registry import hooks as hooks_module
from core.registry.hookspecs import Change
from core.registry.loader import load
from core.runtime.transaction_settings import transaction_settings
from core.server import supervisor
from core.server.app import build, open_platform
from core.testing.servers import MakeScratch, Scratch
from core.testing.world import CONFIG
from tests.core.fill import fill
from tests.evil_plugins import load_evil
from tests.evil_plugins.evil_own_connection import services

pytestmark = pytest.mark.postgresql

EVIL = "tests.evil_plugins"
PROJECT = Path(__file__).parents[2]


async def start(scratch: Scratch, folder: Path, *names: str, **packages: str) -> Litestar:
    """Do what serving does: load, judge the catalogue, compose the routes."""
    path = folder / "crm.toml"
    path.write_text(CONFIG.format(installed=", ".join(f'"{name}"' for name in names)))
    file = ConfigFile(path, environ={"CRM_HOME": str(folder / "var")})
    known = {name: packages.get(name, f"{EVIL}.{name}") for name in names}
    platform = await open_platform(file, scratch.url(), known)
    try:
        return build(platform)
    finally:
        await platform.database.dispose()


# --- schema: the revisions are in test_migrate.py; here what was put there by other hands

PLANTED = {
    "raw table": ("evil_note", "CREATE TABLE evil_note (tenant_id uuid, id uuid)"),
    "missing policy": ("core_setting", "DROP POLICY core_setting_tenant ON core_setting"),
    "permissive policy": ("evil_all", "CREATE POLICY evil_all ON core_user USING (true)"),
    "global unique": ("evil_mail", "CREATE UNIQUE INDEX evil_mail ON core_user (email)"),
}


@pytest.mark.parametrize("flaw", PLANTED)
async def test_server_does_not_start_over_a_flawed_schema(
    make_scratch: MakeScratch, tmp_path: Path, flaw: str
) -> None:
    """H1, A8: the process refuses to serve and names the object."""
    scratch = await make_scratch(load_evil())
    what, sql = PLANTED[flaw]
    await scratch.run(sql)
    with pytest.raises(StartRefused, match=what):
        await start(scratch, tmp_path)


async def test_server_starts_without_a_quarantined_plugin(
    make_scratch: MakeScratch, tmp_path: Path
) -> None:
    """H4: its migration never ran to its end; the rest serves."""
    scratch = await make_scratch(load_evil())
    names = ("evil_bad_migration", "evil_unreadable_migration")
    path = tmp_path / "crm.toml"
    path.write_text(CONFIG.format(installed=", ".join(f'"{name}"' for name in names)))
    file = ConfigFile(path, environ={"CRM_HOME": str(tmp_path / "var")})
    packages = {name: f"{EVIL}.{name}" for name in names}
    platform = await open_platform(file, scratch.url(), packages)
    assert platform.quarantined == set(names)
    build(platform)
    await platform.database.dispose()


# --- loading


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("evil_misspelt_hook", r"evil_misspelt_hook/hooks\.py.*before_wriet"),
        ("evil_plain_hook", r"plugin 'evil_plain_hook': before_write must be async def"),
        ("evil_register", r"plugin 'evil_register': register_roles failed: IndexError"),
        ("evil_shadowed_entity", r"evil_shadowed_entity\.note: /api/users is taken by core\.user"),
    ],
)
def test_plugin_is_refused_when_it_is_loaded(name: str, message: str) -> None:
    """H3, H7: nothing is silently ignored."""
    with pytest.raises(StartRefused, match=message):
        load_evil(name)


def test_unlisted_plugin_is_never_imported() -> None:
    """H8: lying there is not enough."""
    load([], {"evil_register": f"{EVIL}.evil_register"})
    assert f"{EVIL}.evil_raw_table" not in sys.modules


# --- routes


@pytest.mark.parametrize(
    ("name", "package", "message"),
    [
        ("evil_unguarded_route", "evil_unguarded_route",
         r"plugin 'evil_unguarded_route': route GET .*/notes/all names no permission"),
        ("evil_public_route", "evil_public_route", r"plugin 'evil_public_route': .*public=True"),
        ("users", "evil_shadowed_path", r"plugin 'users': route /api/users is taken by"),
        ("evil_reserved_entity", "evil_reserved_entity", r"evil_reserved_entity.*/api/auth"),
    ],
)  # fmt: skip
async def test_route_is_refused_at_start(
    make_scratch: MakeScratch, tmp_path: Path, name: str, package: str, message: str
) -> None:
    """H3: default deny, and one path has one owner."""
    packages = {name: f"{EVIL}.{package}"}
    scratch = await make_scratch(load([name], packages))
    with pytest.raises(StartRefused, match=message):
        await start(scratch, tmp_path, name, **packages)


# --- hooks


async def write(database: Database, deed: str) -> None:
    """Write a setting, then ask the evil hook, as the kernel does around each write."""
    hooks = load_evil("evil_raising_hook").hooks.for_plugins(
        {"core", "evil_raising_hook"}, has_answer
    )
    tenant = uuid.UUID(int=1)

    async def run(unit: Unit) -> None:
        await unit.execute(
            "INSERT INTO core_setting (tenant_id, kind, name, value) VALUES ($1, 'k', $2, '1')",
            tenant, deed,
        )  # fmt: skip
        change = Change(entity="evil.note", verb="create", ids=(), values={"name": deed})
        await hooks.before("before_write", tenant=None, actor=None, change=change, unit=unit)

    await database.write(transaction_settings(tenant, SYSTEM, "*"), run)


@pytest.fixture
async def tenants(make_scratch: MakeScratch) -> Scratch:
    scratch = await make_scratch(load_evil())
    owner = await scratch.connect("crm_owner")
    for number in (1, 2):
        await fill(owner, uuid.UUID(int=number))
    await owner.close()
    return scratch


@pytest.fixture
def log() -> Iterator[list[structlog.typing.EventDict]]:
    """What is logged, although the suite is quiet."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET))
    with structlog.testing.capture_logs() as entries:
        yield entries
    structlog.configure(**before)


@pytest.mark.parametrize("deed", ["raise", "recurse", "sleep", "wrong sql", "conflict", "reject"])
async def test_hook_that_raises_fails_closed(
    tenants: Scratch,
    deed: str,
    log: list[structlog.typing.EventDict],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """H2: the write is undone; the log names the plugin, the answer does not; never a 500."""
    monkeypatch.setattr(hooks_module, "SECONDS", 0.2)
    database = Database(tenants.url())
    with pytest.raises((Unavailable, Rejected)) as no:
        await write(database, deed)
    expected = {"reject": "rejected", "conflict": "busy"}.get(deed, "plugin_failed")
    assert (no.value.code, no.value.status) == (expected, 409 if deed == "reject" else 503)
    assert "evil" not in no.value.detail
    assert "secret" not in no.value.detail
    named = [entry for entry in log if entry.get("plugin") == "evil_raising_hook"]
    assert bool(named) == (expected == "plugin_failed")
    await write(database, "nothing")
    owner = await tenants.connect("crm_owner")
    names = await owner.fetch("SELECT name FROM core_setting WHERE kind = 'k'")
    assert [row["name"] for row in names] == ["nothing"]
    await owner.close()
    await database.dispose()


def test_hook_that_narrows_rows_fails_closed() -> None:
    """H2: no opinion is not what an exception means."""
    hooks = load_evil("evil_raising_hook").hooks
    with pytest.raises(Unavailable) as no:
        list(hooks.ask("visible_rows", tenant=None, actor=None, entity="core.unseen"))
    assert (no.value.code, "secret" in no.value.detail) == ("plugin_failed", False)


def test_hook_of_a_tenant_that_has_the_plugin_off_is_silent() -> None:
    hooks = load_evil("evil_raising_hook").hooks.for_plugins({"core"}, has_answer)
    assert list(hooks.ask("visible_rows", tenant=None, actor=None, entity="core.unseen")) == []


# --- its own connection


async def test_own_connection_reads_no_foreign_row(tenants: Scratch) -> None:
    """H5: with all that a serving process knows, a plugin is the app role without a tenant."""
    assert await services.steal(tenants.url("crm_app"), "core_user") == []
    assert len(await services.steal(tenants.url("crm_owner"), "core_user")) == 4


SEEN = "from tests.evil_plugins.evil_own_connection import services; print(*services.urls())"


async def test_owner_url_is_not_in_the_environment_of_a_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H5, A7: what `crm serve` gets for migrations stays with the parent."""
    monkeypatch.delenv("CRM_TEST_DATABASE_URL", raising=False)
    for name in supervisor.WITHHELD:
        monkeypatch.setenv(name, "postgresql://crm_owner:secret@/trellis")
    path = tmp_path / "crm.toml"
    path.write_text(
        CONFIG.format(installed="") + '[database]\nurl = "postgresql://crm_app@/trellis"\n'
    )
    config = ConfigFile(path, environ={"CRM_HOME": str(tmp_path)}).current
    database = CliDatabase(config, server=None)
    with supervisor._environment(config, database.app_url):
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SEEN, cwd=PROJECT, stdout=asyncio.subprocess.PIPE
        )
        seen, _ = await child.communicate()
    assert child.returncode == 0
    assert seen.split() == [b"CRM_DATABASE_URL"]
    assert set(supervisor.WITHHELD) <= set(os.environ)
