"""From balances to lots: what was there before goes on, to the last point."""

import importlib
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy.ext.asyncio import create_async_engine

from core.testing.world import World
from plugins.loyalty.tests.factories import customer, ledger, lots, move, state

pytestmark = pytest.mark.postgresql

REVISION = importlib.import_module("plugins.loyalty.migrations.0002_lots")
WRITE = """
INSERT INTO loyalty_entry (tenant_id, customer_id, kind, requested, points, balance_after, reason,
                           key)
VALUES (:tenant, :id, :kind, :points, :points, :balance, 'Order', :key)
"""
SET = """
UPDATE customers_customer c SET loyalty_points = :points WHERE c.tenant_id = :tenant AND c.id = :id
"""


async def as_owner(world: World, *steps: Callable[[sa.Connection], None]) -> None:
    """Run steps in one transaction of the owner, with Alembic's operations at hand."""
    url = world.scratch.url("crm_owner").replace("postgresql://", "postgresql+asyncpg://")
    engine = create_async_engine(url, poolclass=sa.NullPool)

    def run(sync: sa.Connection) -> None:
        with Operations.context(MigrationContext.configure(sync)):
            for step in steps:
                step(sync)

    async with engine.begin() as connection:
        await connection.run_sync(run)
    await engine.dispose()


async def test_balances_become_lots(make_world: Any) -> None:
    """Old redemptions can be reversed, old keys still count once, balances are lots."""
    world = await make_world(("customers", "loyalty"), {})
    admin = await world.person("admin")
    rich, empty, new = [await customer(world) for _ in range(3)]
    tenant = world.tenant().id

    def before(sync: sa.Connection) -> None:
        entries = (
            (rich, "earned", 50, 50, "order-1"),
            (rich, "redeemed", -20, 30, None),
            (empty, "earned", 10, 10, None),
            (empty, "adjusted", -10, 0, None),
        )
        for id, kind, points, balance, key in entries:
            given = {"id": id, "kind": kind, "points": points, "balance": balance, "key": key}
            sync.execute(sa.text(WRITE), given | {"tenant": tenant})
        sync.execute(sa.text(SET), {"tenant": tenant, "id": rich, "points": 30})

    await as_owner(world, lambda _: REVISION.downgrade(), before, lambda _: REVISION.upgrade())
    assert await lots(world, admin, rich) == [(50, 30, None)]
    assert await lots(world, admin, empty) == [(10, 0, None)]
    assert await lots(world, admin, new) == []
    taken = next(e for e in await ledger(world, admin, rich) if e["kind"] == "redeemed")
    body = {"entry_id": taken["id"], "reason": "Refund"}
    assert (await move(world, admin, rich, "reverse_points", body)).status_code == 200
    assert await lots(world, admin, rich) == [(50, 50, None)]
    again = {"points": 50, "reason": "Order", "key": "order-1"}
    assert (await move(world, admin, rich, "earn", again)).status_code == 200
    assert await state(world, admin, rich) == (50, "bronze")
    answer = await move(world, admin, rich, "earn", again | {"points": 51})
    assert (answer.status_code, answer.json()["code"]) == (409, "key_used")
    await move(world, admin, rich, "redeem_points", {"points": 50, "reason": "Farewell"})
    assert await state(world, admin, rich) == (0, "bronze")


async def test_way_back_keeps_sums(make_world: Any) -> None:
    """The entries of kinds that are gone become adjustments: each balance is still explained."""
    world = await make_world(("customers", "loyalty"), {})
    admin = await world.person("admin")
    id = await customer(world)
    await move(world, admin, id, "earn", {"points": 50, "reason": "Order"})
    (entry,) = await ledger(world, admin, id)
    body = {"entry_id": entry["id"], "points": 20, "reason": "Refund"}
    await move(world, admin, id, "reverse_points", body)
    found: list[Any] = []

    def look(sync: sa.Connection) -> None:
        sql = "SELECT kind, sum(points) FROM loyalty_entry GROUP BY kind ORDER BY kind"
        found.extend(tuple(row) for row in sync.execute(sa.text(sql)))

    await as_owner(world, lambda _: REVISION.downgrade(), look)
    assert found == [("adjusted", -20), ("earned", 50)]
