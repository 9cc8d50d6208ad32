"""What loyalty adds to a customer, the ledger behind it, and what points are given for."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped

from core.plugin import Aggregate, Entity, NamedFilter, Through, choice, entity, extend, field, link
from plugins.customers.models import Customer

TIERS = "loyalty.tiers"
READ = ("list", "view")
OF_CUSTOMER: dict[str, str | Through] = {
    "company": Through(
        entity="customers.company_link",
        local="customer_id",
        here="customer_id",
        there="company_id",
    ),
    "own": "customer_id",
}


class Kind(StrEnum):
    """Why points moved."""

    EARNED = "earned"
    REDEEMED = "redeemed"
    ADJUSTED = "adjusted"
    EXPIRED = "expired"
    REVERSED = "reversed"
    TRANSFERRED = "transferred"
    RETIERED = "retiered"


class Status(StrEnum):
    """Where a redemption is: promised, handed over, or taken back."""

    ISSUED = "issued"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"


def by_level(value: str) -> dict[str, object]:
    """Return the criteria of ``?loyalty_level=Gold``: a tier, however it is written."""
    return {"field": "loyalty_tier", "op": "=", "value": value.strip().lower()}


@entity(
    label="Tier version",
    plural="Tier versions",
    icon="award",
    menu=None,
    title="number",
    resource="loyalty-tier-versions",
    columns=("number", "tiers", "valid_from"),
    order="-number",
    verbs=READ,  # written when the setting has changed, never again
)
class TierVersion(Entity):
    """The thresholds of the tiers, in force from ``valid_from`` until the next number."""

    number: Mapped[int] = field(label="Number", unique=True, sort=True)
    tiers: Mapped[dict[str, Any]] = field(JSONB, label="Tiers")
    valid_from: Mapped[datetime] = field(DateTime(timezone=True), label="Valid from")


@entity(
    label="Points entry",
    plural="Points entries",
    icon="coins",
    menu=None,
    title="reason",
    resource="loyalty-entries",
    columns=("created_at", "customer", "kind", "points", "balance_after", "tier_after", "reason"),
    filters=("customer", "kind", "key", "transfer"),
    verbs=READ,  # written by services alone, never changed
    indexed=(("created_at",), ("customer_id", "created_at")),
    scopes=OF_CUSTOMER,
    subject="customer_id",
)
class Entry(Entity):
    """One movement of points. A customer's balance is the sum of the points of their entries."""

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
    tier_before: Mapped[str | None] = choice(TIERS, label="Tier before", filter=False)
    tier_after: Mapped[str | None] = choice(TIERS, label="Tier after", filter=False)
    tier_version: Mapped[int | None] = field(
        label="Tier version", help="The number of the thresholds that were applied."
    )
    reverses_id: Mapped[UUID | None] = link(
        "loyalty.entry", label="Reverses", on_delete="cascade", help="What this entry takes back."
    )
    transfer: Mapped[str | None] = field(
        String(36), label="Transfer", help="Names the two entries of a transfer."
    )


@entity(
    label="Lot of points",
    plural="Lots of points",
    icon="archive",
    menu=None,
    title="expires_at",
    resource="loyalty-lots",
    columns=("customer", "points", "remaining", "expires_at", "created_at"),
    filters=("customer", "remaining"),
    verbs=READ,
    indexed=(("expires_at",), ("customer_id", "expires_at")),
    scopes=OF_CUSTOMER,
    subject="customer_id",
)
class Lot(Entity):
    """Points that came together and end together; what remains of all lots is the balance."""

    customer_id: Mapped[UUID] = link(Customer, label="Customer", on_delete="cascade")
    entry_id: Mapped[UUID | None] = link(Entry, label="Opened by", on_delete="cascade")
    remaining: Mapped[int] = field(label="Remaining", default=0, sort=True)
    points: Mapped[int] = field(label="Points")
    expires_at: Mapped[datetime | None] = field(
        DateTime(timezone=True), label="Expires at", filter=True, sort=True
    )


