"""Sessions: families of refresh tokens of which only the newest is good, once.

A session ends after 30 days without a refresh, and after 90 days in any case.
"""

from uuid import UUID

import msgspec

from core.access.rights import SYSTEM
from core.auth import events
from core.auth.sign_in.client_address import Client
from core.auth.tokens.opaque import RefreshToken, digest, new_secret
from core.database.connections import Unit
from core.errors import Unauthenticated
from core.runtime.platform import Platform
from core.runtime.tenant import Tenant
from core.runtime.transaction_settings import transaction_settings

IDLE = "30 days"
ABSOLUTE = "90 days"


class OpenedSession(msgspec.Struct, frozen=True):
    """A person who has just proved who they are, with the session's next refresh token."""

    session: UUID
    user: UUID
    email: str
    name: str
    roles: tuple[str, ...]
    stamp: int
    refresh: str


async def start(unit: Unit, tenant: Tenant, user: UUID, client: Client) -> tuple[UUID, str]:
    """Open a session for a person; returns its id and first refresh token."""
    token = RefreshToken(tenant.number, new_secret(), new_secret())
    session = await unit.fetchval(
        "INSERT INTO core_session (tenant_id, user_id, family, refresh_hash, expires_at, ends_at,"
        " user_agent, address) VALUES ($1, $2, $3, $4, now() + $5::text::interval,"
        " now() + $6::text::interval, $7, $8) RETURNING id",
        tenant.id,
        user,
        digest(token.family),
        digest(token.secret),
        IDLE,
        ABSOLUTE,
        client.user_agent[:300],
        client.address[:45],
    )
    return UUID(str(session)), token.text()


ROTATE = """
UPDATE core_session s SET refresh_hash = $4, last_seen_at = now(), address = $5, user_agent = $6,
       expires_at = least(s.ends_at, now() + $7::text::interval)
  FROM core_user u
 WHERE s.tenant_id = $1 AND s.family = $2 AND s.refresh_hash = $3 AND s.deleted_at IS NULL
   AND s.revoked_at IS NULL AND s.expires_at > now() AND s.ends_at > now()
   AND u.tenant_id = $1 AND u.id = s.user_id AND u.is_active AND u.deleted_at IS NULL
RETURNING s.id, u.id AS user_id, u.email, u.name, u.roles, u.token_version
"""


async def rotate(
    platform: Platform, tenant: Tenant, token: RefreshToken, client: Client
) -> OpenedSession:
    """Spend a refresh token for the next one.

    A spent token ends its session: it was stolen, or the thief was faster. That is committed and
    recorded although the answer is a refusal.
    """
    context = transaction_settings(tenant.id, SYSTEM, "*")
    following = RefreshToken(token.tenant, token.family, new_secret())

    async def turn(unit: Unit) -> OpenedSession | None:
        row = await unit.fetchrow(
            ROTATE,
            tenant.id,
            digest(token.family),
            digest(token.secret),
            digest(following.secret),
            client.address[:45],
            client.user_agent[:300],
            IDLE,
        )
        if row is None:
            return None
        return OpenedSession(
            UUID(str(row["id"])),
            UUID(str(row["user_id"])),
            row["email"],
            row["name"],
            tuple(row["roles"]),
            row["token_version"],
            following.text(),
        )

    entered = await platform.database.write(context, turn)
    if entered is None:
        await platform.database.write(context, lambda unit: _end_reused(unit, tenant, token))
        raise Unauthenticated
    return entered


async def _end_reused(unit: Unit, tenant: Tenant, token: RefreshToken) -> None:
    row = await unit.fetchrow(
        "UPDATE core_session SET revoked_at = now(), revoked_for = 'reuse'"
        " WHERE tenant_id = $1 AND family = $2 AND refresh_hash <> $3 AND deleted_at IS NULL"
        " AND revoked_at IS NULL RETURNING id, user_id",
        tenant.id,
        digest(token.family),
        digest(token.secret),
    )
    if row is not None:
        session = str(row["id"])
        await events.record_event(
            unit, tenant.id, "refresh_reused", row["user_id"], session=session
        )


async def end(unit: Unit, tenant: Tenant, user: UUID, session: UUID, why: str) -> int:
    """End one session of a person; its access tokens are refused from the next request on."""
    return await unit.execute(
        "UPDATE core_session SET revoked_at = now(), revoked_for = $4"
        " WHERE tenant_id = $1 AND user_id = $2 AND id = $3 AND revoked_at IS NULL"
        " AND deleted_at IS NULL",
        tenant.id,
        user,
        session,
        why,
    )


async def end_all(
    unit: Unit, tenant: Tenant, user: UUID, why: str, *, but: UUID | None = None
) -> int:
    """End every session of a person, except ``but``."""
    return await unit.execute(
        "UPDATE core_session SET revoked_at = now(), revoked_for = $3"
        " WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL AND deleted_at IS NULL"
        " AND ($4::uuid IS NULL OR id <> $4)",
        tenant.id,
        user,
        why,
        but,
    )


async def end_by_token(platform: Platform, tenant: Tenant, token: RefreshToken) -> None:
    """End the session of a refresh token; one that has ended stays so."""

    async def run(unit: Unit) -> None:
        await unit.execute(
            "UPDATE core_session SET revoked_at = now(), revoked_for = 'logout'"
            " WHERE tenant_id = $1 AND family = $2 AND refresh_hash = $3 AND revoked_at IS NULL"
            " AND deleted_at IS NULL",
            tenant.id,
            digest(token.family),
            digest(token.secret),
        )

    await platform.database.write(transaction_settings(tenant.id, SYSTEM, "*"), run)
