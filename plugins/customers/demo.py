"""Demo customers of a tenant: the same ones on every run.

Their ids are UUIDs of version 5, made from the tenant's slug and a number; no other record's are.
"""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import msgspec

from core.plugin import Tenant, Unit, digits
from plugins.customers.demo_belongings import fill_belongings
from plugins.customers.demo_records import Address, Buyer
from plugins.customers.demo_regions import REGIONS, City, Region

SPACE = UUID("6f1d2c0a-3d0b-5a43-9a51-0b6a3c1f8e57")
SIZES = {"acme": 2000}
SMALL = 300
BATCH = 500
UNTIL = datetime(2026, 6, 30, 9, tzinfo=UTC)
DAYS = 730
EMPLOYERS = 12
TYPES = {"individual": 78, "small_business": 15, "enterprise": 5, "government": 2}
TAGS = ("newsletter", "wholesale", "referral", "walk-in", "online", "seasonal")

COMPANIES = """
INSERT INTO customers_company (tenant_id, id, name, email, phone, address, city, province,
                               postal_code, created_at, updated_at, kind)
SELECT $1, g.id, g.name, g.email, g.phone, g.address, g.city, g.province, g.postal_code,
       g.created_at, g.created_at, $11
  FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
              $9::text[], $10::timestamptz[])
       AS g (id, name, email, phone, address, city, province, postal_code, created_at)
ON CONFLICT DO NOTHING
"""
CUSTOMERS = """
INSERT INTO customers_customer (tenant_id, id, name, email, phone, address, city, province,
       postal_code, created_at, updated_at, type, is_vip, salesperson_id, tags, notes, is_active,
       currency, total_orders, total_spent, last_order_date, company_id)
SELECT $1, g.id, g.name, g.email, g.phone, g.address, g.city, g.province, g.postal_code,
       g.created_at, g.created_at, g.type, g.is_vip, g.salesperson_id,
       string_to_array(g.tags, ','), g.notes, g.is_active, $21, g.total_orders, g.total_spent,
       g.last_order_date, g.company_id
  FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
              $9::text[], $10::timestamptz[], $11::text[], $12::bool[], $13::uuid[], $14::text[],
              $15::text[], $16::bool[], $17::int[], $18::int8[], $19::timestamptz[], $20::uuid[])
       AS g (id, name, email, phone, address, city, province, postal_code, created_at, type,
             is_vip, salesperson_id, tags, notes, is_active, total_orders, total_spent,
             last_order_date, company_id)
ON CONFLICT DO NOTHING
"""
# A customer whose e-mail somebody else has already was not made: the join leaves them out.
LINKS = """
INSERT INTO customers_company_link (tenant_id, id, customer_id, company_id, created_at, updated_at)
SELECT $1, g.id, c.id, o.id, c.created_at, c.created_at
  FROM unnest($2::uuid[], $3::uuid[], $4::uuid[]) AS g (id, customer_id, company_id)
  JOIN customers_customer c ON c.tenant_id = $1 AND c.id = g.customer_id
  JOIN customers_company o ON o.tenant_id = $1 AND o.id = g.company_id
ON CONFLICT DO NOTHING
"""
STAFF = """
SELECT u.id FROM core_user u
 WHERE u.tenant_id = $1 AND u.email = ANY ($2) AND u.deleted_at IS NULL ORDER BY u.email
"""
EMPLOY = """
UPDATE core_user u SET customers_company_id = o.id FROM customers_company o
 WHERE u.tenant_id = $1 AND u.email = $2 AND u.customers_company_id IS NULL
   AND o.tenant_id = $1 AND o.id = $3
"""
EMBODY = """
UPDATE core_user u SET customers_customer_id = c.id FROM customers_customer c
 WHERE u.tenant_id = $1 AND u.email = $2 AND u.customers_customer_id IS NULL
   AND c.tenant_id = $1 AND c.id = $3
"""


async def fill(
    unit: Unit, tenant: Tenant, scale: float, progress: Callable[[int, int], None]
) -> None:
    """Make the companies, customers and links that do not exist, and say whom users stand for."""
    count = max(1, round(SIZES.get(tenant.slug, SMALL) * scale))
    region = REGIONS.get(tenant.config.phone_region, REGIONS["US"])
    companies = list(_companies(tenant, region))
    await unit.execute(COMPANIES, tenant.id, *_columns(companies), "seller")
    employers = list(_employers(tenant, region))
    await unit.execute(COMPANIES, tenant.id, *_columns(employers), "customer")
    emails = [f"{who}@{tenant.slug}.example" for who in ("admin", "staff")]
    staff = [row["id"] for row in await unit.fetch(STAFF, tenant.id, emails)]
    for first in range(0, count, BATCH):
        last = min(first + BATCH, count)
        buyers = [_buyer(tenant, region, number, staff) for number in range(first, last)]
        firms = [_firm(buyer) for buyer in buyers if buyer.type != "individual"]
        if firms:
            await unit.execute(COMPANIES, tenant.id, *_columns(firms), "customer")
        await unit.execute(CUSTOMERS, tenant.id, *_columns(buyers), tenant.config.currency)
        links = list(_links(buyers, companies))
        await unit.execute(LINKS, tenant.id, *_columns(links))
        await fill_belongings(unit, tenant, region, buyers)
        progress(last, count)
    await _attach(unit, tenant, companies)


