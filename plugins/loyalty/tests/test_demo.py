"""The demo points: explained by the ledger to the last one, and given once."""

from typing import Any

import pytest

from core.testing.world import World

pytestmark = pytest.mark.postgresql

BALANCES = """
SELECT count(*) AS customers, sum(c.loyalty_points) AS points,
       count(DISTINCT c.loyalty_tier) AS tiers,
       count(*) FILTER (WHERE c.loyalty_points <> coalesce(
         (SELECT sum(e.points) FROM loyalty_entry e
           WHERE e.tenant_id = $1 AND e.customer_id = c.id), 0)) AS wrong
  FROM customers_customer c WHERE c.tenant_id = $1
"""
ENTRIES = """
SELECT count(*) AS entries, count(*) FILTER (WHERE e.balance_after <>
         (SELECT sum(o.points) FROM loyalty_entry o WHERE o.tenant_id = $1
             AND o.customer_id = e.customer_id AND o.created_at <= e.created_at)) AS wrong
  FROM loyalty_entry e WHERE e.tenant_id = $1
"""


async def run(world: World, scale: float) -> None:
    for _, demo in world.platform.registry.demos:

        async def fill(unit: Any, run: Any = demo.run) -> None:
            await run(unit, world.tenant(), scale, lambda done, total: None)

        await world.system().write(fill)


async def test_demo_points_are_explained_by_the_ledger(make_world: Any) -> None:
    world = await make_world(("customers", "loyalty"), {})
    own = await world.plant("customers.customer")
    context = world.system()
    await run(world, 0.15)
    balances = await context.fetchrow(BALANCES, context.tenant.id)
    entries = await context.fetchrow(ENTRIES, context.tenant.id)
    assert (balances["customers"], balances["tiers"], balances["wrong"]) == (301, 4, 0)
    assert entries["entries"] > 1000
    assert entries["wrong"] == 0
    await run(world, 0.15)
    assert await context.fetchrow(BALANCES, context.tenant.id) == balances
    assert await context.fetchrow(ENTRIES, context.tenant.id) == entries
    assert (
        await context.fetchval(
            "SELECT loyalty_points FROM customers_customer c WHERE c.tenant_id = $1 AND c.id = $2",
            context.tenant.id,
            own,
        )
        == 0
    )
