"""A million customers as they are in life: few large cities, many small buyers, years of dates."""

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import asyncpg

MANY, FEW = 1_000_000, 10_000
SALESPEOPLE, FIRMS = 8, 200
CITIES = [f"{name} {part}" for name in ("Bandung", "Medan", "Depok") for part in range(10)]
TIERS = ((1000, "platinum"), (500, "gold"), (100, "silver"), (0, "bronze"))
TYPES = ("individual", "small_business", "enterprise", "government")
TAGS = ("new", "loyal", "late", "bulk", "export", "press", "event", "debt", "staff", "test")
STATUSES = ("suspended", "closed", "inactive")
COLUMNS = (
    "tenant_id", "id", "created_at", "updated_at", "created_by", "name", "email", "phone", "city",
    "province", "type", "company_id", "is_vip", "salesperson_id", "tags", "status", "is_active",
    "currency", "total_orders", "total_spent", "last_order_date", "loyalty_points", "loyalty_tier",
)  # fmt: skip
BEGAN = datetime(2023, 1, 1, tzinfo=UTC)


def customers(
    tenant: uuid.UUID, count: int, people: list[uuid.UUID], firms: list[uuid.UUID]
) -> Iterator[tuple[object, ...]]:
    """Yield ``count`` rows of ``COLUMNS``, the same ones each time."""
    dice = random.Random(5)
    words = ["".join(dice.choices("abcdefghijklmnoprtuw", k=7)).title() for _ in range(20_000)]
    weights = [1 / (place + 1) ** 1.5 for place in range(len(CITIES))]
    for at in range(count):
        made = BEGAN + timedelta(seconds=at * 100_000_000 / count)
        changed = made + timedelta(seconds=dice.expovariate(1 / 5_000_000))
        first, last = dice.choice(words), dice.choice(words)
        city = dice.choices(CITIES, weights)[0] if dice.random() < 0.97 else None
        orders = int(dice.expovariate(0.3))
        points = int(dice.expovariate(1 / 150)) if dice.random() < 0.4 else 0
        active = dice.random() < 0.9
        milliseconds = int(made.timestamp() * 1000)
        yield (
            tenant,
            uuid.UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62 | dice.getrandbits(60)),
            made,
            changed,
            dice.choice(people) if dice.random() < 0.8 else None,
            f"{first} {last}",
            f"{first}.{last}{at}@mail.example".lower(),
            f"+62812{at:08d}" if dice.random() < 0.9 else None,
            city,
            city.split()[0] if city else None,
            dice.choices(TYPES, (80, 14, 5, 1))[0],
            dice.choice(firms) if dice.random() < 0.1 else None,
            dice.random() < 0.03,
            dice.choice(people) if dice.random() < 0.8 else None,
            dice.sample(TAGS, 2) if dice.random() < 0.3 else [],
            "active" if active else dice.choice(STATUSES),
            active,
            "IDR",
            orders,
            orders * dice.randrange(1_000, 900_000) * 100,
            made + timedelta(days=dice.random() * 300) if orders else None,
            points,
            next(tier for least, tier in TIERS if points >= least),
        )


async def fill(owner: asyncpg.Connection, slug: str, count: int) -> None:
    """Copy ``count`` customers into a tenant, past the demo's, with triggers and all."""
    tenant = await owner.fetchval("SELECT id FROM core_tenant WHERE slug = $1", slug)
    people = [uuid.uuid4() for _ in range(SALESPEOPLE)]
    firms = [uuid.uuid4() for _ in range(FIRMS)]
    await owner.executemany(
        "INSERT INTO core_user (tenant_id, id, name, email, roles)"
        " VALUES ($1, $2, 'Seller', $3, '{staff}')",
        [(tenant, id, f"{id.hex}@bench.example") for id in people],
    )
    await owner.executemany(
        "INSERT INTO customers_company (tenant_id, id, name, kind)"
        " VALUES ($1, $2, 'Firm', 'customer')",
        [(tenant, id) for id in firms],
    )
    await owner.copy_records_to_table(
        "customers_customer", records=customers(tenant, count, people, firms), columns=COLUMNS
    )
