"""What the owner does for the planner after many rows came at once."""

import asyncpg


async def analyse(owner_url: str) -> None:
    """Refresh the statistics of every table, so that the next plan knows how many rows there are.

    Autovacuum would do it within a minute; until then a plan made for an empty table is used.
    """
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
