"""What a start costs and what an idle server holds, as shipped and with generated entities."""

import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.postgres import embedded
from tests import synthetic
from tests.bench.machine import ROOT
from tests.bench.prepared import Prepared
from tests.bench.processes import command_cost, idle_memory, start_cost

pytestmark = pytest.mark.bench
ROUNDS = 5
START_LIMITS = {0: 2.0, 50: 3.0, 100: 4.0}
SERVE_MEGABYTES, UP_MEGABYTES, HELP_SECONDS = 130, 140, 0.4


@pytest.fixture
def server(tmp_path: Path) -> Iterator[embedded.Server]:
    """A database that runs before and after the server that is measured."""
    server = embedded.ensure(tmp_path / "home")
    yield server
    server.leave()
    embedded.drop(server.paths.home)


def environment(
    folder: Path, server: embedded.Server, count: int, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Migrate the shipped plugins and ``count`` generated entities; return the environment."""
    text = (ROOT / "crm.toml").read_text()
    env = {"CRM_HOME": str(server.paths.home), "CRM_CONFIG": str(folder / "crm.toml")}
    if count:
        synthetic.write_plugin(folder / "plugin", count, f"synthetic_{count}")
        env["PYTHONPATH"] = str(folder / "plugin")
        text = text.replace('["customers", "loyalty"]', '["customers", "loyalty", "synthetic"]')
    (folder / "crm.toml").write_text(text)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    prepared = Prepared(server.paths.home, folder / "crm.toml", server)
    prepared.crm("db", "init")
    prepared.crm("db", "migrate")
    return env


def median(measure: Callable[[], float]) -> float:
    """Return the median of several rounds; one before them compiles and warms."""
    measure()
    return statistics.median(measure() for _ in range(ROUNDS))


def show(name: str, value: float, limit: float, unit: str) -> None:
    """Print one line of the table."""
    verdict = "reached" if value <= limit else "NOT REACHED"
    print(f"\n{name:<48} {value:7.2f} {unit} (asked <= {limit}) {verdict}")


@pytest.mark.parametrize("count", START_LIMITS)
def test_a_start(
    tmp_path: Path, server: embedded.Server, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processor time of ``crm serve``, parent and worker, until it is ready."""
    env = environment(tmp_path, server, count, monkeypatch)
    cost = median(lambda: start_cost(("serve",), env))
    show(f"crm serve until ready, {count} more entities", cost, START_LIMITS[count], "s CPU")


def test_idle_memory(
    tmp_path: Path, server: embedded.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PSS of ``crm serve`` and of ``crm up`` with one worker, PostgreSQL left out."""
    env = environment(tmp_path, server, 0, monkeypatch)
    serve = median(lambda: idle_memory(("serve",), env))
    show("idle crm serve, one worker", serve, SERVE_MEGABYTES, "MB PSS")
    up = median(lambda: idle_memory(("up", "--scale", "0.01"), env))
    show("idle crm up, one worker", up, UP_MEGABYTES, "MB PSS")


def test_the_help() -> None:
    """Processor time of ``crm --help``."""
    show("crm --help", median(lambda: command_cost(("--help",))), HELP_SECONDS, "s CPU")
