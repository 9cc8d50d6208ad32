"""Customers, companies and the links between them, and what both mean for a user."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Float, String, Text
from sqlalchemy.orm import Mapped

from core.plugin import (
    Aggregate,
    Email,
    Entity,
    Phone,
    Tags,
    Through,
    choice,
    computed,
    currency,
    entity,
    extend,
    field,
    in_units,
    link,
    money,
    user_link,
)

INTERNAL = ("staff", "seller")
AVERAGE = f"coalesce({in_units('total_spent')} / nullif({{t}}.total_orders, 0), 0)"


class CompanyKind(StrEnum):
    """Which side of a sale a company is on."""

    SELLER = "seller"
    CUSTOMER = "customer"


class Status(StrEnum):
    """What may be done with an account. Only an active one is active."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    SUSPENDED = "suspended"
    CLOSED = "closed"


@entity(
    label="Company",
    plural="Companies",
    title="name",
    icon="building-2",
    menu=20,
    columns=("name", "kind", "city", "phone", "is_active"),
    search=("name", "email", "city"),
    filters=("city", "province", "is_active"),
    order="name",
    indexed=(("name",), ("created_at",)),
    scopes={"company": "id"},
)
class Company(Entity):
    """A company that sells, whose sellers see the customers linked to it, or one that buys."""

    name: Mapped[str] = field(String(200), label="Name", sort=True, mobile=True)
    kind: Mapped[CompanyKind] = choice(CompanyKind, label="Kind", default="seller", mobile=True)
    email: Mapped[str | None] = field(Email, label="E-mail", mobile=True)
    phone: Mapped[str | None] = field(Phone, label="Phone", mobile=True)
    address: Mapped[str | None] = field(Text, label="Address")
    city: Mapped[str | None] = field(String(100), label="City", sort=True, mobile=True)
    province: Mapped[str | None] = field(String(100), label="Province", sort=True)
    postal_code: Mapped[str | None] = field(String(10), label="Postal code")
    is_active: Mapped[bool] = field(label="Active", default=True, mobile=True)


@entity(
    label="Customer",
    plural="Customers",
    title="name",
    icon="users-round",
    menu=10,
    subtitle="email",
    inplace=("phone", "city", "type"),
    columns=("name", "phone", "total_orders", "is_active"),
    search=("name", "email", "phone"),
    filters=(
        "name",
        "email",
        "phone",
        "is_active",
        "is_vip",
        "type",
        "city",
        "province",
        "salesperson",
        "company",
        "tags",
        "last_order_date",
    ),
    order="-created_at",
    indexed=(
        ("created_at",),
        ("name",),
        ("phone",),
        ("is_active", "created_at"),
        ("city", "created_at"),
        ("type", "created_at"),
        ("salesperson_id", "created_at"),
        ("total_orders",),
        ("total_spent",),
        ("-last_order_date",),
    ),
    scopes={
        "company": Through(entity="customers.company_link", here="customer_id", there="company_id"),
        "own": "id",
    },
    subject="id",
    responsible="salesperson_id",
    credit=("is_vip", "is_active"),
    stage="status",
    stage_sum="total_spent",
    aggregates=(
        Aggregate(key="total_customers", label="Total customers", icon="users-round", tone="info"),
        Aggregate(
            key="active_customers",
            label="Active customers",
            where={"field": "is_active", "op": "=", "value": True},
            icon="user-check",
            tone="success",
        ),
    ),
)
class Customer(Entity):
    """Whoever buys. No two customers of a tenant that are not in the trash share an e-mail.

    ``is_active`` says whether ``status`` is active: the database keeps both in step.
    """

    tenant = computed(
        String(36), "{t}.tenant_id::text", label="Tenant", stored=False, audience=("staff",)
    )
    tenant_name = computed(String(200), "{tenant_name}", label="Tenant's name", stored=False)
    name: Mapped[str] = field(
        String(200), label="Name", sort=True, mobile=True, pii="identity", erase="null"
    )
    email: Mapped[str] = field(
        Email, label="E-mail", unique=True, mobile=True, pii="contact", erase="null"
    )
    phone: Mapped[str | None] = field(
        Phone, label="Phone", sort=True, mobile=True, pii="contact", erase="null"
    )
    address: Mapped[str | None] = field(Text, label="Address", pii="location", erase="null")
    city: Mapped[str | None] = field(
        String(100), label="City", sort=True, mobile=True, pii="location", erase="null"
    )
    province: Mapped[str | None] = field(
        String(100), label="Province", sort=True, pii="location", erase="null"
    )
    postal_code: Mapped[str | None] = field(
        String(10), label="Postal code", pii="location", erase="null"
    )
    type: Mapped[str] = choice("customers.types", label="Type", default="individual", mobile=True)
    company_id: Mapped[UUID | None] = link(
        Company,
        label="Company",
        on_delete="null",
        help="Whom the customer buys for: an employer, or the business that the customer is.",
    )
    is_vip: Mapped[bool] = field(label="VIP", default=False, mobile=True, audience=INTERNAL)
    salesperson_id: Mapped[UUID | None] = user_link(
        label="Salesperson", on_delete="null", readonly_for=("seller",), audience=INTERNAL
    )
    tags: Mapped[list[str]] = field(Tags, label="Tags", audience=INTERNAL)
    notes: Mapped[str | None] = field(
        Text, label="Notes", audience=INTERNAL, pii="free_text", erase="null"
    )
    status: Mapped[Status] = choice(Status, label="Account status", default="active", mobile=True)
    is_active: Mapped[bool] = field(label="Active", default=True, mobile=True)
    currency: Mapped[str] = currency(readonly=True)
    total_orders: Mapped[int] = field(label="Orders", default=0, readonly=True, sort=True)
    total_spent: Mapped[int] = money(label="Total spent", default=0, readonly=True, sort=True)
    last_order_date: Mapped[datetime | None] = field(
        label="Last order", readonly=True, sort=True, filter=True, mobile=True, pii="behaviour"
    )
    average_order_value = computed(
        Float, AVERAGE, label="Average order value", stored=False, detail_only=True
    )


@entity(
    label="Company link",
    plural="Company links",
    title="id",
    icon="link",
    menu=None,
    columns=("customer", "company", "created_at"),
    verbs=("list", "view", "create", "delete", "trash", "restore", "purge"),
    unique=(("customer_id", "company_id"),),
    scopes={"company": "company_id", "own": "customer_id"},
    subject="customer_id",
)
class CompanyLink(Entity):
    """A customer buys from a company: that alone lets the company's sellers see the customer."""

    customer_id: Mapped[UUID] = link(Customer, label="Customer", on_delete="cascade")
    company_id: Mapped[UUID] = link(Company, label="Company", on_delete="cascade")


@extend("core.user")
class Attributes:
    """Whom a user stands for: the company that a seller works for, the customer who signs in."""

    customers_company_id: Mapped[UUID | None] = link(Company, label="Company", audience=("staff",))
    customers_customer_id: Mapped[UUID | None] = link(
        Customer, label="Customer", on_delete="null", audience=("staff",)
    )
