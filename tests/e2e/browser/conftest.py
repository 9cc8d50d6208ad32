"""One Chromium per session, and one application served to it over HTTP with people of all roles."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from granian.constants import Interfaces
from granian.server.embed import Server
from playwright.async_api import Browser, async_playwright

from core.registry.loader import load
from core.testing.kit import PACKAGES, PLUGINS
from core.testing.probes import Stage, open_stage
from core.testing.servers import TestServer
from core.testing.world import World, open_world
from tests.e2e.browser.visiting import Site

CHROMIUM = Path("/usr/bin/chromium")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave these tests out where there is no browser, and say so."""
    here = Path(__file__).parent
    if not CHROMIUM.exists():
        missing = pytest.mark.skip(reason="needs Debian's Chromium: apt-get install chromium")
        for item in items:
            if here in item.path.parents:
                item.add_marker(missing)


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The one browser of this worker."""
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield found
        await found.close()


async def serve(world: World) -> AsyncIterator[Site]:
    """Serve a world on a free port of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    server = Server(
        world.app, port=port, interface=Interfaces.ASGINL, log_enabled=False, websockets=False
    )
    serving = asyncio.create_task(server.serve())
    await _answers(port)
    yield Site(world, port)
    server.stop()
    await asyncio.wait_for(serving, 30)


async def _answers(port: int) -> None:
    for _ in range(100):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise AssertionError("the server did not start")


@pytest.fixture(scope="session")
async def stage(
    test_server: TestServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """Two tenants with records of every entity."""
    async for found in _stage(test_server, tmp_path_factory.mktemp("screens")):
        yield found


@pytest.fixture(scope="module")
async def own_stage(
    test_server: TestServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """The same for the tests of one file, which may fill it as they like."""
    async for found in _stage(test_server, tmp_path_factory.mktemp("own")):
        yield found


async def _stage(server: TestServer, folder: Path) -> AsyncIterator[Stage]:
    scratch = await server.migrated(load(PLUGINS, PACKAGES))
    world = await open_world(scratch, folder, PLUGINS, PACKAGES)
    yield await open_stage(world)
    await world.close()
    await server.drop(scratch)


@pytest.fixture(scope="session")
async def site(stage: Stage) -> AsyncIterator[Site]:
    """The stage's application, served."""
    async for found in serve(stage.world):
        yield found
