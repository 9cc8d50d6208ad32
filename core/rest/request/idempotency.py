"""The Idempotency-Key header: a write runs once per key, and its stored answer is replayed."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request
from litestar.response.base import ASGIResponse

from core.database.connections import Unit
from core.errors import Invalid
from core.records.changes.idempotency import MOST_KEY, StoredAnswer, run_once
from core.rest.responses import raw_reply
from core.runtime.context import Context


def read_key(request: Request[Any, Any, Any]) -> str | None:
    """Return the request's key; refuses one that is empty, too long or not printable."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 0 < len(key) <= MOST_KEY or not (key.isascii() and key.isprintable()):
        raise Invalid.field(
            "Idempotency-Key", f"Use 1 to {MOST_KEY} printable ASCII characters.", "key"
        )
    return key


def route_name(request: Request[Any, Any, Any]) -> str:
    """Return the method and path under which the keys of a request are stored."""
    return f"{request.method} {request.scope['path'].rstrip('/')}"


def response(answer: StoredAnswer, **headers: str) -> ASGIResponse:
    """Return the answer of a write, with more headers, as a response."""
    return raw_reply(answer.body, answer.status, {**answer.headers, **headers})


async def write_once(
    ctx: Context,
    request: Request[Any, Any, Any],
    fn: Callable[[Unit], Awaitable[StoredAnswer]],
    *,
    keyed: bool = False,
) -> ASGIResponse:
    """Run ``fn`` in a transaction, once where the request has a key, as ``run_once`` does."""
    key = read_key(request)
    if key is None:
        return response(await ctx.write(fn, keyed=keyed))
    content = request.scope["query_string"] + b"\n" + await request.body()
    answer, replayed = await run_once(ctx, route_name(request), key, content, fn, keyed=keyed)
    return response(answer, **({"Idempotency-Replayed": "true"} if replayed else {}))
