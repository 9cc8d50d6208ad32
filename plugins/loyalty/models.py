"""What loyalty adds to a customer, and the ledger behind it."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import String
from sqlalchemy.orm import Mapped

from core.plugin import (
    Aggregate,
    Entity,
    NamedFilter,
    Through,
    choice,
    entity,
    extend,
    field,
    link,
)
from plugins.customers.models import Customer


class Kind(StrEnum):
    """Why points moved."""

    EARNED = "earned"
    REDEEMED = "redeemed"
    ADJUSTED = "adjusted"


def by_level(value: str) -> dict[str, object]:
    """Return the criteria of ``?loyalty_level=Gold``: a tier, however it is written."""
    return {"field": "loyalty_tier", "op": "=", "value": value.strip().lower()}


@entity(
    label="Points entry",
    plural="Points entries",
    title="reason",
    resource="loyalty-entries",
    columns=("created_at", "customer", "kind", "points", "balance_after", "reason"),
    filters=("customer", "kind", "key"),
    verbs=("list", "view"),  # written by services.py alone, never changed
    indexed=(("created_at",), ("customer_id", "created_at")),
    scopes={
        "company": Through(
            entity="customers.company_link",
            local="customer_id",
            here="customer_id",
            there="company_id",
        ),
        "own": "customer_id",
    },
    subject="customer_id",
)
class Entry(Entity):
    """One movement of points. A customer's balance is the sum of the points of his entries."""

    customer_id: Mapped[UUID] = link(Customer, label="Customer", on_delete="cascade")
    kind: Mapped[Kind] = choice(Kind, label="Kind")
    requested: Mapped[int] = field(
        label="Requested", help="What was asked for, before the balance set a bound."
    )
    points: Mapped[int] = field(label="Points", sort=True, help="What was applied.")
    balance_after: Mapped[int] = field(label="Balance after")
    reason: Mapped[str] = field(String(200), label="Reason", default="", pii="free_text")
    key: Mapped[str | None] = field(
        String(100),
        label="Key",
        unique=True,
        audience=("staff",),
        help="Names the event, so that it counts once.",
    )


@extend(
    Customer,
    indexed=(("loyalty_points",), ("loyalty_tier", "created_at")),
    aggregates=(
        Aggregate(
            key="total_loyalty_points",
            label="Loyalty points",
            function="sum",
            field="loyalty_points",
        ),
        Aggregate(key="customers_by_tier", label="Customers by tier", by="loyalty_tier"),
    ),
    named_filters=(
        NamedFilter(
            key="loyalty_level", label="Loyalty level", uses=("loyalty_tier",), criteria=by_level
        ),
    ),
)
class Balance:
    """A customer's points and tier. The ledger is the truth; these are its running totals."""

    loyalty_points: Mapped[int] = field(
        label="Points",
        default=0,
        readonly=True,
        sort=True,
        filter=True,
        mobile=True,
        pii="behaviour",
    )
    loyalty_tier: Mapped[str] = choice(
        "loyalty.tiers", label="Tier", default="bronze", readonly=True, mobile=True
    )
