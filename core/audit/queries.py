"""The parameters of a history and of the log: action, field, person, period and page."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from core.errors import Invalid
from core.model.fields import Field
from core.model.parsing import WrongValue, read_date, read_datetime
from core.records.lists.cursors import decode_cursor, encode_cursor
from core.records.lists.list_query import MOST_PAGE, PAGE
from core.runtime.tenant import Tenant

Kind = Literal["created", "updated", "trashed", "restored", "purged"]
Size = Annotated[int, Meta(ge=1, le=MOST_PAGE)]
_DAY = 10  # characters of a calendar date


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """A period: ``from`` and ``to`` are days, ``to`` included, or instants."""

    from_: str | None = msgspec.field(name="from", default=None)
    to: str | None = None


class HistoryQuery(Period, frozen=True, kw_only=True):
    """The parameters of a history."""

    action: Kind | None = None
    field: str | None = None
    by: UUID | None = None
    cursor: str | None = None
    page_size: Size = PAGE


class LogQuery(HistoryQuery, frozen=True, kw_only=True):
    """The parameters of the tenant's whole log."""

    entity: str | None = None
    record: UUID | None = None
    request: UUID | None = None
    q: Annotated[str, Meta(min_length=2, max_length=100)] | None = None


class Cursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where a page ends: the moment and the id of its last entry."""

    at: datetime
    id: UUID


def read_cursor(text: str | None) -> Cursor | None:
    """Return the cursor that a text stands for; refuses a forged one."""
    if not text:
        return None
    try:
        return decode_cursor(text, Cursor)
    except ValueError:
        raise Invalid.field("?cursor", "This cursor belongs to no history.", "cursor") from None


def write_cursor(at: datetime, id: UUID) -> str:
    """Return the cursor of the page that follows an entry."""
    return encode_cursor(Cursor(at, id))


def period_bounds(tenant: Tenant, period: Period) -> tuple[datetime | None, datetime | None]:
    """Return the first instant of a period and the first one after it, in UTC."""
    return (
        _instant(tenant, "from", period.from_, is_end=False),
        _instant(tenant, "to", period.to, is_end=True),
    )


def recent_bounds(tenant: Tenant, period: Period) -> tuple[datetime, datetime]:
    """Return the bounds of a period; without any it is the last 30 days."""
    since, until = period_bounds(tenant, period)
    until = until or datetime.now(UTC)
    since = since or until - timedelta(days=30)
    if since >= until:
        raise Invalid.field("?from", "The period ends before it begins.", "range")
    return since, until


def _instant(tenant: Tenant, name: str, text: str | None, *, is_end: bool) -> datetime | None:
    """A day is one of the tenant's; the end of a period includes its last day."""
    if text is None:
        return None
    field = Field(label=name)
    try:
        if len(text) != _DAY:
            return read_datetime(field, text, tenant.terms)
        day = read_date(field, text) + timedelta(days=1 if is_end else 0)
        return tenant.start_of(day)
    except (WrongValue, OverflowError, ValueError):
        detail = f"{name} must be a day such as 2026-01-31 or an instant with its time zone."
        raise Invalid.field(f"?{name}", detail, "type") from None
