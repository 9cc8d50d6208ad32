"""The generated plugin is an ordinary one: it keeps every rule, migrates, and is served."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.cli.plugins.plugin_check import problems
from core.testing.kit import MakeWorld
from tests.synthetic import FORMS, NAME, write_plugin

COUNT = 2 * len(FORMS)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield write_plugin(tmp_path / "written", COUNT, "synthetic_sample")
    for name in [n for n in sys.modules if n.partition(".")[0] == "synthetic_sample"]:
        del sys.modules[name]


def test_it_keeps_every_rule(packages: dict[str, str]) -> None:
    assert problems(NAME, packages) == []


async def test_it_is_migrated_and_served(packages: dict[str, str], make_world: MakeWorld) -> None:
    world = await make_world(("customers", NAME), packages)
    items = [e for e in world.platform.registry.entities.values() if e.plugin == NAME]
    assert len(items) == COUNT
    staff, seller = await world.person("staff"), await world.person("seller")
    for item in items:
        await world.plant(item.name)
        page = await world.ask(staff, "GET", f"/api/{item.resource}/")
        assert (page.status_code, page.json()["count"]) == (200, 1), page.text
        page = await world.ask(seller, "GET", f"/api/{item.resource}/")
        seen = 0 if item.scopes else 1  # a customer of no company of the seller's
        assert (page.status_code, page.json()["count"]) == (200, seen), page.text
    staged = [item for item in items if item.stage]
    assert len(staged) == COUNT // len(FORMS)
    record = await world.plant(staged[0].name)
    done = await world.ask(staff, "POST", f"/api/{staged[0].resource}/{record}/approve/", {})
    assert done.status_code == 200, done.text
    assert done.json()["approved"] == 1
