"""Customers with points, and how tests look at them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from core.testing.world import Person, World
from plugins.loyalty.models import Kind
from plugins.loyalty.schemas import Expired
from plugins.loyalty.services import ledger as books


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


async def last(world: World, who: Person, id: UUID) -> dict[str, Any]:
    """Return the latest entry of a customer."""
    return (await ledger(world, who, id))[-1]


async def state(world: World, who: Person, id: UUID) -> tuple[int, str]:
    """Return points and tier of a customer."""
    row = (await world.ask(who, "GET", f"/api/customers/{id}/")).json()
    return row["loyalty_points"], row["loyalty_tier"]


def day(number: int) -> datetime:
    """Return a day that no clock of a test run reaches."""
    return datetime(2200, 1, 1, tzinfo=UTC) + timedelta(days=number)


async def earn_until(world: World, id: UUID, points: int, end: datetime | None) -> str:
    """Give a customer points that end on a day; return the id of the entry."""

    async def give(unit: Any) -> Any:
        (row,) = (await books.lock(unit, world.tenant(), id)).values()
        entry = books.Entry(kind=Kind.EARNED, reason="Campaign")
        return await books.give(unit, world.tenant(), row, entry, (points, end))

    return str((await world.system().write(give)).entry_id)


async def expire(world: World, at: datetime) -> Expired:
    """Run the expiry of a day."""
    return await world.system().write(lambda unit: books.expire(unit, world.tenant(), at))


async def lots(world: World, who: Person, id: UUID) -> list[tuple[int, int, int | None]]:
    """Return (points, remaining, day of the end) of a customer's lots, the first to end first."""
    path = f"/api/loyalty-lots/?customer_id={id}&ordering=expires_at,created_at&page_size=200"
    answer = await world.ask(who, "GET", path)
    assert answer.status_code == 200, answer.text
    return [
        (
            row["points"],
            row["remaining"],
            row["expires_at"] and (datetime.fromisoformat(row["expires_at"]) - day(0)).days,
        )
        for row in answer.json()["results"]
    ]
