"""Demo points of a tenant: the same ones on every run."""

from collections.abc import Callable

from core.plugin import Tenant, Unit


async def fill(
    unit: Unit, tenant: Tenant, scale: float, progress: Callable[[int, int], None]
) -> None:
    """Give demo customers points that their ledgers explain."""
