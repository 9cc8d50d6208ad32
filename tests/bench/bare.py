"""The limits: a bare Litestar application with the same SQL, and one that says hello.

Run by granian in a process of its own; ``BENCH_SQL`` is a JSON list of statement and values.
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from litestar import Litestar, get, post

SQL, CONTEXT, VALUES = json.loads(os.environ.get("BENCH_SQL", '["", "", []]'))


def values() -> list[Any]:
    """Return the statement's values: the tenant, then truth, page size and offset as sent."""
    words = {"True": True, "False": False}
    return [words[v] if v in words else int(v) if v.isdigit() else v for v in VALUES]


@asynccontextmanager
async def pool(app: Litestar) -> AsyncIterator[None]:
    """Open the driver's own pool, as large as the kernel's."""
    if SQL:
        app.state.pool = await asyncpg.create_pool(
            os.environ["BENCH_URL"], min_size=10, max_size=10, statement_cache_size=512
        )
    yield


@get("/hello")
async def hello() -> dict[str, str]:
    """Say hello."""
    return {"hello": "world"}


@post("/create", status_code=201)
async def create(data: dict[str, Any]) -> dict[str, Any]:
    """Insert one row into a table without triggers: begin, context, insert, commit."""
    async with app.state.pool.acquire() as connection:
        await connection.execute(f"BEGIN; {CONTEXT}")
        row = await connection.fetchrow(SQL, VALUES[0], data["name"], data["email"], data["city"])
        await connection.execute("COMMIT")
    return dict(row)


@get("/list")
async def rows() -> dict[str, Any]:
    """Answer a page with the same statements as the kernel: begin, context, page, commit."""
    async with app.state.pool.acquire() as connection:
        await connection.execute(f"BEGIN READ ONLY; {CONTEXT}")
        found = await connection.fetch(SQL, *values())
        await connection.execute("COMMIT")
    results = [dict(row) for row in found]
    count = results[0]["__count"] if results else 0
    return {"count": count, "next": None, "previous": None, "results": results}


app = Litestar([hello, rows, create], lifespan=[pool], openapi_config=None)
