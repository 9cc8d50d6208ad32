"""The demo customers: as many as promised, the same on every run, at home in their region."""

from typing import Any

import pytest

from core.testing.world import World
from plugins.customers import demo
from plugins.customers.geography.rules import Lines, normalize_address

pytestmark = pytest.mark.postgresql

TOTALS = """
SELECT count(*) AS customers, count(*) FILTER (WHERE c.is_vip) AS vips,
       count(*) FILTER (WHERE NOT c.is_active) AS idle, count(DISTINCT c.type) AS types,
       count(DISTINCT c.city) AS cities, max(c.version) AS version,
       min(c.created_at) AS since, max(c.created_at) AS until, sum(c.total_spent) AS spent
  FROM customers_customer c WHERE c.tenant_id = $1 AND substr(c.id::text, 15, 1) = '5'
"""

BELONGINGS = """
SELECT (SELECT count(*) FROM customers_contact c WHERE c.tenant_id = $1) AS contacts,
       (SELECT count(*) FROM customers_contact c WHERE c.tenant_id = $1 AND c.is_primary) AS firsts,
       (SELECT count(*) FROM customers_company o
         WHERE o.tenant_id = $1 AND o.kind = 'customer') AS firms,
       (SELECT count(*) FROM customers_customer c
         WHERE c.tenant_id = $1 AND c.company_id IS NOT NULL) AS employed,
       (SELECT count(DISTINCT a.customer_id) FROM customers_address a
         WHERE a.tenant_id = $1 AND a.latitude IS NOT NULL) AS placed
"""
ADDRESSES = """
SELECT a.country, a.province, a.city, a.postal_code, a.line1 FROM customers_address a
 WHERE a.tenant_id = $1
"""


async def run(world: World, slug: str, scale: float) -> list[tuple[int, int]]:
    told: list[tuple[int, int]] = []

    async def fill(unit: Any) -> None:
        told.clear()
        await demo.fill(
            unit, world.tenant(slug), scale, lambda done, total: told.append((done, total))
        )

    await world.system(slug).write(fill)
    return told


async def test_demo_fills_once(make_world: Any) -> None:
    world = await make_world(("customers",), {})
    seller = await world.person("seller", email="seller@acme.example")
    customer = await world.person("customer", email="customer@acme.example")
    context = world.system()
    assert await run(world, "acme", 0.3) == [(500, 600), (600, 600)]
    first = await context.fetchrow(TOTALS, context.tenant.id)
    assert (first["customers"], first["types"], first["cities"]) == (600, 4, 10)
    assert 0 < first["vips"] < 60
    assert 0 < first["idle"] < 120
    assert (first["until"] - first["since"]).days > 700
    belongings = await context.fetchrow(BELONGINGS, context.tenant.id)
    assert belongings["placed"] == 600
    assert 100 < belongings["firsts"] < belongings["contacts"] < 600
    assert belongings["firms"] + 10 < belongings["employed"] < 300
    await run(world, "acme", 0.3)
    assert await context.fetchrow(TOTALS, context.tenant.id) == first
    assert await context.fetchrow(BELONGINGS, context.tenant.id) == belongings
    users = await context.fetch(
        "SELECT u.id, u.customers_company_id AS company, u.customers_customer_id AS customer"
        " FROM core_user u WHERE u.tenant_id = $1",
        context.tenant.id,
    )
    found = {str(row["id"]): row for row in users}
    assert found[str(seller.id)]["company"] is not None
    assert found[str(customer.id)]["customer"] is not None


@pytest.mark.parametrize("slug", ["acme", "globex"])
async def test_demo_addresses_keep_the_rules(make_world: Any, slug: str) -> None:
    """ADR-01"""
    world = await make_world(("customers",), {})
    await run(world, slug, 0.1)
    context = world.system(slug)
    rows = await context.fetch(ADDRESSES, context.tenant.id)
    assert len(rows) >= 30
    for row in rows:
        lines = Lines(**dict(row))
        assert normalize_address(lines) == (lines, [])


async def test_demo_speaks_the_tenants_language(make_world: Any) -> None:
    world = await make_world(("customers",), {})
    await run(world, "globex", 0.1)
    context = world.system("globex")
    row = await context.fetchrow(
        "SELECT count(*) AS count, bool_and(c.phone LIKE '+1%') AS phones,"
        " bool_and(c.currency = 'USD') AS dollars, count(c.salesperson_id) AS sold"
        " FROM customers_customer c WHERE c.tenant_id = $1",
        context.tenant.id,
    )
    assert tuple(row) == (30, True, True, 0)
