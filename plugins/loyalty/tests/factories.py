"""Customers with points, and how tests look at them."""

from typing import Any
from uuid import UUID

from core.testing.world import Person, World


async def customer(world: World, **values: Any) -> UUID:
    """Make a customer without points; return the id."""
    return await world.plant("customers.customer", **values)


async def move(world: World, who: Person, id: UUID, action: str, body: dict[str, Any]) -> Any:
    """Ask for a movement of points as ``who``."""
    return await world.ask(who, "POST", f"/api/customers/{id}/{action}/", body)


async def ledger(world: World, who: Person, id: UUID) -> list[dict[str, Any]]:
    """Return the entries of a customer, oldest first."""
    path = f"/api/loyalty-entries/?customer_id={id}&ordering=created_at&page_size=200"
    answer = await world.ask(who, "GET", path)
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]


async def state(world: World, who: Person, id: UUID) -> tuple[int, str]:
    """Return points and tier of a customer."""
    row = (await world.ask(who, "GET", f"/api/customers/{id}/")).json()
    return row["loyalty_points"], row["loyalty_tier"]
