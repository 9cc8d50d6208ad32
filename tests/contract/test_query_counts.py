"""Every list costs the same number of statements for one row and for three."""

import json
from pathlib import Path

import pytest

from core.model.entities import Declaration
from core.testing.kit import MakeWorld
from core.testing.query_log import sent
from core.testing.world import Person, World
from tests.contract.subjects import SERVED, named

# The context, the list, the end. What costs more says so, with its number, in the file.
LEAST = 3
BUDGETS: dict[str, int] = json.loads((Path(__file__).parent / "query_counts.json").read_text())
LISTED = [entity for entity in SERVED if "list" in entity.verbs]


@pytest.fixture
async def counted(make_world: MakeWorld) -> tuple[World, Person]:
    """An application with no rows but its administrator."""
    world = await make_world()
    return world, await world.person("admin")


async def cost(world: World, who: Person, path: str) -> int:
    """Return how many statements a request takes once everything is compiled and cached."""
    assert (await world.ask(who, "GET", path)).status_code == 200
    with sent(world) as seen:
        answer = await world.ask(who, "GET", path)
    assert answer.status_code == 200
    return len(seen)


@pytest.mark.parametrize("entity", LISTED, ids=named)
async def test_list_costs_the_same_for_one_row_and_for_three(
    entity: Declaration, counted: tuple[World, Person]
) -> None:
    world, who = counted
    links = [f for f in entity.fields.values() if f.kind == "link" and not f.system]
    expand = ",".join(f.name.removesuffix("_id") for f in links)
    expanding = f"?expand={expand}" if links else ""
    found: dict[str, list[int]] = {}
    await world.plant(entity.name)
    for wanted in (1, 3):
        while wanted > 1 and await _rows(world, entity) < wanted:
            await world.plant(entity.name)
        for name, path in {
            "list": f"/api/{entity.resource}/",
            "cursor": f"/api/{entity.resource}/?cursor=",
            "expand": f"/api/{entity.resource}/{expanding}",
        }.items():
            found.setdefault(name, []).append(await cost(world, who, path))
    assert all(few == many for few, many in found.values())
    budget = {
        "list": BUDGETS.get(entity.name, LEAST),
        "cursor": BUDGETS.get(entity.name, LEAST),
        "expand": BUDGETS.get(entity.name, LEAST) + len(links),
    }
    assert all(found[name][0] <= budget[name] for name in budget), (found, budget)


async def _rows(world: World, entity: Declaration) -> int:
    sql = f"SELECT count(*) FROM {entity.table} x WHERE x.tenant_id = $1"
    return int(await world.system().fetchval(sql, world.tenant().id))


def test_budgets_are_alive_and_needed() -> None:
    assert set(BUDGETS) <= {entity.name for entity in LISTED}
    assert all(budget > LEAST for budget in BUDGETS.values())
