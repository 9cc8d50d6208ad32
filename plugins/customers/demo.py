"""Demo customers of a tenant: the same ones on every run."""

from collections.abc import Callable

from core.plugin import Tenant, Unit


async def fill(
    unit: Unit, tenant: Tenant, scale: float, progress: Callable[[int, int], None]
) -> None:
    """Make companies, customers and links that do not exist yet."""
