"""Figures over the customers that the caller may list, one statement each (CUS-09)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from core.plugin import Connection, Context, amount, conditions, digits

CUSTOMER = "customers.customer"
MONTHS = 12
MOST_CITIES = 10
# {where} is the kernel's: tenant, trash, scope and what plugins hide. $2 is the tenant's time zone.
# One pass counts the customers by all that matters; the sums by each of it are made of those few.
DASHBOARD = """
WITH month AS MATERIALIZED (
  SELECT date_trunc('month', now() AT TIME ZONE $2) AT TIME ZONE $2 AS start
), seen AS MATERIALIZED (
  SELECT x.status, x.type, x.currency, x.is_active, x.is_vip,
         x.created_at >= (SELECT m.start FROM month m) AS is_fresh, count(*) AS customers,
         sum(x.total_orders)::int8 AS orders, sum(x.total_spent) AS spent
    FROM customers_customer x WHERE {where}
   GROUP BY 1, 2, 3, 4, 5, 6
)
SELECT s.status, s.type, s.currency, coalesce(sum(s.customers), 0)::int8 AS customers,
       coalesce(sum(s.customers) FILTER (WHERE s.is_active), 0)::int8 AS active,
       coalesce(sum(s.customers) FILTER (WHERE s.is_vip), 0)::int8 AS vips,
       coalesce(sum(s.customers) FILTER (WHERE s.is_fresh), 0)::int8 AS fresh,
       coalesce(sum(s.orders), 0)::int8 AS orders, coalesce(sum(s.spent), 0)::int8 AS spent,
       grouping(s.status, s.type, s.currency) AS part
  FROM seen s GROUP BY GROUPING SETS ((), (s.status), (s.type), (s.currency))
"""
# Cities are grouped as an expression: in the order of their index each row would be fetched alone.
OVERVIEW = """
WITH month AS MATERIALIZED (
  SELECT m.start, m.start AT TIME ZONE $2 AS since, m.number
    FROM generate_series(date_trunc('month', now() AT TIME ZONE $2) - interval '{back} months',
                         date_trunc('month', now() AT TIME ZONE $2), interval '1 month')
         WITH ORDINALITY AS m (start, number)
), seen AS MATERIALIZED (
  SELECT x.type, x.currency, x.is_vip, least(x.total_orders, 2) AS habit,
         width_bucket(x.created_at, (SELECT array_agg(m.since ORDER BY m.since) FROM month m))
           AS month, count(*) AS customers, sum(x.total_orders)::int8 AS orders,
         sum(x.total_spent) AS spent
    FROM customers_customer x WHERE {where}
   GROUP BY 1, 2, 3, 4, 5
), found AS (
  SELECT s.type, s.currency, s.month, coalesce(sum(s.customers), 0)::int8 AS customers,
         coalesce(sum(s.customers) FILTER (WHERE s.is_vip), 0)::int8 AS vips,
         coalesce(sum(s.customers) FILTER (WHERE s.habit > 0), 0)::int8 AS buyers,
         coalesce(sum(s.customers) FILTER (WHERE s.habit > 1), 0)::int8 AS regulars,
         coalesce(sum(s.orders), 0)::int8 AS orders, coalesce(sum(s.spent), 0)::int8 AS spent,
         grouping(s.type, s.currency, s.month) AS part
    FROM seen s GROUP BY GROUPING SETS ((), (s.type), (s.currency), (s.month))
)
(SELECT f.part, f.type AS label, f.currency, f.customers, f.vips, f.buyers, f.regulars, f.orders,
        f.spent
   FROM found f WHERE f.part IN (7, 3, 5))
UNION ALL
(SELECT 6, to_char(m.start, 'YYYY-MM'), null, coalesce(f.customers, 0), 0, 0, 0, 0, 0
   FROM month m LEFT JOIN found f ON f.part = 6 AND f.month = m.number ORDER BY m.start)
UNION ALL
(SELECT 0, c.city, null, c.customers, 0, 0, 0, 0, 0
   FROM (SELECT x.city || '' AS city, count(*) AS customers
           FROM customers_customer x WHERE {where} AND x.city <> '' GROUP BY 1) c
  ORDER BY c.customers DESC, c.city LIMIT {cities})
"""
# What grouping() says of the rows of either statement.
WHOLE = 7
BY_STATUS, BY_TYPE, BY_CURRENCY = 3, 5, 6
OVERVIEW_TYPE, OVERVIEW_CURRENCY, OVERVIEW_MONTH, OVERVIEW_CITY = 3, 5, 6, 0


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


async def dashboard_stats(
    ctx: Context, connection: Connection, record: None, values: None
) -> Stats:
    """Count the customers by status and type, and what they spent by currency."""
    rows = await _fetch_by_grouping(ctx, connection, DASHBOARD)
    whole = rows[WHOLE][0]
    return Stats(
        total_customers=whole["customers"],
        active_customers=whole["active"],
        inactive_customers=whole["customers"] - whole["active"],
        vip_customers=_vips(ctx, whole),
        new_this_month=whole["fresh"],
        customers_by_type=_counts(_types(ctx), rows.get(BY_TYPE, ()), "type"),
        customers_by_status=_counts(_statuses(ctx), rows.get(BY_STATUS, ()), "status"),
        spending=_spending(rows.get(BY_CURRENCY, ())),
    )


async def analytics_overview(
    ctx: Context, connection: Connection, record: None, values: None
) -> Overview:
    """Count the new customers of the last twelve months, the largest cities, who buys again."""
    rows = await _fetch_by_grouping(ctx, connection, OVERVIEW)
    whole = rows[WHOLE][0]
    return Overview(
        total_customers=whole["customers"],
        vip_customers=_vips(ctx, whole),
        customers_with_orders=whole["buyers"],
        customers_with_repeat_orders=whole["regulars"],
        new_customers_by_month=[
            Month(row["label"], row["customers"]) for row in rows[OVERVIEW_MONTH]
        ],
        customers_by_type=_counts(_types(ctx), rows.get(OVERVIEW_TYPE, ()), "label"),
        top_cities=[City(row["label"], row["customers"]) for row in rows.get(OVERVIEW_CITY, ())],
        spending=_spending(rows.get(OVERVIEW_CURRENCY, ())),
    )


async def _fetch_by_grouping(
    ctx: Context, connection: Connection, sql: str
) -> dict[int, list[Any]]:
    """Return the rows of a statement by the set of columns that they are grouped by."""
    where, values = conditions(ctx, ctx.tenant.entities[CUSTOMER], "list", (), 3)
    text = sql.format(where=where, cities=MOST_CITIES, back=MONTHS - 1)
    found: dict[int, list[Any]] = {}
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
        currency, orders = row["currency"], row["orders"]
        units = row["spent"] / 10 ** digits(currency)
        text = amount(row["spent"], currency)
        average = units / orders if orders else 0.0
        found.append(Spending(currency, row["customers"], orders, text, average))
    return found
