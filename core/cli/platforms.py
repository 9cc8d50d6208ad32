"""The running product inside a command, for commands that work on tenants' records."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.auth.state import auth_of
from core.cli.connection import Database
from core.config import ConfigFile
from core.runtime.platform import Platform
from core.server.app import open_platform


@asynccontextmanager
async def platform_of(file: ConfigFile, database: Database) -> AsyncIterator[Platform]:
    """Open the platform as the serving role, for a command that works on tenants' records."""
    platform = await open_platform(file, database.app_url)
    try:
        await platform.start()
        yield platform
    finally:
        auth_of(platform).close()
        await platform.stop()
