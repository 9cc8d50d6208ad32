"""All about one customer at once, each part as the caller may see it (CUS-10)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from core.plugin import Connection, Context, NotFound, visible_records

CUSTOMER = "customers.customer"
LATEST = 10
Part = list[dict[str, Any]] | None


class Activity(msgspec.Struct, frozen=True):
    """What a customer has done so far; null where the caller may not see it."""

    customer_since: datetime
    total_orders: int | None
    total_spent: str | None
    average_order_value: float | None
    last_order_date: datetime | None
    days_since_last_order: int | None


class Profile(msgspec.Struct, frozen=True):
    """A customer with what belongs to them; a part is null where the caller may see none of it."""

    customer: dict[str, Any]
    contacts: Part
    addresses: Part
    company: dict[str, Any] | None
    companies: Part
    salesperson: dict[str, Any] | None
    purchases: Part
    figures: Activity


async def detailed_profile(
    ctx: Context, connection: Connection, record: Mapping[str, Any], values: None
) -> Profile:
    """Return the customer's record and its surroundings, one statement per part."""

    async def part(name: str, field: str, value: Any, **how: Any) -> Part:
        where = {"field": field, "op": "=", "value": str(value)}
        return await visible_records(ctx, connection, name, where, **how)

    id = record["id"]
    found = await part(CUSTOMER, "id", id, detail=True)
    if not found:
        raise NotFound
    customer = found[0]
    contacts = await part("customers.contact", "customer_id", id, ordering="name")
    addresses = await part("customers.address", "customer_id", id)
    purchases = await part(
        "customers.purchase", "customer_id", id, ordering="-ordered_at", limit=LATEST
    )
    company = await _one(part, "customers.company", customer.get("company_id"))
    salesperson = await _one(part, "core.user", customer.get("salesperson_id"))
    return Profile(
        customer=customer,
        contacts=contacts,
        addresses=addresses,
        company=company,
        companies=await _companies(ctx, connection, id),
        salesperson=salesperson,
        purchases=purchases,
        figures=_activity(customer, datetime.now(UTC)),
    )


async def _one(part: Any, name: str, id: Any) -> dict[str, Any] | None:
    rows = None if id is None else await part(name, "id", id)
    return rows[0] if rows else None


async def _companies(ctx: Context, connection: Connection, id: Any) -> Part:
    """Return the companies that the customer buys from, as far as the caller sees the links."""
    where = {"field": "customer_id", "op": "=", "value": str(id)}
    links = await visible_records(ctx, connection, "customers.company_link", where)
    if not links:
        return links
    ids = [str(link["company_id"]) for link in links]
    among = {"field": "id", "op": "in", "value": ids}
    return await visible_records(ctx, connection, "customers.company", among, ordering="name")


def _activity(customer: Mapping[str, Any], now: datetime) -> Activity:
    last = customer.get("last_order_date")
    return Activity(
        customer_since=customer["created_at"],
        total_orders=customer.get("total_orders"),
        total_spent=customer.get("total_spent"),
        average_order_value=customer.get("average_order_value"),
        last_order_date=last,
        days_since_last_order=None if last is None else max((now - last).days, 0),
    )
