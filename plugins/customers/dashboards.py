"""Figures over the customers that the caller may list, one statement each (CUS-09)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from core.plugin import Context, conditions, digits

CUSTOMER = "customers.customer"
MONTHS = 12
MOST_CITIES = 10
# {where} is the kernel's: tenant, trash, scope and what plugins hide. $2 is the tenant's time zone.
# One pass over the customers makes all groups at once.
DASHBOARD = """
WITH seen AS MATERIALIZED (
  SELECT x.status, x.is_active, x.is_vip, x.type, x.currency, x.total_orders, x.total_spent,
         date_trunc('month', x.created_at AT TIME ZONE $2) AS month
    FROM customers_customer x WHERE {where}
)
SELECT s.status, s.type, s.currency, count(*) AS customers,
       count(*) FILTER (WHERE s.is_active) AS active, count(*) FILTER (WHERE s.is_vip) AS vips,
       count(*) FILTER (WHERE s.month = date_trunc('month', now() AT TIME ZONE $2)) AS fresh,
       coalesce(sum(s.total_orders), 0)::int8 AS orders,
       coalesce(sum(s.total_spent), 0)::int8 AS spent,
       grouping(s.status, s.type, s.currency) AS part
  FROM seen s GROUP BY GROUPING SETS ((), (s.status), (s.type), (s.currency))
"""
OVERVIEW = """
WITH seen AS MATERIALIZED (
  SELECT x.city, x.type, x.currency, x.is_vip, x.total_orders, x.total_spent,
         date_trunc('month', x.created_at AT TIME ZONE $2)::date AS month
    FROM customers_customer x WHERE {where}
), found AS (
  SELECT s.city, s.type, s.currency, s.month, count(*) AS customers,
         count(*) FILTER (WHERE s.is_vip) AS vips,
         count(*) FILTER (WHERE s.total_orders > 0) AS buyers,
         count(*) FILTER (WHERE s.total_orders > 1) AS regulars,
         coalesce(sum(s.total_orders), 0)::int8 AS orders,
         coalesce(sum(s.total_spent), 0)::int8 AS spent,
         grouping(s.city, s.type, s.currency, s.month) AS part
    FROM seen s GROUP BY GROUPING SETS ((), (s.city), (s.type), (s.currency), (s.month))
)
(SELECT f.*, null::date AS label FROM found f WHERE f.part IN (15, 11, 13))
UNION ALL
(SELECT f.*, null FROM found f WHERE f.part = 7 AND f.city IS NOT NULL
  ORDER BY f.customers DESC, f.city LIMIT {cities})
UNION ALL
(SELECT f.*, m.label::date
   FROM generate_series(date_trunc('month', now() AT TIME ZONE $2) - interval '{back} months',
                        date_trunc('month', now() AT TIME ZONE $2), interval '1 month')
        AS m (label)
   LEFT JOIN found f ON f.part = 14 AND f.month = m.label::date ORDER BY m.label)
"""


class Spending(msgspec.Struct, frozen=True):
    """What came in, in one currency."""

    currency: str
    customers: int
    orders: int
    total_spent: str
    average_order_value: float


class Stats(msgspec.Struct, frozen=True):
    """How things stand; null where the caller may not see the field that is counted."""

    total_customers: int
    active_customers: int
    inactive_customers: int
    vip_customers: int | None
    new_this_month: int
    customers_by_type: dict[str, int]
    customers_by_status: dict[str, int]
    spending: list[Spending]


class Month(msgspec.Struct, frozen=True):
    """How many customers came in a month of the tenant's calendar."""

    month: str
    customers: int


class City(msgspec.Struct, frozen=True):
    """How many customers live in a city."""

    city: str
    customers: int


class Overview(msgspec.Struct, frozen=True):
    """How things went; null where the caller may not see the field that is counted."""

    total_customers: int
    vip_customers: int | None
    customers_with_orders: int
    customers_with_repeat_orders: int
    new_customers_by_month: list[Month]
    customers_by_type: dict[str, int]
    top_cities: list[City]
    spending: list[Spending]


async def dashboard_stats(ctx: Context, connection: Any, record: None, values: None) -> Stats:
    """Count the customers by status and type, and what they spent by currency."""
    rows = await _ask(ctx, connection, DASHBOARD)
    whole = rows[7][0]
    return Stats(
        total_customers=whole["customers"],
        active_customers=whole["active"],
        inactive_customers=whole["customers"] - whole["active"],
        vip_customers=_vips(ctx, whole),
        new_this_month=whole["fresh"],
        customers_by_type=_counts(_types(ctx), rows.get(5, ()), "type"),
        customers_by_status=_counts(_statuses(ctx), rows.get(3, ()), "status"),
        spending=_spending(rows.get(6, ())),
    )


async def analytics_overview(ctx: Context, connection: Any, record: None, values: None) -> Overview:
    """Count the new customers of the last twelve months, the largest cities, who buys again."""
    rows = await _ask(ctx, connection, OVERVIEW)
    whole = rows[15][0]
    months = [row for part in (14, None) for row in rows.get(part, ())]
    months.sort(key=lambda row: row["label"])
    return Overview(
        total_customers=whole["customers"],
        vip_customers=_vips(ctx, whole),
        customers_with_orders=whole["buyers"],
        customers_with_repeat_orders=whole["regulars"],
        new_customers_by_month=[
            Month(row["label"].strftime("%Y-%m"), row["customers"] or 0) for row in months
        ],
        customers_by_type=_counts(_types(ctx), rows.get(11, ()), "type"),
        top_cities=[City(row["city"], row["customers"]) for row in rows.get(7, ())],
        spending=_spending(rows.get(13, ())),
    )


async def _ask(ctx: Context, connection: Any, sql: str) -> dict[int | None, list[Any]]:
    """Return the rows of a statement by the set of columns that they are grouped by."""
    where, values = conditions(ctx, ctx.tenant.entities[CUSTOMER], "list", (), 3)
    text = sql.replace("{where}", where).replace("{cities}", str(MOST_CITIES))
    text = text.replace("{back}", str(MONTHS - 1))
    found: dict[int | None, list[Any]] = {}
    for row in await connection.fetch(text, ctx.tenant.id, ctx.tenant.config.timezone, *values):
        found.setdefault(row["part"], []).append(row)
    return found


def _vips(ctx: Context, row: Mapping[str, Any]) -> int | None:
    return row["vips"] if "is_vip" in ctx.rights.visible(CUSTOMER) else None


def _types(ctx: Context) -> list[str]:
    return [choice.code for choice in ctx.tenant.dictionary("customers.types")]


def _statuses(ctx: Context) -> list[str]:
    return [code for code, _ in ctx.tenant.entities[CUSTOMER].fields["status"].choices]


def _counts(codes: Iterable[str], rows: Sequence[Mapping[str, Any]], key: str) -> dict[str, int]:
    """Return a number per code, also for those that nobody has."""
    return dict.fromkeys(codes, 0) | {row[key]: row["customers"] for row in rows}


def _spending(rows: Sequence[Mapping[str, Any]]) -> list[Spending]:
    found = []
    for row in sorted(rows, key=lambda row: row["currency"]):
        places = digits(row["currency"])
        units = row["spent"] / 10**places
        text = f"{row['spent'] // 10**places}"
        text += f".{row['spent'] % 10**places:0{places}d}" if places else ""
        average = units / row["orders"] if row["orders"] else 0.0
        found.append(Spending(row["currency"], row["customers"], row["orders"], text, average))
    return found
