"""The rules of customers."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from core.plugin import (
    Change,
    Context,
    Forbidden,
    Invalid,
    Tenant,
    Unit,
    change_many,
    read_ids,
)
from plugins.customers.models import CompanyKind

ENTITY = "customers.customer"
KIND = "SELECT o.kind FROM customers_company o WHERE o.tenant_id = $1 AND o.id = $2"
STATES = {"activate": True, "deactivate": False}


class Selection(msgspec.Struct, frozen=True):
    """Which customers to change, and how."""

    customer_ids: Annotated[
        list[Any], msgspec.Meta(extra={"message": "No customers selected"})
    ] = []
    action: Annotated[str, msgspec.Meta(extra={"message": "Invalid action"})] = ""


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
    if not selection.customer_ids:
        raise Invalid.field("#/customer_ids", "No customers selected", "required")
    if selection.action not in STATES:
        raise Invalid.field("#/action", "Invalid action", "unknown", tuple(STATES))
    if "is_active" not in ctx.rights.writable(ENTITY, "update"):
        raise Forbidden
    ids = read_ids(selection.customer_ids, "#/customer_ids")
    values = {"is_active": STATES[selection.action]}
    found = await change_many(
        ctx, unit, ctx.tenant.entities[ENTITY], "update", ids, values, atomic=False
    )
    return Updated(**found)


async def refuse_link_to_buyer(unit: Unit, tenant: Tenant, change: Change) -> None:
    """Refuse to link a customer to a company that itself buys: nobody there sells to him."""
    kind = await unit.fetchval(KIND, tenant.id, change.values.get("company_id"))
    if kind == CompanyKind.CUSTOMER:
        detail = "This company buys; link the customer to one that sells."
        raise Invalid.field("#/company_id", detail, "kind")