async def _attach(unit: Unit, tenant: Tenant, companies: list[Address]) -> None:
    """Say for whom the demo users stand, where nobody has said so."""
    for who, company in zip(("seller", "seller2"), companies, strict=False):
        await unit.execute(EMPLOY, tenant.id, f"{who}@{tenant.slug}.example", company.id)
    customer = _id(tenant, "customer", 0)
    await unit.execute(EMBODY, tenant.id, f"customer@{tenant.slug}.example", customer)


def _columns(
    rows: list[Address] | list[Buyer] | list[tuple[UUID, UUID, UUID]],
) -> list[list[object]]:
    """Return the rows as one list per column."""
    plain = [row if isinstance(row, tuple) else msgspec.structs.astuple(row) for row in rows]
    return [list(column) for column in zip(*plain, strict=True)]


def _id(tenant: Tenant, noun: str, number: int) -> UUID:
    return uuid5(SPACE, f"{tenant.slug}/{noun}/{number}")


def _contact_details(region: Region, city: City, dice: random.Random) -> dict[str, str]:
    """Return the telephone number and the address of somebody in a city."""
    return {
        "phone": region.phone(dice),
        "address": region.street(dice),
        "city": city.name,
        "province": city.province,
        "postal_code": city.postal_code(dice),
    }


def _companies(tenant: Tenant, region: Region) -> Iterator[Address]:
    for number, name in enumerate(region.sellers):
        dice = random.Random(f"{tenant.slug}/company/{number}")  # noqa: S311 - demo data
        city = region.cities[number % len(region.cities)]
        domain = "-".join(name.lower().replace(".", "").split())
        yield Address(
            id=_id(tenant, "company", number),
            name=name,
            email=f"sales@{domain}.example",
            **_contact_details(region, city, dice),
            created_at=UNTIL - timedelta(days=DAYS + number),
        )


def _employers(tenant: Tenant, region: Region) -> Iterator[Address]:
    """Yield companies of whose people some are customers."""
    for number in range(EMPLOYERS):
        dice = random.Random(f"{tenant.slug}/employer/{number}")  # noqa: S311 - demo data
        city = region.cities[number % len(region.cities)]
        yield Address(
            id=_id(tenant, "employer", number),
            name=region.firm(dice, "enterprise"),
            email=f"office.{number}@employer.example",
            **_contact_details(region, city, dice),
            created_at=UNTIL - timedelta(days=DAYS),
        )


def _firm(buyer: Buyer) -> Address:
    """Return the company that a business customer is."""
    values = {name: getattr(buyer, name) for name in Address.__struct_fields__}
    return Address(**{**values, "id": uuid5(buyer.id, "firm")})


def _company(tenant: Tenant, dice: random.Random, kind: str, id: UUID) -> UUID | None:
    """Return whom a customer buys for: themselves, their firm, or now and then an employer."""
    if kind != "individual":
        return uuid5(id, "firm")
    return _id(tenant, "employer", dice.randrange(EMPLOYERS)) if dice.random() < 0.1 else None


def _buyer(tenant: Tenant, region: Region, number: int, staff: list[UUID]) -> Buyer:
    dice = random.Random(f"{tenant.slug}/customer/{number}")  # noqa: S311 - demo data
    kind = dice.choices(list(TYPES), list(TYPES.values()))[0] if number else "individual"
    name = region.person(dice) if kind == "individual" else region.firm(dice, kind)
    city = dice.choices(region.cities, [one.weight for one in region.cities])[0]
    created = UNTIL - timedelta(minutes=dice.randrange(60, DAYS * 24 * 60))
    orders, spent, last = _purchases(tenant, region, dice, created, kind)
    vip = orders >= 20 and dice.random() < 0.5
    word = "".join(c for c in name.lower().replace(" ", ".") if c.isalnum() or c == ".")
    email = f"{word.replace('..', '.')}.{number}@mail.example"
    id = _id(tenant, "customer", number)
    return Buyer(
        id=id,
        name=name,
        email=f"customer@{tenant.slug}.example" if number == 0 else email,
        **_contact_details(region, city, dice),
        created_at=created,
        type=kind,
        is_vip=vip,
        salesperson_id=dice.choice(staff) if staff and dice.random() < 0.5 else None,
        tags=",".join(sorted(dice.sample(TAGS, dice.choice((0, 0, 1, 1, 2))))),
        notes="Calls back before noon." if dice.random() < 0.05 else None,
        is_active=number == 0 or dice.random() < (0.97 if orders else 0.75),
        total_orders=orders,
        total_spent=spent,
        last_order_date=last,
        company_id=_company(tenant, dice, kind, id),
    )


def _purchases(
    tenant: Tenant, region: Region, dice: random.Random, created: datetime, kind: str
) -> tuple[int, int, datetime | None]:
    """Return how many orders there were, what they came to, and when the last one was."""
    orders = min(int(dice.paretovariate(0.8)), 60) - (dice.random() < 0.3)
    if orders <= 0:
        return 0, 0, None
    low, high = region.order
    size = 1 if kind == "individual" else 4
    units = sum(dice.randrange(low, high) for _ in range(orders)) * size
    minutes = int((UNTIL - created).total_seconds() // 60)
    last = created + timedelta(minutes=dice.randrange(minutes // 2, minutes))
    return orders, units * 10 ** digits(tenant.config.currency), last


def _links(buyers: list[Buyer], companies: list[Address]) -> Iterator[tuple[UUID, UUID, UUID]]:
    """Yield the companies that each customer buys from: none, one or two."""
    for buyer in buyers:
        dice = random.Random(f"links/{buyer.id}")  # noqa: S311 - demo data
        for company in dice.sample(companies, dice.choice((0, 1, 1, 1, 1, 2))):
            yield uuid5(buyer.id, str(company.id)), buyer.id, company.id
