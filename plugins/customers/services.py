"""The rules of customers."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from core.plugin import Context, Forbidden, Invalid, Unit, change_many, read_ids

ENTITY = "customers.customer"
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
