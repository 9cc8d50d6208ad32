"""The pytest plugin of the kernel's tests and of every plugin's: ``world`` and its people.

Activate it with ``pytest_plugins = ("core.testing.databases", "core.testing.kit")``.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from core.registry.loader import load
from core.testing.foreign_rows import leave_foreign_rows
from core.testing.servers import TestServer
from core.testing.world import Person, World, open_world

# What a run serves: all plugins that ship, and the one that uses each extension point; another
# list proves that the rest does without one.
PLUGINS = tuple(os.environ.get("CRM_TEST_PLUGINS", "customers,loyalty,dummy").split(","))
PACKAGES = {"dummy": "tests.dummy_plugin"}
# Shared worlds hold rows that no test made: what depends on their absence fails.
DIRTY = bool(os.environ.get("CRM_TEST_DIRTY"))
MakeWorld = Callable[..., Awaitable[World]]


@pytest.fixture(scope="session")
async def world(
    test_server: TestServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """The application that all tests of a worker share; make records of your own in it."""
    loaded = load(PLUGINS, PACKAGES)
    scratch = await test_server.migrated(loaded)
    opened = await open_world(scratch, tmp_path_factory.mktemp("world"), PLUGINS, PACKAGES)
    if DIRTY:
        await leave_foreign_rows(opened)
    yield opened
    await opened.close()
    await test_server.drop(scratch)


@pytest.fixture
async def make_world(test_server: TestServer, tmp_path: Path) -> AsyncIterator[MakeWorld]:
    """A function that opens an application of its own: other plugins, another configuration."""
    made: list[World] = []

    async def make(
        plugins: tuple[str, ...] = PLUGINS,
        packages: dict[str, str] = PACKAGES,
        config: str | None = None,
    ) -> World:
        scratch = await test_server.migrated(load(plugins, packages))
        folder = tmp_path / f"world{len(made)}"
        folder.mkdir()
        given = {} if config is None else {"config": config}
        opened = await open_world(scratch, folder, plugins, packages, **given)
        made.append(opened)
        return opened

    yield make
    for opened in made:
        await opened.close()
        await test_server.drop(opened.scratch)


@pytest.fixture(scope="session")
async def admin(world: World) -> Person:
    """The administrator of acme."""
    return await world.person("admin")


@pytest.fixture(scope="session")
async def staff(world: World) -> Person:
    """A member of acme's staff."""
    return await world.person("staff")


@pytest.fixture(scope="session")
async def stranger(world: World) -> Person:
    """The administrator of another tenant."""
    return await world.person("admin", tenant="globex")
