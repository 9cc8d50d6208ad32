"""Orders that were counted, until a plugin keeps whole orders: each counts once in the totals."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from core.plugin import Conflict, Context, Invalid, Unit, digits, error_message

MOST = 2**53  # in the smallest unit; sums of them stay exact everywhere
_AMOUNT = re.compile(r"[0-9]{1,18}(\.[0-9]{1,6})?", re.ASCII)
EARLY = timedelta(minutes=5)  # how far the clock of another system may go ahead of ours


class Order(msgspec.Struct, frozen=True):
    """An order to count. What carries the same ``key`` counts once."""

    total: Annotated[int | float | str, error_message("Total must be an amount, 0 or more")]
    currency: Annotated[str | None, error_message("Currency must be a code of three letters")] = (
        None
    )
    ordered_at: Annotated[
        datetime | None,
        error_message("Ordered must be a time with its zone, as 2026-01-31T12:00:00Z"),
    ] = None
    key: Annotated[
        Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None,
        error_message("Key must be text of 1 to 100 characters"),
    ] = None


# One statement, so that the list of orders and the totals can never disagree. A key that was
# counted makes no row, and then nothing is added.
COUNT = """
WITH counted AS (
  INSERT INTO customers_purchase (tenant_id, customer_id, ordered_at, currency, total, key)
  VALUES ($1, $2, coalesce($3, now()), $4, $5, $6)
  ON CONFLICT (tenant_id, key) WHERE deleted_at IS NULL DO NOTHING
  RETURNING customer_id, ordered_at, total
)
UPDATE customers_customer c
   SET total_orders = c.total_orders + 1, total_spent = c.total_spent + n.total,
       last_order_date = greatest(c.last_order_date, n.ordered_at)
  FROM counted n
 WHERE c.tenant_id = $1 AND c.id = n.customer_id
RETURNING c.id
"""
SAME_KEY = """
SELECT p.customer_id, p.currency, p.total FROM customers_purchase p
 WHERE p.tenant_id = $1 AND p.key = $2
"""


async def record_order(ctx: Context, unit: Unit, record: Mapping[str, Any], order: Order) -> None:
    """Count an order in the customer's totals (ruling 27); refuses another's key with 409."""
    currency = record["currency"]
    if order.currency is not None and order.currency.strip().upper() != currency:
        detail = f"This customer's orders are counted in {currency}."
        raise Invalid.field("#/currency", detail, "currency", (currency,))
    total = read_amount(order.total, currency)
    ordered_at = _moment(order.ordered_at)
    counted = await unit.fetchval(
        COUNT, ctx.tenant.id, record["id"], ordered_at, currency, total, order.key
    )
    if counted is None:
        found = await unit.fetchrow(SAME_KEY, ctx.tenant.id, order.key)
        same = found and (str(found["customer_id"]), found["currency"], found["total"])
        if same != (str(record["id"]), currency, total):
            raise Conflict("This key names another order already.", code="key_used")


def read_amount(value: float | str, currency: str) -> int:
    """Return an amount in the smallest unit of its currency."""
    text = format(Decimal(str(value)), "f") if not isinstance(value, str) else value.strip()
    if not _AMOUNT.fullmatch(text):
        raise Invalid.field("#/total", "Total must be an amount, 0 or more", "invalid")
    units = Decimal(text).scaleb(digits(currency))
    if units != units.to_integral_value():
        detail = f"An amount in {currency} has at most {digits(currency)} decimals."
        raise Invalid.field("#/total", detail, "decimals")
    if units > MOST:
        raise Invalid.field("#/total", "Total is too large.", "maximum")
    return int(units)


def _moment(given: datetime | None) -> datetime | None:
    if given is None:
        return None
    if given.tzinfo is None:
        detail = "Ordered must be a time with its zone, as 2026-01-31T12:00:00Z"
        raise Invalid.field("#/ordered_at", detail, "invalid")
    if given.astimezone(UTC) > datetime.now(UTC) + EARLY:
        raise Invalid.field("#/ordered_at", "Ordered lies in the future.", "future")
    return given
