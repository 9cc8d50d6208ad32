"""Receipts: a request that carries a key has one effect, however often and at once it is sent."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from core.plugin import Conflict, Context, Principal, Tenant, Unit

T = TypeVar("T")
# Whoever sends the same key meanwhile waits here for the end of this transaction.
CLAIM = """
INSERT INTO loyalty_receipt (tenant_id, customer_id, key, owner, request)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant_id, key, owner) WHERE deleted_at IS NULL DO NOTHING RETURNING id
"""
FIND = """
SELECT r.request, r.result FROM loyalty_receipt r
 WHERE r.tenant_id = $1 AND r.key = $2 AND r.owner = $3
"""
KEEP = """
UPDATE loyalty_receipt r SET result = $4 WHERE r.tenant_id = $1 AND r.key = $2 AND r.owner = $3
"""


def is_portal(tenant: Tenant, principal: Principal) -> bool:
    """Return whether none of a principal's roles works for the tenant."""
    return principal.kind != "system" and not any(map(tenant.is_internal, principal.roles))


def visible_key(ctx: Context, key: str | None) -> str | None:
    """Return the key as the ledger shows it: only those who work for the tenant name events."""
    return None if is_portal(ctx.tenant, ctx.principal) else key


async def once(
    ctx: Context,
    unit: Unit,
    key: str | None,
    request: tuple[Any, ...],
    act: Callable[[], Awaitable[T]],
    result: type[T] | None = None,
) -> T:
    """Return what ``act`` returns; for a ``key`` that was used, what it returned then.

    ``request`` identifies the request; a key that names another is refused. Its second
    part is the customer. Without ``result`` there is nothing to keep but the fact.
    """
    if key is None:
        return await act()
    # Customers have keys of their own: none of them can use up the tenant's next order number.
    portal = is_portal(ctx.tenant, ctx.principal)
    place = (ctx.tenant.id, key, str(ctx.principal.id or "") if portal else "")
    identity = " ".join(str(part) for part in request)
    customer = request[1] if len(request) > 1 and isinstance(request[1], UUID) else None
    if await unit.fetchval(CLAIM, place[0], customer, *place[1:], identity) is None:
        found = await unit.fetchrow(FIND, *place)
        if found is None or found["request"] != identity:
            raise Conflict("This key names another request already.", code="key_used")
        if result is None:
            return None  # type: ignore[return-value]  # act returns nothing either
        return msgspec.convert(found["result"], result)
    answer = await act()
    if result is not None:
        await unit.execute(KEEP, *place, msgspec.json.encode(answer).decode())
    return answer
