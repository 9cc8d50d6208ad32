"""What must hold of every plugin, asked of this one."""

from core.testing.contract import broken_rules, leaks, needed
from core.testing.kit import MakeWorld

PACKAGES = {"visits": "tests.guide_plugin"}


def test_plugin_meets_every_rule() -> None:
    assert broken_rules("visits", PACKAGES) == []


async def test_nobody_gets_or_changes_what_is_not_his(make_world: MakeWorld) -> None:
    world = await make_world(plugins=needed("visits", PACKAGES), packages=PACKAGES)
    assert await leaks(world, "visits") == []
