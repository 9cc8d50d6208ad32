"""Idempotency-Key: a retried POST has one effect and gets the stored answer."""

import hashlib
from collections.abc import Awaitable, Callable

import msgspec

from core.database.connections import Unit
from core.errors import Conflict, Unprocessable
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


class StoredAnswer(msgspec.Struct, frozen=True):
    """What a write answers, before it is sent: only a committed 2xx is ever stored."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = {}


async def run_once(
    ctx: Context,
    route: str,
    key: str,
    content: bytes,
    fn: Callable[[Unit], Awaitable[StoredAnswer]],
    *,
    keyed: bool = False,
) -> tuple[StoredAnswer, bool]:
    """Run ``fn`` in a transaction, once per key; return its answer and whether it is a stored one.

    Tenant, principal, route and key name the effect. A repeated key gets the stored answer; with
    another ``content`` it is refused with 422, and while the first is still running with 409.
    """
    who = f"{ctx.principal.kind}:{ctx.principal.key_id or ctx.principal.id}"
    fingerprint = hashlib.sha256(content).hexdigest()
    effect = (ctx.tenant.id, who, route, key)
    replayed = False

    async def run(unit: Unit) -> StoredAnswer:
        nonlocal replayed
        lock = hashlib.blake2b(repr(effect).encode(), digest_size=8).digest()
        number = int.from_bytes(lock, "big", signed=True)
        if not await unit.fetchval("SELECT pg_try_advisory_xact_lock($1)", number):
            raise Conflict("A request with this key is still running.", code="in_progress")
        stored = await unit.fetchrow(FIND, *effect)
        if stored is not None:
            if stored["fingerprint"] != fingerprint:
                raise Unprocessable
            replayed = True
            headers = msgspec.json.decode(stored["headers"], type=dict[str, str])
            return StoredAnswer(stored["body"], stored["status"], headers)
        answer = await fn(unit)
        headers_text = msgspec.json.encode(answer.headers).decode()
        await unit.execute(STORE, *effect, fingerprint, answer.status, answer.body, headers_text)
        return answer

    return await ctx.write(run, keyed=keyed), replayed
