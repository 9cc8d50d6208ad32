"""The dummy's entities: a device with a field of every type, and its readings."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Date, DateTime, Float, Integer, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped

from core.plugin import (
    Aggregate,
    Email,
    Entity,
    NamedFilter,
    Phone,
    ScaledDecimal,
    Tags,
    choice,
    computed,
    currency,
    entity,
    extend,
    field,
    link,
    money,
    user_link,
)
from plugins.customers.models import Customer


class State(StrEnum):
    """Where a device is in its life."""

    NEW = "new"
    USED = "used"


def even(value: int) -> int:
    """Refuse odd numbers."""
    if value % 2:
        raise ValueError("Slots must be even.")
    return value


def by_condition(value: str) -> dict[str, object]:
    """Return the criteria of ``?condition=fresh`` and ``?condition=worn``."""
    if value not in ("fresh", "worn"):
        raise ValueError("condition is fresh or worn.")
    return {"field": "state", "op": "=", "value": "new" if value == "fresh" else "used"}


@entity(
    label="Device",
    plural="Devices",
    title="name",
    columns=("name", "customer", "state", "price", "created_at"),
    search=("name", "contact", "hotline", "secret"),
    filters=("customer", "serial", "slots"),
    order="-created_at",
    indexed=(("created_at",), ("state", "slots")),
    actions=("inspect",),
    scopes={"own": "customer_id"},
    subject="customer",
    responsible="keeper",
    stage="colour",
    stage_sum="slots",
    aggregates=(
        Aggregate(key="total_devices", label="Devices"),
        Aggregate(key="total_slots", label="Slots", function="sum", field="slots"),
        Aggregate(key="devices_by_state", label="By state", by="state"),
    ),
    named_filters=(
        NamedFilter(key="condition", label="Condition", uses=("state",), criteria=by_condition),
    ),
)
class Device(Entity):
    """A thing that a customer has; its serial is unique in the tenant."""

    name: Mapped[str] = field(String(120), label="Name", sort=True, mobile=True)
    serial: Mapped[str | None] = field(String(40), label="Serial", unique=True)
    manual: Mapped[str | None] = field(Text, label="Manual", pii="free_text")
    contact: Mapped[str | None] = field(Email, label="Contact", pii="contact", erase="null")
    hotline: Mapped[str | None] = field(Phone, label="Hotline", pii="contact", erase="null")
    slots: Mapped[int] = field(Integer, label="Slots", default=2, sort=True, validators=(even,))
    weight: Mapped[int | None] = field(ScaledDecimal(3), label="Weight", filter=True, sort=True)
    ratio: Mapped[float | None] = field(Float, label="Ratio")
    is_loud: Mapped[bool] = field(label="Loud", default=False, filter=True)
    bought_on: Mapped[date | None] = field(Date, label="Bought on", filter=True, sort=True)
    checked_at: Mapped[datetime | None] = field(DateTime(timezone=True), label="Checked at")
    state: Mapped[State] = choice(State, label="State", default="new", mobile=True)
    colour: Mapped[str | None] = choice("dummy.colours", label="Colour")
    labels: Mapped[list[str]] = field(Tags, label="Labels", filter=True)
    extras: Mapped[dict[str, object] | None] = field(JSONB, label="Extras")
    currency: Mapped[str] = currency()
    price: Mapped[int | None] = money(label="Price", sort=True, filter=True)
    secret: Mapped[str | None] = field(
        String(80), label="Secret", audience=("staff",), filter=True, sort=True
    )
    locked: Mapped[str | None] = field(String(80), label="Locked", readonly_for=("customer",))
    sealed: Mapped[int] = field(Integer, label="Sealed", default=0, readonly=True)
    size: Mapped[int] = computed(Integer, "slots * 10", label="Size", filter=True, sort=True)
    loudness: Mapped[str] = computed(
        String(10),
        "CASE WHEN {t}.is_loud THEN 'loud' ELSE 'quiet' END",
        label="Loudness",
        stored=False,
        detail_only=True,
    )
    customer_id: Mapped[UUID | None] = link(
        Customer, label="Customer", on_delete="restrict", on_erase="delete"
    )
    keeper_id: Mapped[UUID | None] = user_link(label="Keeper", on_delete="null")


@entity(
    label="Reading",
    plural="Readings",
    title="value",
    columns=("device", "value", "created_at"),
    filters=("device",),
)
class Reading(Entity):
    """One measurement; it goes where its device goes."""

    device_id: Mapped[UUID] = link(Device, label="Device", on_delete="cascade")
    value: Mapped[int] = field(Integer, label="Value", sort=True, minimum=0, maximum=1000)


@extend(
    Customer,
    aggregates=(Aggregate(key="rated", label="Rated", function="sum", field="dummy_rating"),),
)
class CustomerRating:
    """What the dummy adds to a customer."""

    dummy_rating: Mapped[int] = field(Integer, label="Rating", default=0, sort=True, filter=True)
    dummy_remark: Mapped[str | None] = field(
        String(80), label="Remark", audience=("staff",), search=True
    )
