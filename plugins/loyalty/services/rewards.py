"""Rewards: taken for points, handed over, or taken back with points and stock."""

import base64
import secrets
from collections.abc import Mapping
from typing import Any

from core.plugin import Conflict, Context, NotFound, Principal, Tenant, Unit, conditions
from plugins.loyalty.models import Kind, Status
from plugins.loyalty.schemas import (
    MOST_POINTS,
    Cancellation,
    Issued,
    Reversal,
    RewardRequest,
    read_link,
    unknown,
)
from plugins.loyalty.services import ledger, points
from plugins.loyalty.services.ledger import Entry
from plugins.loyalty.services.receipts import is_portal, once, visible_key

REWARD = "loyalty.reward"
SEE = """
SELECT x.id, x.name, x.points, x.stock, x.minimum_tier,
       x.is_active AND coalesce(x.valid_from <= now(), true)
       AND coalesce(x.valid_until > now(), true) AS offered
  FROM loyalty_reward x WHERE {where} AND x.id = $2
"""
# The price is the one that was read: of a reward edited meanwhile nothing is issued.
TAKE_ONE = """
UPDATE loyalty_reward r SET stock = r.stock - 1
 WHERE r.tenant_id = $1 AND r.id = $2 AND r.deleted_at IS NULL AND r.is_active
   AND r.points = $3 AND r.stock > 0
"""
PUT_ONE_BACK = """
UPDATE loyalty_reward r SET stock = r.stock + 1
 WHERE r.tenant_id = $1 AND r.id = $2 AND r.stock IS NOT NULL
"""
ISSUE = """
INSERT INTO loyalty_redemption (tenant_id, customer_id, reward_id, entry_id, points, voucher)
VALUES ($1, $2, $3, $4, $5, $6) RETURNING id
"""
SET_STATUS = """
UPDATE loyalty_redemption d SET status = $3 WHERE d.tenant_id = $1 AND d.id = $2
"""


def new_voucher() -> str:
    """Return 80 random bits as four groups of letters and digits."""
    text = base64.b32encode(secrets.token_bytes(10)).decode()
    return "-".join(text[place : place + 4] for place in range(0, 16, 4))


async def redeem_reward(
    ctx: Context, unit: Unit, record: Mapping[str, Any], values: RewardRequest
) -> Issued:
    """Give a customer a reward for its price in points; stock and balance never fall below zero."""

    async def act() -> Issued:
        return await _issue(ctx, unit, record, values)

    asked = ("redeem_reward", record["id"], values.reward_id)
    return await once(ctx, unit, values.key, asked, act, Issued)


async def _issue(
    ctx: Context, unit: Unit, customer: Mapping[str, Any], values: RewardRequest
) -> Issued:
    tenant = ctx.tenant
    where, given = conditions(ctx, tenant.entities[REWARD], "view", (), 3)
    reward_id = read_link(values.reward_id, "#/reward_id", "Reward")
    reward = await unit.fetchrow(SEE.format(where=where), tenant.id, reward_id, *given)
    if reward is None:
        raise unknown("#/reward_id", "Reward")
    _refuse_unfit(ctx, customer, reward)
    price, name = reward["points"], reward["name"]
    if reward["stock"] is not None and not await unit.execute(
        TAKE_ONE, tenant.id, reward["id"], price
    ):
        detail = "Nothing of this reward is left. Choose another."
        raise Conflict.over("#/reward_id", detail, "out_of_stock")
    entry = Entry(kind=Kind.REDEEMED, reason=f"Reward: {name}", key=visible_key(ctx, values.key))
    posted = await ledger.take(unit, tenant, customer, entry, price)
    voucher = new_voucher()
    id = await unit.fetchval(
        ISSUE, tenant.id, customer["id"], reward["id"], posted.entry_id, price, voucher
    )
    return Issued(
        id, reward["id"], voucher, Status.ISSUED.value, price, posted.balance, posted.tier
    )


def _refuse_unfit(ctx: Context, customer: Mapping[str, Any], reward: Mapping[str, Any]) -> None:
    """Refuse a reward that is not offered now, or not to a customer of this tier."""
    if not reward["offered"]:
        detail = "This reward is not offered now. Choose another."
        raise Conflict.over("#/reward_id", detail, "not_offered")
    thresholds = {tier.code: tier.points for tier in ctx.tenant.settings("loyalty").tiers}
    least = reward["minimum_tier"]
    if least is not None and customer["loyalty_points"] < thresholds.get(least, MOST_POINTS + 1):
        detail = f"This reward is for the tier {least} and above. Choose another."
        raise Conflict.over("#/reward_id", detail, "tier_too_low")


async def fulfil(ctx: Context, unit: Unit, record: Mapping[str, Any], values: None) -> None:
    """Note that the customer has the reward."""
    _refuse_settled(record)
    await unit.execute(SET_STATUS, ctx.tenant.id, record["id"], Status.FULFILLED.value)


async def cancel(ctx: Context, unit: Unit, record: Mapping[str, Any], values: Cancellation) -> None:
    """Take a redemption back: its points return to their lots, and one more is in stock."""

    async def act() -> None:
        _refuse_settled(record)
        tenant, customer_id = ctx.tenant, record["customer_id"]
        found = await ledger.lock(unit, tenant, customer_id)
        if customer_id not in found:
            raise NotFound
        entry = await unit.fetchrow(points.FIND, tenant.id, record["entry_id"], customer_id)
        asked = Reversal(
            entry_id=str(record["entry_id"]), reason=values.reason, key=visible_key(ctx, values.key)
        )
        if entry is None or entry["kind"] != Kind.REDEEMED:
            detail = "This redemption took no points; there is nothing to give back."
            raise Conflict(detail, code="not_reversible")
        await points.reverse(unit, tenant, found[customer_id], entry, asked)
        await unit.execute(PUT_ONE_BACK, tenant.id, record["reward_id"])
        await unit.execute(SET_STATUS, tenant.id, record["id"], Status.CANCELLED.value)

    asked = ("cancel", record["customer_id"], record["id"], values.reason)
    await once(ctx, unit, values.key, asked, act)


def _refuse_settled(record: Mapping[str, Any]) -> None:
    if record["status"] != Status.ISSUED:
        detail = f"This redemption is {record['status']}; it stays as it is."
        raise Conflict(detail, code="settled")


def offered_to(tenant: Tenant, actor: Principal) -> dict[str, Any] | None:
    """Return the criteria of the rewards that a principal may see: the active ones in a portal."""
    if not is_portal(tenant, actor):
        return None
    return {"field": "is_active", "op": "=", "value": True}
