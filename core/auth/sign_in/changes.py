"""Changes of a person's credentials: each ends what could still use the old ones."""

from typing import Any
from uuid import UUID

from core.access.rights import SYSTEM
from core.auth import events
from core.auth.sign_in import login_throttle, sessions
from core.auth.sign_in.client_address import Client
from core.auth.sign_in.passwords import check_new_password
from core.auth.sign_in.service import NO_TENANT, normalize_email, tenant_of
from core.auth.state import auth_of
from core.auth.tokens.opaque import ResetToken, digest, new_secret, read_reset
from core.database.connections import Unit
from core.errors import Invalid, NotFound
from core.runtime.context import Context
from core.runtime.platform import Platform
from core.runtime.tenant import Tenant
from core.runtime.transaction_settings import transaction_settings

OWN_HASH = """
SELECT u.email, p.hash FROM core_user u LEFT JOIN core_password p
    ON p.tenant_id = $1 AND p.user_id = u.id AND p.deleted_at IS NULL
 WHERE u.tenant_id = $1 AND u.id = $2
"""
OWN_USER = "SELECT id, email, name, roles FROM core_user WHERE tenant_id = $1 AND id = $2"
# How long a link lives that a person is handed.
PRINTED_SECONDS = 15 * 60
END_RESETS = """
UPDATE core_reset SET used_at = now() WHERE tenant_id = $1 AND user_id = $2 AND used_at IS NULL
"""
STORE_HASH = """
INSERT INTO core_password (tenant_id, user_id, hash) VALUES ($1, $2, $3)
ON CONFLICT (tenant_id, user_id) WHERE deleted_at IS NULL DO UPDATE SET hash = excluded.hash
"""


async def store_password(
    unit: Unit, tenant: Tenant, user: UUID, hashed: str, *, keep: UUID | None = None
) -> int:
    """Store a password; all sessions but ``keep`` and all reset links end. Returns the stamp."""
    await unit.execute(STORE_HASH, tenant.id, user, hashed)
    await unit.execute(END_RESETS, tenant.id, user)
    await sessions.end_all(unit, tenant, user, "password_changed", but=keep)
    return await end_access_tokens(unit, tenant, user)


async def end_access_tokens(unit: Unit, tenant: Tenant, user: UUID) -> int:
    """End every access token of a person; returns the new stamp."""
    stamp = await unit.fetchval(
        "UPDATE core_user SET token_version = token_version + 1"
        " WHERE tenant_id = $1 AND id = $2 RETURNING token_version",
        tenant.id,
        user,
    )
    return int(stamp)


def own_transaction_settings(ctx: Context) -> str:
    """Return the opening for the kernel's statements on the caller's own account.

    The credential is checked as ever; rights on users are not needed to change one's own password.
    """
    return f"{transaction_settings(ctx.tenant.id, ctx.principal, '*')}; {ctx.audit_settings()}"


async def read_own_user(ctx: Context) -> dict[str, Any]:
    """Return the caller as they are stored; everyone may see themselves."""
    row = await ctx.platform.database.read(
        own_transaction_settings(ctx),
        lambda c: c.fetchrow(OWN_USER, ctx.tenant.id, ctx.principal.id),
    )
    return dict(row or {})


async def end_all_sessions(ctx: Context, user: UUID) -> None:
    """End every session of the caller, with all access tokens."""

    async def run(unit: Unit) -> None:
        await sessions.end_all(unit, ctx.tenant, user, "logout_all")
        await end_access_tokens(unit, ctx.tenant, user)

    await ctx.platform.database.write(own_transaction_settings(ctx), run)


