"""Idempotency-Key: a retried POST has one effect and gets the stored answer."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar import Request
from litestar.response.base import ASGIResponse

from core.database.connections import Unit
from core.errors import Conflict, Invalid, Unprocessable
from core.rest.responses import raw_reply
from core.runtime.context import Context

MOST_KEY = 255
FIND = """
SELECT fingerprint, status, body, headers FROM core_idempotency
 WHERE tenant_id = $1 AND principal = $2 AND route = $3 AND key = $4
   AND created_at > now() - interval '24 hours'
"""
STORE = """
INSERT INTO core_idempotency
       (tenant_id, principal, route, key, fingerprint, status, body, headers, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now())
ON CONFLICT (tenant_id, principal, route, key) WHERE deleted_at IS NULL DO UPDATE
   SET fingerprint = excluded.fingerprint, status = excluded.status, body = excluded.body,
       headers = excluded.headers, created_at = excluded.created_at
"""


class Answer(msgspec.Struct, frozen=True):
    """What a write answers, before it is sent: only a committed 2xx is ever stored."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = {}

    def response(self, **more: str) -> ASGIResponse:
        """Return the answer as it goes out."""
        return raw_reply(self.body, self.status, {**self.headers, **more})


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


async def write_once(
    ctx: Context,
    request: Request[Any, Any, Any],
    fn: Callable[[Unit], Awaitable[Answer]],
    *,
    keyed: bool = False,
) -> ASGIResponse:
    """Run ``fn`` in a transaction, once per key: tenant, principal, route and key name the effect.

    A repeated key answers as the first time; with another body it is refused with 422, and while
    the first is still running with 409.
    """
    key = read_key(request)
    if key is None:
        return (await ctx.write(fn, keyed=keyed)).response()
    mark = request.scope["query_string"] + b"\n" + await request.body()
    answer, replayed = await once(ctx, request, key, mark, fn, keyed=keyed)
    return answer.response(**({"Idempotency-Replayed": "true"} if replayed else {}))


async def once(
    ctx: Context,
    request: Request[Any, Any, Any],
    key: str,
    content: bytes,
    fn: Callable[[Unit], Awaitable[Answer]],
    *,
    keyed: bool = False,
) -> tuple[Answer, bool]:
    """Run ``fn`` as ``write_once`` does; return its answer and whether it is that of before.

    ``content`` is what a repetition must send again.
    """
    who = f"{ctx.principal.kind}:{ctx.principal.key_id or ctx.principal.id}"
    route = f"{request.method} {request.scope['path'].rstrip('/')}"
    mark = hashlib.sha256(content).hexdigest()
    place = (ctx.tenant.id, who, route, key)
    replayed = False

    async def run(unit: Unit) -> Answer:
        nonlocal replayed
        lock = hashlib.blake2b(repr(place).encode(), digest_size=8).digest()
        number = int.from_bytes(lock, "big", signed=True)
        if not await unit.fetchval("SELECT pg_try_advisory_xact_lock($1)", number):
            raise Conflict("A request with this key is still running.", code="in_progress")
        found = await unit.fetchrow(FIND, *place)
        if found is not None:
            if found["fingerprint"] != mark:
                raise Unprocessable
            replayed = True
            headers = msgspec.json.decode(found["headers"], type=dict[str, str])
            return Answer(found["body"], found["status"], headers)
        answer = await fn(unit)
        headers_text = msgspec.json.encode(answer.headers).decode()
        await unit.execute(STORE, *place, mark, answer.status, answer.body, headers_text)
        return answer

    return await ctx.write(run, keyed=keyed), replayed
