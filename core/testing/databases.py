"""Fixtures of real databases: one server per run, one template per set of plugins, copies of it.

The server is the embedded one, or the external one that ``CRM_TEST_DATABASE_URL`` (a superuser's
URL) names. Activate it with ``pytest_plugins = ("core.testing.databases",)``.
"""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from core.postgres import embedded
from core.postgres.blocking import finish
from core.postgres.cluster_paths import ROLES
from core.postgres.embedded import Unusable
from core.registry.loader import LoadedPlugins
from core.testing.servers import MakeScratch, Scratch, TestServer

EXTERNAL = os.environ.get("CRM_TEST_DATABASE_URL")
_PASSWORDS = {role: f"test-{role}" for role in ROLES}


def _worker() -> str:
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


def _embedded(home: Path) -> Iterator[TestServer]:
    server = embedded.ensure(home)
    made = TestServer(server.url("postgres", "postgres"), server.passwords, _worker())
    # A throw-away server: what a crash would lose is made again by the next run.
    finish(made.admin("ALTER SYSTEM SET fsync = off"))
    finish(made.admin("SELECT pg_reload_conf()"))
    yield made
    finish(made.drop_templates())
    server.leave()
    try:
        embedded.drop(home)
    except Unusable:
        return  # another worker still uses it, and the last one removes it


@pytest.fixture(scope="session")
def test_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestServer]:
    """The server of this run; several workers share it."""
    if EXTERNAL:
        made = TestServer(EXTERNAL, _PASSWORDS, _worker())
        yield made
        finish(made.drop_templates())
        return
    folder = tmp_path_factory.getbasetemp()
    yield from _embedded((folder.parent if _worker() != "main" else folder) / "home")


@pytest.fixture
async def make_scratch(test_server: TestServer) -> AsyncIterator[MakeScratch]:
    """A function that makes a database, migrated for ``loaded`` or empty, for one test."""
    made: list[Scratch] = []

    async def make(loaded: LoadedPlugins | None = None) -> Scratch:
        fresh = await (test_server.migrated(loaded) if loaded else test_server.empty())
        made.append(fresh)
        return fresh

    yield make
    for scratch in made:
        await test_server.drop(scratch)