async def change_password(ctx: Context, old: str, new: str, client: Client) -> int:
    """Replace the caller's own password; only this session goes on. Returns the new stamp."""
    auth, tenant, database = auth_of(ctx.platform), ctx.tenant, ctx.platform.database
    user, session = UUID(ctx.principal.id), UUID(ctx.principal.session_id)
    async with auth.passwords.turn():
        row = await database.read(
            own_transaction_settings(ctx), lambda c: c.fetchrow(OWN_HASH, tenant.id, user)
        )
        email, stored = (row["email"], row["hash"]) if row else ("", None)
        tried = login_throttle.counters(auth.key, "password", email, client.address)
        if wait := await database.write(
            own_transaction_settings(ctx), lambda u: login_throttle.register_failure(u, tried)
        ):
            raise login_throttle.too_many_attempts(wait)
        if not await auth.passwords.verify(stored, old):
            await database.write(
                own_transaction_settings(ctx),
                lambda u: events.record_event(u, tenant.id, "password_refused", user),
            )
            raise Invalid.field("#/old_password", "The old password is wrong.", "wrong_password")
        check_new_password(new, email, "#/new_password")
        hashed = await auth.passwords.hash(new)

    async def run(unit: Unit) -> int:
        await login_throttle.clear(unit, tried)
        await events.record_event(unit, tenant.id, "password_changed", user)
        return await store_password(unit, tenant, user, hashed, keep=session)

    return await database.write(own_transaction_settings(ctx), run)


async def request_reset(
    platform: Platform, email: str, tenant: Tenant | None, client: Client
) -> None:
    """Record that somebody asks to set a password anew.

    The same statements run whether the address exists or not, and the caller learns nothing. Mail
    is not sent yet: a link comes from the command line or from an administrator.
    """
    address = normalize_email(email)
    tried = login_throttle.counters(auth_of(platform).key, "reset", address, client.address)
    tenant = tenant or await tenant_of(platform, address)
    id = tenant.id if tenant else NO_TENANT

    async def ask(unit: Unit) -> None:
        wait = await login_throttle.register_failure(unit, tried)
        await unit.execute(
            "INSERT INTO core_security_event (tenant_id, kind, user_id)"
            " SELECT $1, 'reset_requested', u.id FROM core_user u WHERE u.tenant_id = $1"
            " AND u.email = $2 AND u.is_active AND u.deleted_at IS NULL AND $3 = 0",
            id,
            address,
            wait,
        )

    await platform.database.write(transaction_settings(id, SYSTEM, "*"), ask)


async def issue_reset(unit: Unit, tenant: Tenant, user: UUID, seconds: int) -> str:
    """Return a one-time token that sets a person's password; older ones end."""
    token = ResetToken(tenant.number, new_secret())
    await unit.execute(END_RESETS, tenant.id, user)
    await unit.execute(
        "INSERT INTO core_reset (tenant_id, user_id, hash, expires_at)"
        " VALUES ($1, $2, $3, now() + make_interval(secs => $4))",
        tenant.id,
        user,
        digest(token.secret),
        float(seconds),
    )
    return token.text()


OPEN_RESET = """
SELECT u.id, u.email FROM core_reset r JOIN core_user u ON u.tenant_id = $1 AND u.id = r.user_id
 WHERE r.tenant_id = $1 AND r.hash = $2 AND r.used_at IS NULL AND r.expires_at > now()
   AND u.is_active AND u.deleted_at IS NULL
"""
SPEND_RESET = """
UPDATE core_reset SET used_at = now()
 WHERE tenant_id = $1 AND hash = $2 AND used_at IS NULL AND expires_at > now()
"""


async def reset_password(platform: Platform, raw: str, password: str, here: Tenant | None) -> None:
    """Spend a reset token; an unknown, spent, expired or foreign one is ``NotFound``, all alike."""
    token = read_reset(raw)
    tenant = platform.by_number.get(token.tenant) if token else None
    if token is None or tenant is None or (here is not None and here.id != tenant.id):
        raise NotFound
    auth, hashed_token = auth_of(platform), digest(token.secret)
    context = transaction_settings(tenant.id, SYSTEM, "*")
    async with auth.passwords.turn():
        person = await platform.database.read(
            context, lambda c: c.fetchrow(OPEN_RESET, tenant.id, hashed_token)
        )
        if person is None:
            raise NotFound
        check_new_password(password, person["email"])
        hashed = await auth.passwords.hash(password)
    user = UUID(str(person["id"]))

    async def run(unit: Unit) -> None:
        if not await unit.execute(SPEND_RESET, tenant.id, hashed_token):
            raise NotFound
        await store_password(unit, tenant, user, hashed)
        await events.record_event(unit, tenant.id, "password_reset", user)

    await platform.database.write(context, run)
