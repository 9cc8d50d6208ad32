"""What may be asked of the history: a part of it by kind, field, person and time, page by page."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from core.errors import Invalid
from core.model.fields import Field
from core.model.parsing import WrongValue, read_date, read_datetime
from core.records.lists.cursors import pack, unpack
from core.records.lists.list_query import MOST_PAGE, PAGE
from core.runtime.tenant import Tenant

Kind = Literal["created", "updated", "trashed", "restored", "purged"]
Size = Annotated[int, Meta(ge=1, le=MOST_PAGE)]
_DAY = 10  # characters of a calendar date


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """A period: ``from`` and ``to`` are days, ``to`` included, or instants."""

    from_: str | None = msgspec.field(name="from", default=None)
    to: str | None = None


class Asked(Period, frozen=True, kw_only=True):
    """The parameters of a history."""

    action: Kind | None = None
    field: str | None = None
    by: UUID | None = None
    cursor: str | None = None
    page_size: Size = PAGE


class AskedOfAll(Asked, frozen=True, kw_only=True):
    """The parameters of the tenant's whole log."""

    entity: str | None = None
    record: UUID | None = None
    request: UUID | None = None
    q: Annotated[str, Meta(min_length=2, max_length=100)] | None = None


class Place(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where a page ends: the moment and the id of its last entry."""

    at: datetime
    id: UUID


def read_place(cursor: str | None) -> Place | None:
    """Return the place that a cursor stands for; refuses a forged one."""
    if not cursor:
        return None
    try:
        return unpack(cursor, Place)
    except ValueError:
        raise Invalid.field("?cursor", "This cursor belongs to no history.", "cursor") from None


def write_place(at: datetime, id: UUID) -> str:
    """Return the cursor of the page behind an entry."""
    return pack(Place(at, id))


def bounds(tenant: Tenant, asked: Period) -> tuple[datetime | None, datetime | None]:
    """Return the first instant and the first one behind the period, in UTC."""
    return (
        _instant(tenant, "from", asked.from_, behind=False),
        _instant(tenant, "to", asked.to, behind=True),
    )


def month(tenant: Tenant, asked: Period) -> tuple[datetime, datetime]:
    """Return the bounds, or for those not given the 30 days up to now."""
    since, until = bounds(tenant, asked)
    until = until or datetime.now(UTC)
    since = since or until - timedelta(days=30)
    if since >= until:
        raise Invalid.field("?from", "The period ends before it begins.", "range")
    return since, until


def _instant(tenant: Tenant, name: str, text: str | None, *, behind: bool) -> datetime | None:
    """A day is one of the tenant's; the end of a period includes its last day."""
    if text is None:
        return None
    field = Field(label=name)
    try:
        if len(text) != _DAY:
            return read_datetime(field, text, tenant.terms)
        day = read_date(field, text) + timedelta(days=1 if behind else 0)
        return tenant.start_of(day)
    except (WrongValue, OverflowError, ValueError):
        detail = f"{name} must be a day such as 2026-01-31 or an instant with its time zone."
        raise Invalid.field(f"?{name}", detail, "type") from None
