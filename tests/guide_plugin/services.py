"""The rules of visits."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from core.plugin import Change, Context, Rejected, Tenant, Unit

HOLD = """
UPDATE visits_visit v SET held_at = now(), report = $3 WHERE v.tenant_id = $1 AND v.id = $2
"""
LAST = """
UPDATE customers_customer c SET visits_last_at = now() WHERE c.tenant_id = $1 AND c.id = $2
"""


class Holding(msgspec.Struct, frozen=True):
    """What came out of a visit."""

    report: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


async def hold(ctx: Context, unit: Unit, record: Mapping[str, Any], values: Holding) -> None:
    """Write the report of a visit; refuses one that was held already."""
    if record["held_at"] is not None:
        raise Rejected("This visit was held already.", code="held")
    await unit.execute(HOLD, ctx.tenant.id, record["id"], values.report)
    await unit.execute(LAST, ctx.tenant.id, record["customer_id"])


INACTIVE = """
SELECT true FROM customers_customer c
 WHERE c.tenant_id = $1 AND c.id = $2 AND NOT c.is_active
"""


async def refuse_inactive(tenant: Tenant, unit: Unit, change: Change) -> None:
    """Refuse to plan a visit to a customer who is no longer one."""
    if await unit.fetchval(INACTIVE, tenant.id, change.values.get("customer_id")):
        raise Rejected("Only active customers are visited.", code="inactive_customer")
