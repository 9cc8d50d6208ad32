"""What hangs on a customer: contacts, addresses and the orders that were counted."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Float, String, Text
from sqlalchemy.orm import Mapped

from core.plugin import Email, Entity, Phone, Through, choice, currency, entity, field, link, money
from plugins.customers.models.parties import INTERNAL, Customer

# Whoever may see the customer through a company, and the customer themselves.
SELLERS: dict[str, str | Through] = {
    "company": Through(
        entity="customers.company_link", local="customer_id", here="customer_id", there="company_id"
    ),
    "own": "customer_id",
}


@entity(
    label="Contact",
    plural="Contacts",
    title="name",
    icon="contact",
    menu=30,
    subtitle="position",
    columns=("name", "email", "phone", "customer", "is_primary"),
    search=("name", "email", "phone"),
    filters=("email", "is_primary"),
    order="name",
    indexed=(("created_at",), ("name",), ("customer_id", "name")),
    unique=(("customer_id", "email"),),
    scopes=SELLERS,
    subject="customer_id",
)
class Contact(Entity):
    """A person to talk to at a customer's. At most one of them is the primary contact."""

    customer_id: Mapped[UUID] = link(
        Customer, label="Customer", on_delete="cascade", on_erase="delete"
    )
    name: Mapped[str] = field(
        String(200), label="Name", sort=True, mobile=True, pii="identity", erase="null"
    )
    position: Mapped[str | None] = field(String(100), label="Position", mobile=True)
    email: Mapped[str | None] = field(
        Email, label="E-mail", mobile=True, pii="contact", erase="null"
    )
    phone: Mapped[str | None] = field(
        Phone, label="Phone", mobile=True, pii="contact", erase="null"
    )
    is_primary: Mapped[bool] = field(label="Primary contact", default=False, mobile=True)
    notes: Mapped[str | None] = field(
        Text, label="Notes", audience=INTERNAL, pii="free_text", erase="null"
    )


@entity(
    label="Address",
    plural="Addresses",
    title="line1",
    icon="map-pin",
    menu=40,
    columns=("kind", "line1", "city", "province", "postal_code", "country", "customer"),
    search=("line1", "city", "postal_code"),
    filters=("city", "province", "postal_code", "country", "is_default", "is_validated"),
    indexed=(("created_at",), ("customer_id", "created_at"), ("country", "city")),
    scopes=SELLERS,
    subject="customer_id",
)
class Address(Entity):
    """A customer's address as its country writes it; at most one default of each kind."""

    customer_id: Mapped[UUID] = link(
        Customer, label="Customer", on_delete="cascade", on_erase="delete"
    )
    kind: Mapped[str] = choice(
        "customers.address_kinds", label="Kind", default="shipping", mobile=True
    )
    line1: Mapped[str] = field(
        String(200), label="Line 1", mobile=True, pii="location", erase="null"
    )
    line2: Mapped[str | None] = field(String(200), label="Line 2", pii="location", erase="null")
    city: Mapped[str | None] = field(
        String(100), label="City", sort=True, mobile=True, pii="location", erase="null"
    )
    province: Mapped[str | None] = field(
        String(100), label="Province", sort=True, pii="location", erase="null"
    )
    postal_code: Mapped[str | None] = field(
        String(16), label="Postal code", pii="location", erase="null"
    )
    country: Mapped[str] = field(
        String(2), label="Country", sort=True, help="A code of two letters (ISO 3166)."
    )
    is_default: Mapped[bool] = field(label="Default", default=False, mobile=True)
    latitude: Mapped[float | None] = field(
        Float, label="Latitude", readonly=True, pii="location", erase="null"
    )
    longitude: Mapped[float | None] = field(
        Float, label="Longitude", readonly=True, pii="location", erase="null"
    )
    is_validated: Mapped[bool] = field(
        label="Validated",
        default=False,
        readonly=True,
        help="The address has passed the rules of its country.",
    )


@entity(
    label="Purchase",
    plural="Purchases",
    title="id",
    icon="receipt",
    menu=45,
    columns=("ordered_at", "customer", "total", "key"),
    filters=("ordered_at", "key"),
    order="-ordered_at",
    verbs=("list", "view"),  # written by purchases.py alone, never changed
    indexed=(("created_at",), ("ordered_at",), ("customer_id", "ordered_at")),
    scopes=SELLERS,
    subject="customer_id",
)
class Purchase(Entity):
    """One order that was counted in its customer's totals, once per key."""

    customer_id: Mapped[UUID] = link(Customer, label="Customer", on_delete="cascade")
    ordered_at: Mapped[datetime] = field(label="Ordered", sort=True, mobile=True, pii="behaviour")
    currency: Mapped[str] = currency()
    total: Mapped[int] = money(label="Total", sort=True, mobile=True)
    key: Mapped[str | None] = field(
        String(100),
        label="Key",
        unique=True,
        audience=("staff",),
        help="Names the order, so that it counts once.",
    )
