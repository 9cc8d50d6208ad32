"""The dummy's rules."""

from typing import Any

import msgspec

from core.plugin import Rejected


class Inspection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an inspector says."""

    verdict: str
    seal: int = 1


class Loudest(msgspec.Struct, frozen=True):
    """The answer of the collection action."""

    count: int
    limit: int


async def inspect(ctx: Any, unit: Any, record: Any, values: Inspection) -> None:
    """Seal a device; refuses one that is sealed."""
    if record["sealed"]:
        raise Rejected("The device is sealed already.", code="sealed")
    await unit.execute(
        "UPDATE dummy_device x SET sealed = $3, checked_at = now()"
        " WHERE x.tenant_id = $1 AND x.id = $2",
        ctx.tenant.id,
        record["id"],
        values.seal,
    )


async def loudest(ctx: Any, connection: Any, record: Any, values: Any) -> Loudest:
    """Count the loud devices."""
    count = await connection.fetchval(
        "SELECT count(*) FROM dummy_device x WHERE x.tenant_id = $1 AND x.is_loud"
        " AND x.deleted_at IS NULL",
        ctx.tenant.id,
    )
    return Loudest(count, ctx.tenant.settings("dummy").most_decibel)


def refuse_cursed(values: dict[str, Any]) -> None:
    """Refuse a device that nobody should own."""
    if values.get("name") == "cursed":
        raise Rejected("Nobody may own a cursed device.", code="cursed")


def slow_down(values: dict[str, Any]) -> None:
    """Let a hurried device wait, as a rule does that asks a service which may be asked seldom."""
    if values.get("name") == "hurried":
        later = {"Retry-After": "30"}
        raise Rejected("Too many devices at once.", code="hurried", status=429, headers=later)


def seal_heirlooms(values: dict[str, Any]) -> None:
    """Lay a value on a field that no body may carry, and replace one that a body did."""
    if values.get("name") == "heirloom":
        values |= {"name": "Heirloom", "sealed": 7}
