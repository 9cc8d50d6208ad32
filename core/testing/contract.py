"""What must hold of every plugin, for its own tests to ask: each question answers with a list."""

from collections.abc import Mapping

from core.cli.plugins.plugin_check import closure, problems
from core.testing.probes import Prober, names, open_stage, person
from core.testing.probes.attacks import entities
from core.testing.world import World


def needed(plugin: str, packages: Mapping[str, str]) -> tuple[str, ...]:
    """Return the plugin and everything it requires: what a world of its own is made of."""
    return tuple(closure(plugin, dict(packages)))


def broken_rules(plugin: str, packages: Mapping[str, str]) -> list[str]:
    """Return what ``crm plugin check`` says: imports, page, migrations; nothing is good."""
    return problems(plugin, dict(packages))


async def leaks(world: World, plugin: str) -> list[str]:
    """Return what anybody got or changed of the plugin's records that is not theirs.

    Every route of its entities is asked as every principal for records of every kind: their own,
    those of the other side, in the trash, of another tenant, and for ids that do not exist.
    """
    registry = world.platform.registry
    own = tuple(e for e in registry.entities.values() if e.plugin == plugin)
    found: list[str] = []
    for name in names(registry):
        stage = await open_stage(world)  # rows of their own: the one before changed some of theirs
        prober = Prober(stage, await person(stage, name))
        await prober.open()
        await entities(prober, own)
        await prober.unchanged("the last GETs")
        await prober.close()
        found += prober.findings
    return found
