"""Contacts and addresses of demo customers: the same ones on every run."""

import random
from collections.abc import Iterable, Iterator
from uuid import uuid5

import msgspec

from core.plugin import Tenant, Unit
from plugins.customers.addresses import locate
from plugins.customers.demo_records import Buyer, Person, Spot
from plugins.customers.demo_regions import Region
from plugins.customers.geography.cities import Point
from plugins.customers.geography.rules import Lines, normalize_address

POSITIONS = ("Owner", "Purchasing", "Accounts", "Director", "Assistant", "Warehouse")

# A customer whose e-mail somebody else has already was not made: the joins leave them out.
CONTACTS = """
INSERT INTO customers_contact (tenant_id, id, customer_id, name, position, email, phone, is_primary,
                               created_at, updated_at)
SELECT $1, g.id, c.id, g.name, g.position, g.email, g.phone, g.is_primary, c.created_at,
       c.created_at
  FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bool[])
       AS g (id, customer_id, name, position, email, phone, is_primary)
  JOIN customers_customer c ON c.tenant_id = $1 AND c.id = g.customer_id
ON CONFLICT DO NOTHING
"""
ADDRESSES = """
INSERT INTO customers_address (tenant_id, id, customer_id, kind, line1, city, province, postal_code,
       country, is_default, latitude, longitude, is_validated, created_at, updated_at)
SELECT $1, g.id, c.id, g.kind, g.line1, g.city, g.province, g.postal_code, g.country, true,
       g.latitude, g.longitude, true, c.created_at, c.created_at
  FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
              $9::text[], $10::float8[], $11::float8[])
       AS g (id, customer_id, kind, line1, city, province, postal_code, country, latitude,
             longitude)
  JOIN customers_customer c ON c.tenant_id = $1 AND c.id = g.customer_id
ON CONFLICT DO NOTHING
"""


def columns(rows: Iterable[msgspec.Struct]) -> list[list[object]]:
    """Return the rows as one list per column."""
    return [list(column) for column in zip(*map(msgspec.structs.astuple, rows), strict=True)]


async def fill_belongings(
    unit: Unit, tenant: Tenant, region: Region, owners: Iterable[Buyer]
) -> None:
    """Make the contacts and addresses that do not exist, in two statements."""
    owners = list(owners)
    people = [person for owner in owners for person in _people(region, owner)]
    if people:
        await unit.execute(CONTACTS, tenant.id, *columns(people))
    points: dict[Lines, Point | None] = {}
    spots: list[Spot] = []
    for owner in owners:
        lines, _ = normalize_address(
            Lines(region.country, owner.province, owner.city, owner.postal_code, owner.address)
        )
        town = Lines(lines.country, lines.province, lines.city)
        if town not in points:
            points[town] = await locate(tenant, town)
        spots += _spots(owner, lines, points[town])
    await unit.execute(ADDRESSES, tenant.id, *columns(spots))


def _people(region: Region, owner: Buyer) -> Iterator[Person]:
    """Yield whom to talk to: at a business always somebody, at a person's seldom."""
    dice = random.Random(f"contacts/{owner.id}")  # noqa: S311 - demo data
    many = (0,) * 19 + (1,) if owner.type == "individual" else (1, 1, 2, 3)
    for number in range(dice.choice(many)):
        name = region.person(dice)
        word = ".".join(name.lower().split())
        yield Person(
            id=uuid5(owner.id, f"contact/{number}"),
            customer_id=owner.id,
            name=name,
            position=dice.choice(POSITIONS),
            email=f"{word}.{number}@work.example",
            phone=region.phone(dice),
            is_primary=number == 0,
        )


def _spots(owner: Buyer, lines: Lines, point: Point | None) -> Iterator[Spot]:
    kinds = ("home",) if owner.type == "individual" else ("billing", "shipping")
    for kind in kinds:
        yield Spot(
            id=uuid5(owner.id, f"address/{kind}"),
            customer_id=owner.id,
            kind=kind,
            line1=lines.line1,
            city=lines.city,
            province=lines.province,
            postal_code=lines.postal_code,
            country=lines.country,
            latitude=point.latitude if point else None,
            longitude=point.longitude if point else None,
        )
