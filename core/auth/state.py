"""What one process remembers about credentials; the database has the last word on each."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from core.access.rights import Principal
from core.auth.bounded import Bounded
from core.auth.keys import Key, Ring
from core.auth.passwords import Passwords
from core.auth.tokens import Tokens
from core.config import secret_key
from core.platform import Platform

PRINCIPALS = 4096
NOTED = 100_000


class Auth:
    """Keys, the password hasher and bounded caches of one platform."""

    def __init__(self, platform: Platform) -> None:
        ring = Ring(secret_key(platform.config))
        self.key: Key = ring.newest
        self.tokens = Tokens(ring)
        self.passwords = Passwords()
        self.principals: Bounded[tuple[UUID, UUID, int, UUID], Principal] = Bounded(PRINCIPALS)
        self.api_keys: Bounded[str, tuple[float, UUID, Principal]] = Bounded(PRINCIPALS)
        self.sessions_seen: dict[tuple[UUID, UUID], datetime] = {}
        self.keys_used: dict[tuple[UUID, UUID], datetime] = {}
        self.attributes = _attributes(platform)

    def note_session(self, tenant: UUID, session: UUID) -> None:
        """Remember that a session was used; GETs write nothing themselves."""
        if len(self.sessions_seen) < NOTED:
            self.sessions_seen[tenant, session] = datetime.now(UTC)

    def note_key(self, tenant: UUID, key: UUID) -> None:
        """Remember that an API key was used."""
        if len(self.keys_used) < NOTED:
            self.keys_used[tenant, key] = datetime.now(UTC)

    def close(self) -> None:
        """End the threads that hash."""
        self.passwords.close()


def _attributes(platform: Platform) -> dict[str, str]:
    """Return, per scope, the user's column that holds the principal's attribute."""
    scopes = platform.registry.scopes.values()
    return {scope.name: scope.attribute for scope in scopes if scope.attribute}


def auth_of(platform: Platform) -> Auth:
    """Return the platform's state, made on first use."""
    slots: dict[str, Any] = vars(platform)
    found = slots.get("auth")
    if not isinstance(found, Auth):
        found = slots["auth"] = Auth(platform)
    return found
