"""Every route × principal × id: no token of another's row, no write by a refusal, one 404."""

import pytest

from core.testing.kit import MakeWorld
from core.testing.probes import Prober, open_stage
from core.testing.probes.attacks import everything
from core.testing.probes.people import names, person
from tests.contract.subjects import REGISTRY

pytestmark = pytest.mark.probe


@pytest.mark.parametrize("name", names(REGISTRY))
async def test_nobody_gets_or_changes_what_is_not_his(name: str, make_world: MakeWorld) -> None:
    world = await make_world()
    stage = await open_stage(world)
    prober = Prober(stage, await person(stage, name))
    await prober.open()
    await everything(prober)
    await prober.close()
    print(name, prober.count)
    assert not prober.findings, "\n".join(prober.findings)
