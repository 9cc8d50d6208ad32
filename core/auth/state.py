"""What one process remembers about credentials; the database has the last word on each."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import structlog

from core.access.rights import SYSTEM, Principal
from core.auth.lru_cache import LruCache
from core.auth.sign_in.passwords import Passwords
from core.auth.tokens.access_tokens import AccessTokens
from core.auth.tokens.signing_keys import Key, KeyRing
from core.config import secret_key
from core.database.connections import Unit
from core.errors import Refused
from core.runtime.platform import Platform
from core.runtime.transaction_settings import transaction_settings

log = structlog.get_logger("crm.auth")
PRINCIPALS = 4096
MOST_USAGE_TIMES = 100_000
# Reads write nothing themselves: what was used is collected, and written this often.
USAGE_SECONDS = 60
SESSIONS_USED = """
UPDATE core_session s SET last_seen_at = greatest(s.last_seen_at, n.at),
       expires_at = CASE WHEN s.idle IS NULL THEN s.expires_at
                         ELSE least(s.ends_at, greatest(s.expires_at, n.at + s.idle)) END
  FROM unnest($2::uuid[], $3::timestamptz[]) AS n (id, at)
 WHERE s.tenant_id = $1 AND s.id = n.id AND s.revoked_at IS NULL
"""
KEYS_USED = """
UPDATE core_api_key k SET last_used_at = greatest(k.last_used_at, n.at)
  FROM unnest($2::uuid[], $3::timestamptz[]) AS n (id, at)
 WHERE k.tenant_id = $1 AND k.id = n.id
"""
UsageTimes = dict[tuple[UUID, UUID], datetime]


class Auth:
    """Keys, the password hasher and bounded caches of one platform."""

    def __init__(self, platform: Platform) -> None:
        ring = KeyRing(secret_key(platform.config))
        self.key: Key = ring.newest
        self.tokens = AccessTokens(ring)
        self.passwords = Passwords()
        self.principals: LruCache[tuple[UUID, UUID, int, UUID], Principal] = LruCache(PRINCIPALS)
        self.api_keys: LruCache[str, tuple[float, UUID, Principal]] = LruCache(PRINCIPALS)
        self.sessions_seen: UsageTimes = {}
        self.keys_used: UsageTimes = {}
        self._database = platform.database
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None
        self.attributes = _attributes(platform)

    def note_session(self, tenant: UUID, session: UUID) -> None:
        """Remember that a session was used."""
        self._note(self.sessions_seen, tenant, session)

    def note_key(self, tenant: UUID, key: UUID) -> None:
        """Remember that an API key was used."""
        self._note(self.keys_used, tenant, key)

    def _note(self, noted: UsageTimes, tenant: UUID, id: UUID) -> None:
        if len(noted) < MOST_USAGE_TIMES:
            noted[tenant, id] = datetime.now(UTC)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(USAGE_SECONDS, self._write_soon)

    def hasten(self) -> None:
        """Write what was noted now and not within the minute: a session is about to end unused."""
        if self._timer is not None:
            self._timer.cancel()
            self._write_soon()

    def _write_soon(self) -> None:
        self._timer = None
        self._writing = asyncio.get_running_loop().create_task(self._write_and_log())

    async def _write_and_log(self) -> None:
        try:
            await self.write_last_used()
        except Refused as refused:
            log.warning("last_seen_not_written", reason=refused.code)

    async def write_last_used(self) -> None:
        """Write what was used since the last time, one transaction per tenant (ruling 25)."""
        sessions, keys = self.sessions_seen, self.keys_used
        self.sessions_seen, self.keys_used = {}, {}
        for tenant in {tenant for tenant, _ in (*sessions, *keys)}:

            async def run(unit: Unit, tenant: UUID = tenant) -> None:
                for sql, noted in ((SESSIONS_USED, sessions), (KEYS_USED, keys)):
                    mine = {id: at for (owner, id), at in noted.items() if owner == tenant}
                    if mine:
                        await unit.execute(sql, tenant, list(mine), list(mine.values()))
                await unit.execute("SELECT crm_attempt_sweep()")

            await self._database.write(transaction_settings(tenant, SYSTEM, "*"), run)

    async def end(self) -> None:
        """Write what was noted since the last time, then close; the process is about to stop."""
        await self._write_and_log()
        self.close()

    def close(self) -> None:
        """End the threads that hash, and the clock."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.passwords.close()


def _attributes(platform: Platform) -> dict[str, str]:
    """Return, per scope, the user's column that holds the principal's attribute."""
    scopes = platform.registry.scopes.values()
    return {scope.name: scope.attribute for scope in scopes if scope.attribute}


def auth_of(platform: Platform) -> Auth:
    """Return the platform's state, made on first use."""
    if not isinstance(platform.auth, Auth):
        platform.auth = Auth(platform)
    return platform.auth
