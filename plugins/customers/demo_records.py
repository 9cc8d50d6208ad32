"""The rows of the demo customers, each in the order of its statement's columns."""

from datetime import datetime
from uuid import UUID

import msgspec


class Address(msgspec.Struct, frozen=True):
    """What a company and a customer have in common, in the order of the columns."""

    id: UUID
    name: str
    email: str
    phone: str
    address: str
    city: str
    province: str
    postal_code: str
    created_at: datetime


class Buyer(Address, frozen=True):
    """A customer, in the order of the columns."""

    type: str
    is_vip: bool
    salesperson_id: UUID | None
    tags: str
    notes: str | None
    is_active: bool
    total_orders: int
    total_spent: int
    last_order_date: datetime | None
    company_id: UUID | None


class Person(msgspec.Struct, frozen=True):
    """A contact, in the order of the columns."""

    id: UUID
    customer_id: UUID
    name: str
    position: str
    email: str
    phone: str
    is_primary: bool


class Spot(msgspec.Struct, frozen=True):
    """An address, in the order of the columns."""

    id: UUID
    customer_id: UUID
    kind: str
    line1: str | None
    city: str | None
    province: str | None
    postal_code: str | None
    country: str
    latitude: float | None
    longitude: float | None
