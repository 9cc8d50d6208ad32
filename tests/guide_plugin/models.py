"""Visits to customers, and what they add to a customer."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped

from core.plugin import Entity, entity, extend, field, link
from plugins.customers.models import Customer


@entity(
    label="Visit",
    plural="Visits",
    title="purpose",
    columns=("purpose", "customer", "planned_for", "held_at"),
    search=("purpose", "report"),
    order="-planned_for",
    indexed=(("planned_for",), ("customer_id", "planned_for")),
    subject="customer",
)
class Visit(Entity):
    """Somebody goes to see a customer. Once it is held, it has a report."""

    customer_id: Mapped[UUID] = link(Customer, label="Customer", on_delete="cascade")
    purpose: Mapped[str] = field(String(200), label="Purpose", sort=True)
    planned_for: Mapped[datetime] = field(label="Planned for", filter=True, sort=True)
    held_at: Mapped[datetime | None] = field(label="Held at", filter=True, readonly=True)
    report: Mapped[str | None] = field(Text, label="Report", readonly=True, pii="free_text")


@extend(Customer)
class LastVisit:
    """When a customer was last visited; ``services.hold`` keeps it."""

    visits_last_at: Mapped[datetime | None] = field(
        label="Last visit", readonly=True, filter=True, sort=True
    )
