"""What requests on points say and what their answers hold."""

import re
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import msgspec

from core.plugin import Invalid, error_message

MOST_POINTS = 2**31 - 1
_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,12}\s*", re.ASCII)


Amount = Annotated[
    int, error_message("Points must be a whole number, 1 or more", ge=1, le=MOST_POINTS)
]
Reason = Annotated[
    str, error_message("Reason must be text of 1 to 200 characters", min_length=1, max_length=200)
]
Key = Annotated[
    Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None,
    error_message("Key must be text of 1 to 100 characters"),
]


class Movement(msgspec.Struct, frozen=True):
    """Points that a customer earns or gives. What carries the same ``key`` counts once."""

    points: Amount
    reason: Reason
    key: Key = None


class Adjustment(msgspec.Struct, frozen=True):
    """A change by hand, up or down; a number in quotes is taken as well."""

    points: Annotated[int | float | str, error_message("Invalid points value")]
    reason: Annotated[
        str, error_message("Reason must be text of at most 200 characters", max_length=200)
    ] = ""
    key: Key = None


class Reversal(msgspec.Struct, frozen=True):
    """Takes an entry of the customer back, once: all of it, or some of its ``points``."""

    entry_id: Annotated[str, error_message("Entry must be the id of an entry")]
    reason: Reason
    points: Annotated[
        Amount | None, error_message("Points must be a whole number, 1 or more, or null for all")
    ] = None
    key: Key = None


class Transfer(msgspec.Struct, frozen=True):
    """Points that one customer gives to another; they keep the day on which they end."""

    from_customer_id: Annotated[UUID, error_message("Giver must be the id of a customer")]
    to_customer_id: Annotated[UUID, error_message("Receiver must be the id of a customer")]
    points: Amount
    reason: Reason
    key: Key = None


class RewardRequest(msgspec.Struct, frozen=True):
    """The reward that a customer takes."""

    reward_id: Annotated[str, error_message("Reward must be the id of a reward")]
    key: Key = None


class Cancellation(msgspec.Struct, frozen=True):
    """Why a redemption is taken back."""

    reason: Reason
    key: Key = None


class Once(msgspec.Struct, frozen=True):
    """A request that may be repeated: what carries the same ``key`` happens once."""

    key: Key = None


class Posted(msgspec.Struct, frozen=True):
    """An entry of the ledger, and where it left its customer."""

    entry_id: UUID
    customer_id: UUID
    requested: int
    points: int
    balance: int
    tier: str


class Transferred(msgspec.Struct, frozen=True, rename={"giver": "from", "receiver": "to"}):
    """The two entries of a transfer."""

    transfer: str
    giver: Posted
    receiver: Posted


class Issued(msgspec.Struct, frozen=True):
    """A reward that was just taken. ``voucher`` is what the customer shows for it."""

    redemption_id: UUID
    reward_id: UUID
    voucher: str
    status: str
    points: int
    balance: int
    tier: str


class Expired(msgspec.Struct, frozen=True):
    """What an expiry took."""

    customers: int
    points: int


class Retiered(msgspec.Struct, frozen=True):
    """How many customers have another tier by the version in force."""

    version: int
    customers: int


class TierChange(msgspec.Struct, frozen=True):
    """A moment at which a customer's tier changed, and the entry that did it."""

    at: datetime
    before: str
    after: str
    kind: str
    points: int
    reason: str
    version: int | None


class Progress(msgspec.Struct, frozen=True):
    """Where a customer stands between two tiers. ``percent`` is the way from one to the next."""

    tier: str
    points: int
    next_tier: str | None
    next_tier_at: int | None
    points_needed: int
    percent: int
    tier_since: datetime
    history: list[TierChange]


class Period(msgspec.Struct, frozen=True, rename={"since": "from", "until": "to"}):
    """Which days of a statement: both included, in the tenant's time zone."""

    since: Annotated[date | None, error_message("from must be a day: YYYY-MM-DD")] = None
    until: Annotated[date | None, error_message("to must be a day: YYYY-MM-DD")] = None
    expiring_days: Annotated[
        int, error_message("expiring_days must be a number from 0 to 3660", ge=0, le=3660)
    ] = 30
    page: Annotated[int, error_message("page must be a number from 1", ge=1)] = 1
    page_size: Annotated[
        int, error_message("page_size must be a number from 1 to 200", ge=1, le=200)
    ] = 50


class Line(msgspec.Struct, frozen=True):
    """One entry of a statement and the balance after it."""

    id: UUID
    at: datetime
    kind: str
    points: int
    balance: int
    reason: str
    tier: str | None


class Ending(msgspec.Struct, frozen=True):
    """Points that end together."""

    expires_at: datetime
    points: int


class Statement(msgspec.Struct, frozen=True, rename={"since": "from", "until": "to"}):
    """A customer's points over a period: opening balance, lines, closing balance, what ends soon.

    ``next_page`` is null on the last page; ``expiring`` lists the first hundred lots.
    """

    since: date | None
    until: date | None
    opening_balance: int
    closing_balance: int
    entries: list[Line]
    next_page: int | None
    expiring_days: int
    expiring_points: int
    expiring: list[Ending]


def unknown(pointer: str, what: str) -> Invalid:
    """Return the refusal of a link to what is not there, or not for the caller."""
    return Invalid.field(pointer, f"{what} does not exist.", "unknown_record")


def read_link(text: str, pointer: str, what: str) -> UUID:
    """Return an id out of a body. It is read once the caller is known to reach the record."""
    try:
        return UUID(text)
    except ValueError:
        raise unknown(pointer, what) from None


def read_points(value: float | str) -> int:
    """Return a number of points, up or down; a text of digits is one too."""
    number: int | None = None
    if isinstance(value, str):
        number = int(value) if _INTEGER.fullmatch(value) else None
    elif value == value // 1:  # neither a fraction, nor infinite, nor NaN
        number = int(value)
    if number is None or abs(number) > MOST_POINTS:
        raise Invalid.field("#/points", "Invalid points value", "invalid")
    return number
