"""Every route by every principal and id: no token of another's, no write by a refusal, one 404."""

import json
from pathlib import Path

import pytest

from core.testing.kit import MakeWorld
from core.testing.probes import Prober, everything, names, open_stage, person
from tests.contract.subjects import REGISTRY

pytestmark = pytest.mark.probe
PEOPLE = names(REGISTRY)


def one_per_scope() -> set[str]:
    """Return a principal for each scope that a grant has: what the server enforces differs."""
    roles = {grant.scope: grant.role for grant in reversed(REGISTRY.grants)}
    return {f"{role}_a" for role in roles.values()} & set(PEOPLE)


SCOPED = one_per_scope()
LEAST_PROBES = 5_000


@pytest.fixture(scope="session")
def tally(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A folder of this run that its workers share: how much each principal asked."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if hasattr(request.config, "workerinput") else base) / "probes"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.postgresql) if n in SCOPED else n for n in PEOPLE],
)
async def test_nobody_gets_or_changes_what_is_not_theirs(
    name: str, make_world: MakeWorld, tally: Path
) -> None:
    world = await make_world()
    stage = await open_stage(world)
    prober = Prober(stage, await person(stage, name))
    await prober.open()
    await everything(prober)
    await prober.close()
    assert not prober.findings, "\n".join(prober.findings)
    _note(tally, prober)


def _note(tally: Path, prober: Prober) -> None:
    """Add what one principal asked; the last one judges the whole."""
    reached = [list(place) for place in prober.reached]
    file = tally / f"{prober.who.name}.json"
    file.write_text(json.dumps({"count": prober.count, "reached": reached}))
    if len(list(tally.iterdir())) == len(PEOPLE):
        _whole_run(tally, {(r.method, r.path) for r in prober.routes})


def _whole_run(tally: Path, routes: set[tuple[str, str]]) -> None:
    """After the last principal: every route was reached by somebody, and there were enough."""
    found = [json.loads(path.read_text()) for path in tally.iterdir()]
    reached = {(method, path) for one in found for method, path in one["reached"]}
    assert routes - reached == set()
    assert sum(one["count"] for one in found) >= LEAST_PROBES