@entity(
    label="Part of a lot",
    plural="Parts of lots",
    icon="archive",
    menu=None,
    title="points",
    resource="loyalty-parts",
    columns=("customer", "entry", "lot", "points", "created_at"),
    verbs=READ,
    scopes=OF_CUSTOMER,
    subject="customer_id",
)
class Part(Entity):
    """What an entry took from a lot or put back: a lot's points and its parts make what remains."""

    customer_id: Mapped[UUID] = link(Customer, label="Customer", on_delete="cascade")
    entry_id: Mapped[UUID] = link(Entry, label="Entry", on_delete="cascade")
    lot_id: Mapped[UUID] = link(Lot, label="Lot", on_delete="cascade")
    points: Mapped[int] = field(label="Points")


@entity(
    label="Reward",
    plural="Rewards",
    icon="gift",
    menu=60,
    title="name",
    resource="loyalty-rewards",
    columns=("name", "points", "stock", "minimum_tier", "is_active", "valid_until"),
    search=("name",),
    filters=("name", "is_active"),
    order="points",
    indexed=(("points",), ("is_active", "points")),
)
class Reward(Entity):
    """What points are given for. The stock never falls below zero; without one it never ends."""

    name: Mapped[str] = field(String(150), label="Name", sort=True, mobile=True)
    description: Mapped[str | None] = field(Text, label="Description")
    points: Mapped[int] = field(
        label="Price in points", sort=True, filter=True, mobile=True, minimum=1, maximum=2**31 - 1
    )
    stock: Mapped[int | None] = field(
        label="Stock", minimum=0, maximum=2**31 - 1, help="Empty: there is always one more."
    )
    is_active: Mapped[bool] = field(label="Active", default=True, mobile=True)
    valid_from: Mapped[datetime | None] = field(DateTime(timezone=True), label="Valid from")
    valid_until: Mapped[datetime | None] = field(DateTime(timezone=True), label="Valid until")
    minimum_tier: Mapped[str | None] = choice(TIERS, label="Minimum tier", mobile=True)


@entity(
    label="Redemption",
    plural="Redemptions",
    icon="ticket",
    menu=70,
    title="voucher",
    resource="loyalty-redemptions",
    columns=("created_at", "customer", "reward", "points", "status", "voucher"),
    filters=("customer", "reward", "status", "voucher"),
    verbs=READ,
    indexed=(("created_at",), ("status", "created_at")),
    scopes=OF_CUSTOMER,
    subject="customer_id",
)
class Redemption(Entity):
    """A reward that a customer took for points; cancelled, points and stock are back."""

    customer_id: Mapped[UUID] = link(Customer, label="Customer", on_delete="cascade")
    reward_id: Mapped[UUID] = link(Reward, label="Reward", on_delete="restrict")
    entry_id: Mapped[UUID] = link(Entry, label="Points entry", on_delete="cascade")
    points: Mapped[int] = field(label="Points")
    status: Mapped[Status] = choice(Status, label="Status", default="issued")
    voucher: Mapped[str] = field(
        String(20),
        label="Voucher",
        unique=True,
        audience=("staff", "customer"),
        help="Shown by the customer to get the reward.",
    )


@extend(
    Customer,
    indexed=(("loyalty_points",), ("loyalty_tier", "created_at")),
    columns=("phone+loyalty_tier", "phone+loyalty_points"),
    aggregates=(
        Aggregate(
            key="total_loyalty_points",
            label="Total loyalty points",
            function="sum",
            field="loyalty_points",
            icon="coins",
            tone="gold",
        ),
        Aggregate(
            key="customers_by_tier",
            label="Customers by tier",
            by="loyalty_tier",
            icon="award",
            tone="platinum",
        ),
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
        TIERS, label="Tier", default="bronze", readonly=True, mobile=True
    )
