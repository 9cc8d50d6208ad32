"""The rules of customers."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from core.plugin import (
    Change,
    Context,
    Forbidden,
    Invalid,
    Tenant,
    Unit,
    change_many,
    error_message,
    read_ids,
)
from plugins.customers.models import CompanyKind, Status
from plugins.customers.status import SALESPERSON, STATUS, Reason

ENTITY = "customers.customer"
KIND = "SELECT o.kind FROM customers_company o WHERE o.tenant_id = $1 AND o.id = $2"
STATES = {"activate": True, "deactivate": False}
# Whoever rearranges what belongs to a customer waits here for others who do the same.
LOCK_CUSTOMERS = """
SELECT 1 FROM customers_customer c
 WHERE c.tenant_id = $1 AND c.id = ANY ($2) ORDER BY c.id FOR NO KEY UPDATE
"""
INVALID = error_message("Invalid action")

Customers = Annotated[list[Any], error_message("No customers selected")]
Deed = Literal["activate", "deactivate", "make_vip", "revoke_vip", "change_status", "transfer"]


class Selection(msgspec.Struct, frozen=True):
    """Which customers to change, and how."""

    customer_ids: Customers = []
    action: Annotated[str, INVALID] = ""


class BulkAction(msgspec.Struct, frozen=True):
    """Which customers to change, how, and why; ``status`` or ``salesperson_id`` as it needs."""

    customer_ids: Customers = []
    action: Annotated[Deed | None, INVALID] = None
    status: Annotated[Status | None, STATUS] = None
    salesperson_id: Annotated[UUID | None, SALESPERSON] = None
    reason: Reason = None

    def values(self) -> dict[str, Any]:
        """Return what is to be set; refuses an action without what it needs."""
        switches = {
            "activate": {"is_active": True},
            "deactivate": {"is_active": False},
            "make_vip": {"is_vip": True},
            "revoke_vip": {"is_vip": False},
        }
        if self.action is None:
            raise Invalid.field("#/action", "Invalid action", "unknown")
        if self.action in switches:
            return switches[self.action]
        name = "status" if self.action == "change_status" else "salesperson_id"
        value = getattr(self, name)
        if value is None:
            label = "Account status" if name == "status" else "Salesperson"
            raise Invalid.field(f"#/{name}", f"{label} is required", "required")
        return {name: value.value if isinstance(value, Status) else value}


class Updated(msgspec.Struct, frozen=True):
    """What a bulk update did. ``skipped`` are the ids that the caller may not change."""

    updated: int
    ids: list[Any]
    skipped: list[Any]
    message: str


async def bulk_update(
    ctx: Context, unit: Unit, record: Mapping[str, Any] | None, selection: Selection
) -> Updated:
    """Activate or deactivate the selected customers, in one statement."""
    if selection.customer_ids and selection.action not in STATES:
        raise Invalid.field("#/action", "Invalid action", "unknown", tuple(STATES))
    values = {"is_active": STATES.get(selection.action)}
    return await _change(ctx, unit, selection.customer_ids, values)


async def bulk_action(
    ctx: Context, unit: Unit, record: Mapping[str, Any] | None, request: BulkAction
) -> Updated:
    """Do one thing to all selected customers, in one statement (CUS-12)."""
    values = request.values() if request.customer_ids else {}
    return await _change(ctx, unit, request.customer_ids, values)


async def _change(ctx: Context, unit: Unit, selected: list[Any], values: dict[str, Any]) -> Updated:
    if not selected:
        raise Invalid.field("#/customer_ids", "No customers selected", "required")
    if not values.keys() <= ctx.rights.writable(ENTITY, "update"):
        raise Forbidden
    ids = read_ids(selected, "#/customer_ids")
    found = await change_many(
        ctx, unit, ctx.tenant.entities[ENTITY], "update", ids, values, atomic=False
    )
    return Updated(**found)


async def lock_customers(unit: Unit, tenant: Tenant, ids: list[UUID]) -> None:
    """Wait for other changes of these customers' contacts and addresses, and hold off more."""
    await unit.execute(LOCK_CUSTOMERS, tenant.id, ids)


async def refuse_link_to_buyer(unit: Unit, tenant: Tenant, change: Change) -> None:
    """Refuse to link a customer to a company that itself buys: nobody there sells to them."""
    kind = await unit.fetchval(KIND, tenant.id, change.values.get("company_id"))
    if kind == CompanyKind.CUSTOMER:
        detail = "This company buys; link the customer to one that sells."
        raise Invalid.field("#/company_id", detail, "kind")
