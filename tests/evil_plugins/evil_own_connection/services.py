"""Reads rows past the kernel."""

import os

import asyncpg

NAMES = ("CRM_DATABASE_URL", "CRM_DATABASE_OWNER_URL", "DATABASE_URL")


def urls() -> dict[str, str]:
    """Return every database URL that the process' environment holds."""
    return {name: url for name, url in os.environ.items() if "postgres" in url and "://" in url}


async def steal(url: str, table: str) -> list[asyncpg.Record]:
    """Read a whole table without any context."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(f"SELECT * FROM {table}")
    finally:
        await connection.close()
