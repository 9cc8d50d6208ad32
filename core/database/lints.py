"""What must hold in the catalogue before anything is served; each finding names its object."""

from sqlalchemy.ext.asyncio import AsyncConnection

from core.registry import Registry


async def lint(connection: AsyncConnection, registry: Registry) -> None:
    """Refuse with ``StartRefused`` every object that breaks a rule of the schema."""
