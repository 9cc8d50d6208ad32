"""Visits, asked for as a client does."""

from typing import Any

from core.testing.kit import MakeWorld
from core.testing.world import Person, World

PLUGINS = ("customers", "visits")
PACKAGES = {"visits": "tests.guide_plugin"}


async def open_shop(make_world: MakeWorld) -> tuple[World, Person]:
    """Return a world with visits in it, and somebody who plans them."""
    world = await make_world(plugins=PLUGINS, packages=PACKAGES)
    return world, await world.person("staff")


async def plan(world: World, staff: Person, **customer: Any) -> Any:
    """Ask for a visit to a new customer."""
    id = await world.plant("customers.customer", **customer)
    body = {"customer_id": str(id), "purpose": "Offer", "planned_for": "2026-07-01T09:00:00Z"}
    return await world.ask(staff, "POST", "/api/visits/", json=body)


async def test_a_visit_is_held_once_and_the_customer_remembers(make_world: MakeWorld) -> None:
    world, staff = await open_shop(make_world)
    visit = (await plan(world, staff)).json()
    path = f"/api/visits/{visit['id']}/hold/"
    held = await world.ask(staff, "POST", path, json={"report": "Wants two."})
    assert held.status_code == 200, held.text
    assert held.json()["report"] == "Wants two."
    customer = await world.ask(staff, "GET", f"/api/customers/{visit['customer_id']}/")
    assert customer.json()["visits_last_at"] == held.json()["held_at"]
    again = await world.ask(staff, "POST", path, json={"report": "Wants three."})
    assert (again.status_code, again.json()["code"]) == (409, "held")


async def test_an_inactive_customer_is_not_visited(make_world: MakeWorld) -> None:
    world, staff = await open_shop(make_world)
    refused = await plan(world, staff, is_active=False)
    assert (refused.status_code, refused.json()["code"]) == (409, "inactive_customer")


async def test_another_tenant_finds_no_visit(make_world: MakeWorld) -> None:
    world, staff = await open_shop(make_world)
    visit = (await plan(world, staff)).json()
    foreign = await world.person("admin", tenant="globex")
    hidden = await world.ask(foreign, "GET", f"/api/visits/{visit['id']}/")
    assert hidden.status_code == 404
