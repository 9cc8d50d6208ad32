"""Every list costs the same number of statements for one row and for three."""

import json
from pathlib import Path

from core.model.entities import Declaration
from core.model.fields import Field
from core.testing.kit import MakeWorld
from core.testing.probes.dataset import in_order
from core.testing.query_log import query_log
from core.testing.world import Person, World
from tests.contract.subjects import REGISTRY, SERVED

# The context, the list, the end. What costs more says so, with its number, in the file.
LEAST = 3
BUDGETS: dict[str, int] = json.loads((Path(__file__).parent / "query_counts.json").read_text())
LISTED = [entity for entity in SERVED if "list" in entity.verbs]
Costs = dict[str, list[int]]


async def cost(world: World, who: Person, path: str) -> int:
    """Return how many statements a request takes once everything is compiled and cached."""
    assert (await world.ask(who, "GET", path)).status_code == 200
    with query_log(world) as statements:
        answer = await world.ask(who, "GET", path)
    assert answer.status_code == 200
    return len(statements)


async def list_costs(world: World, who: Person, entity: Declaration) -> Costs:
    """Return the statements of each kind of list, with one row and with three."""
    expand = ",".join(f.name.removesuffix("_id") for f in links(entity))
    resource = f"/api/{entity.resource}/"
    addresses = {
        "list": resource,
        "cursor": f"{resource}?cursor=",
        "expand": f"{resource}?expand={expand}" if expand else resource,
    }
    costs: Costs = {kind: [] for kind in addresses}
    for count in (1, 3):
        while await _rows(world, entity) < count:
            await world.plant(entity.name)
        for kind, path in addresses.items():
            costs[kind].append(await cost(world, who, path))
    return costs


def links(entity: Declaration) -> list[Field]:
    return [f for f in entity.fields.values() if f.kind == "link" and not f.system]


async def test_lists_cost_the_same_for_one_row_and_for_three(make_world: MakeWorld) -> None:
    """Targets of links come first, so that no entity has rows before its turn."""
    world = await make_world()
    who = await world.person("admin")
    growing, expensive = {}, {}
    for entity in in_order(REGISTRY):
        if "list" in entity.verbs:
            costs = await list_costs(world, who, entity)
            budget = BUDGETS.get(entity.name, LEAST)
            most = {"list": budget, "cursor": budget, "expand": budget + len(links(entity))}
            if any(few != many for few, many in costs.values()):
                growing[entity.name] = costs
            if any(costs[kind][0] > most[kind] for kind in most):
                expensive[entity.name] = (costs, most)
    assert growing == {}
    assert expensive == {}


async def _rows(world: World, entity: Declaration) -> int:
    sql = f"SELECT count(*) FROM {entity.table} x WHERE x.tenant_id = $1"
    return int(await world.system().fetchval(sql, world.tenant().id))


def test_budgets_are_alive_and_needed() -> None:
    assert set(BUDGETS) <= {entity.name for entity in LISTED}
    assert all(budget > LEAST for budget in BUDGETS.values())
