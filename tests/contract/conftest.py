"""One seeded application per worker for the contracts that only need rows to look at."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from core.registry.loader import load
from core.testing.kit import PACKAGES, PLUGINS
from core.testing.probes import Prober, Stage, open_stage, person
from core.testing.servers import TestServer
from core.testing.world import open_world

MakeProber = Callable[[str], Awaitable[Prober]]


@pytest.fixture(scope="session")
async def stage(
    test_server: TestServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """Two tenants with two sides each, and a record of every entity on each."""
    scratch = await test_server.migrated(load(PLUGINS, PACKAGES))
    world = await open_world(scratch, tmp_path_factory.mktemp("stage"), PLUGINS, PACKAGES)
    yield await open_stage(world)
    await world.close()
    await test_server.drop(scratch)


@pytest.fixture
async def make_prober(stage: Stage) -> AsyncIterator[MakeProber]:
    """A function that lets a principal of the stage probe it."""
    made: list[Prober] = []

    async def make(name: str) -> Prober:
        await stage.renew()
        prober = Prober(stage, await person(stage, name))
        await prober.open()
        made.append(prober)
        return prober

    yield make
    for prober in made:
        await prober.close()
