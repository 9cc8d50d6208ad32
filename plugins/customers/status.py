"""What an account is worth and whether it is open: VIP, active, status, and whose it is."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import msgspec

from core.plugin import Change, Context, FieldError, Invalid, Tenant, Unit, error_message
from plugins.customers.models import Status

Text = Annotated[str, msgspec.Meta(max_length=500)]
Reason = Annotated[Text | None, error_message("Reason must be text of at most 500 characters")]
SALESPERSON = error_message("Salesperson must be the id of a user")
STATUS = error_message("Status is active, inactive, suspended or closed")


class StatusReason(msgspec.Struct, frozen=True):
    """Why something is done; it stands in the history."""

    reason: Reason = None


class Transfer(msgspec.Struct, frozen=True):
    """Who is to look after the customer from now on, and why."""

    salesperson_id: Annotated[UUID, SALESPERSON]
    reason: Reason = None


class NewStatus(msgspec.Struct, frozen=True):
    """What the account is to be, and why."""

    status: Annotated[Status, STATUS]
    reason: Reason = None


# Each changes a row only where it differs: a customer who is as they should be keeps their version.
SET_VIP = """
UPDATE customers_customer c SET is_vip = $3
 WHERE c.tenant_id = $1 AND c.id = $2 AND c.is_vip <> $3
"""
SET_ACTIVE = """
UPDATE customers_customer c SET is_active = $3
 WHERE c.tenant_id = $1 AND c.id = $2 AND c.is_active <> $3
"""
SET_STATUS = """
UPDATE customers_customer c SET status = $3
 WHERE c.tenant_id = $1 AND c.id = $2 AND c.status <> $3
"""
SET_SALESPERSON = """
UPDATE customers_customer c SET salesperson_id = $3
 WHERE c.tenant_id = $1 AND c.id = $2 AND c.salesperson_id IS DISTINCT FROM $3
"""
MOVED = """
SELECT count(*) FROM customers_customer c
 WHERE c.tenant_id = $1 AND c.id = ANY ($2) AND c.salesperson_id IS DISTINCT FROM $3
"""
PERSON = """
SELECT u.roles, u.is_active FROM core_user u
 WHERE u.tenant_id = $1 AND u.id = $2 AND u.deleted_at IS NULL
"""


async def make_vip(
    ctx: Context, unit: Unit, record: Mapping[str, Any], values: StatusReason
) -> None:
    await unit.execute(SET_VIP, ctx.tenant.id, record["id"], True)


async def revoke_vip(
    ctx: Context, unit: Unit, record: Mapping[str, Any], values: StatusReason
) -> None:
    await unit.execute(SET_VIP, ctx.tenant.id, record["id"], False)


async def activate(
    ctx: Context, unit: Unit, record: Mapping[str, Any], values: StatusReason
) -> None:
    await unit.execute(SET_ACTIVE, ctx.tenant.id, record["id"], True)


async def deactivate(
    ctx: Context, unit: Unit, record: Mapping[str, Any], values: StatusReason
) -> None:
    """Make the customer inactive; one who is suspended or closed stays that."""
    await unit.execute(SET_ACTIVE, ctx.tenant.id, record["id"], False)


async def change_status(
    ctx: Context, unit: Unit, record: Mapping[str, Any], values: NewStatus
) -> None:
    await unit.execute(SET_STATUS, ctx.tenant.id, record["id"], values.status.value)


async def transfer(ctx: Context, unit: Unit, record: Mapping[str, Any], values: Transfer) -> None:
    """Give the customer to another salesperson."""
    if str(record["salesperson_id"]) != str(values.salesperson_id):
        await refuse_no_salesperson(unit, ctx.tenant, values.salesperson_id)
        await unit.execute(SET_SALESPERSON, ctx.tenant.id, record["id"], values.salesperson_id)


async def validate_customer(unit: Unit, tenant: Tenant, change: Change) -> None:
    """Refuse a wrong salesperson, and a new customer whose status contradicts ``is_active``."""
    values = change.values
    both = change.verb == "create" and {"status", "is_active"} <= values.keys()
    if both and values["is_active"] != (values["status"] == Status.ACTIVE):
        detail = "Only an account whose status is active is active. Change one of the two."
        raise Invalid.field("#/is_active", detail, "contradiction")
    person = values.get("salesperson_id")
    if person is None:
        return
    # A customer may keep a salesperson who has left.
    if change.verb == "update" and not await unit.fetchval(
        MOVED, tenant.id, list(change.ids), person
    ):
        return
    await refuse_no_salesperson(unit, tenant, person)


async def refuse_no_salesperson(unit: Unit, tenant: Tenant, user_id: UUID) -> None:
    """Refuse a salesperson who is not an active user that works for the tenant."""
    user = await unit.fetchrow(PERSON, tenant.id, user_id)
    if user is None:
        detail, code = "Salesperson does not exist.", "unknown_record"
    elif not user["is_active"]:
        detail, code = "Salesperson is not an active user. Choose another.", "inactive"
    elif not any(tenant.is_internal(role) for role in user["roles"]):
        code = "role"
        detail = "Salesperson does not work here: no role is internal. Choose another."
    else:
        return
    raise Invalid.fields([FieldError("#/salesperson_id", detail, code)])
