"""Customers over REST, and what belongs to them."""

from typing import Any
from uuid import uuid4

from core.testing.world import Person, World

CUSTOMERS = "/api/customers/"
HOUSE = {
    "line1": "Jl. Thamrin No. 1",
    "city": "Jakarta",
    "province": "jakarta",
    "postal_code": "10310",
    "country": "id",
}


def somebody(**values: Any) -> dict[str, Any]:
    """Return the body of a new customer."""
    return {"name": "Jane Smith", "email": f"jane-{uuid4().hex}@example.com", **values}


async def made(world: World, who: Person, path: str = CUSTOMERS, **values: Any) -> dict[str, Any]:
    """Create a record over REST and return it; a customer gets a name and an e-mail."""
    body = somebody(**values) if path == CUSTOMERS else values
    answer = await world.ask(who, "POST", path, body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def act(
    world: World, who: Person, id: Any, action: str, body: dict[str, Any] | None = None
) -> Any:
    """Ask for an action on a customer; return the answer."""
    return await world.ask(who, "POST", f"{CUSTOMERS}{id}/{action}/", body or {})


async def read_json(world: World, who: Person, path: str) -> dict[str, Any]:
    """Return what is at ``path``."""
    answer = await world.ask(who, "GET", path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def pointers(answer: Any) -> list[str]:
    """Return which fields an answer finds wrong, sorted; it must be a 400."""
    assert answer.status_code == 400, answer.text
    return sorted(error["pointer"] for error in answer.json()["errors"])
