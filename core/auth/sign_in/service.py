"""Signing in and staying signed in. Every refusal costs and says the same, whatever its cause."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg
import msgspec
from email_validator import EmailNotValidError, validate_email

from core.access.rights import SYSTEM, Principal
from core.auth import events
from core.auth.sign_in import login_throttle, sessions
from core.auth.sign_in.client_address import Client
from core.auth.sign_in.login_throttle import Counters
from core.auth.sign_in.sessions import OpenedSession
from core.auth.state import Auth, auth_of
from core.auth.tokens.access_tokens import SECONDS
from core.auth.tokens.opaque import read_refresh
from core.database.connections import Unit
from core.errors import Unauthenticated
from core.runtime.platform import Platform
from core.runtime.tenant import Tenant
from core.runtime.transaction_settings import transaction_settings

# The tenant of an address that none has: looking there costs as much and finds nobody.
NO_TENANT = UUID(int=0)
StartSession = Callable[[Unit, Tenant, UUID, Client], Awaitable[tuple[UUID, str]]]
PERSON = """
SELECT u.id, u.email, u.name, u.roles, u.token_version, u.is_active, p.hash
  FROM core_user u LEFT JOIN core_password p
    ON p.tenant_id = $1 AND p.user_id = u.id AND p.deleted_at IS NULL
 WHERE u.tenant_id = $1 AND u.email = $2 AND u.deleted_at IS NULL
"""


class WrongLogin(Unauthenticated):
    """Address, password or tenant do not fit; which of them is nobody's business."""

    code, detail = "wrong_login", "E-mail or password is wrong."


class TokenPair(msgspec.Struct, frozen=True):
    """What a client keeps: the access token for requests, the refresh token for the next one."""

    access: str
    refresh: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 - a word of RFC 6749


def normalize_email(email: str) -> str:
    """Return an address as it is stored; what is no address stays as it is, and nobody's."""
    try:
        found = validate_email(email.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return email.strip().lower()
    return found.normalized.lower()


async def login(
    platform: Platform,
    email: str,
    password: str,
    tenant: Tenant | None,
    client: Client,
    *,
    start: StartSession = sessions.start,
) -> tuple[Tenant, OpenedSession]:
    """Check address and password and open a session; ``tenant`` is known from host or body.

    Without it the address alone must belong to one tenant. Refuses with ``WrongLogin``, or with
    ``TooManyRequests`` before the password is looked at. ``start`` opens the session: a browser's
    differs from that of a program with tokens.
    """
    auth = auth_of(platform)
    async with auth.passwords.turn():
        address = normalize_email(email)
        tried = login_throttle.counters(auth.key, "login", address, client.address)
        await _check_throttle(platform, tried)
        tenant = tenant or await tenant_of(platform, address)
        person = await _person(platform, tenant, address)
        stored = person["hash"] if person and person["is_active"] else None
        if not await auth.passwords.verify(stored, password) or tenant is None or person is None:
            await _record_refusal(platform, tenant, person, tried)
            raise WrongLogin
        home, user = tenant, UUID(str(person["id"]))
        return home, await _open_session(
            platform, home, person, password, tried, lambda unit: start(unit, home, user, client)
        )


async def _check_throttle(platform: Platform, tried: Counters) -> None:
    context = transaction_settings(NO_TENANT, SYSTEM, "*")
    wait = await platform.database.write(
        context, lambda unit: login_throttle.register_failure(unit, tried)
    )
    if wait:
        raise login_throttle.too_many_attempts(wait)


async def tenant_of(platform: Platform, address: str) -> Tenant | None:
    """Return the one tenant in which an address is in use, if it is one."""
    found = await platform.database.read(
        transaction_settings(NO_TENANT, SYSTEM, "*"),
        lambda c: c.fetchval("SELECT crm_tenant_of_email($1)", address),
    )
    return platform.by_id.get(UUID(str(found))) if found else None


async def _person(platform: Platform, tenant: Tenant | None, address: str) -> asyncpg.Record | None:
    id = tenant.id if tenant else NO_TENANT
    return await platform.database.read(
        transaction_settings(id, SYSTEM, "*"), lambda c: c.fetchrow(PERSON, id, address)
    )


async def _record_refusal(
    platform: Platform, tenant: Tenant | None, person: asyncpg.Record | None, tried: Counters
) -> None:
    """Record a refused login in a transaction of its own; the answer is a refusal anyway."""

    async def note(unit: Unit) -> None:
        await login_throttle.register_refusal(unit, tried)
        if tenant is not None:
            user = person["id"] if person else None
            await events.record_event(unit, tenant.id, "login_refused", user)

    id = tenant.id if tenant else NO_TENANT
    await platform.database.write(transaction_settings(id, SYSTEM, "*"), note)


async def _open_session(
    platform: Platform,
    tenant: Tenant,
    person: asyncpg.Record,
    password: str,
    tried: Counters,
    begin: Callable[[Unit], Awaitable[tuple[UUID, str]]],
) -> OpenedSession:
    auth, user = auth_of(platform), UUID(str(person["id"]))
    renewed = None
    if auth.passwords.outdated(person["hash"]):
        renewed = await auth.passwords.hash(password)

    async def enter(unit: Unit) -> OpenedSession:
        if renewed is not None:
            await unit.execute(
                "UPDATE core_password SET hash = $3"
                " WHERE tenant_id = $1 AND user_id = $2 AND hash = $4",
                tenant.id,
                user,
                renewed,
                person["hash"],
            )
        await login_throttle.clear(unit, tried)
        session, refresh = await begin(unit)
        return OpenedSession(
            session,
            user,
            person["email"],
            person["name"],
            tuple(person["roles"]),
            person["token_version"],
            refresh,
        )

    principal = Principal(kind="user", id=str(user), stamp=person["token_version"])
    return await platform.database.write(transaction_settings(tenant.id, principal, "*"), enter)


async def refresh(
    platform: Platform, raw: str, here: Tenant | None, client: Client
) -> tuple[Tenant, OpenedSession]:
    """Spend a refresh token; a host that names another tenant is refused like a bad token."""
    token = read_refresh(raw)
    tenant = platform.by_number.get(token.tenant) if token else None
    if token is None or tenant is None or (here is not None and here.id != tenant.id):
        raise Unauthenticated
    return tenant, await sessions.rotate(platform, tenant, token, client)


def tokens_for(auth: Auth, tenant: Tenant, entered: OpenedSession) -> TokenPair:
    """Return what a client gets after a login or a refresh."""
    access = auth.tokens.sign(
        tenant=tenant.id, user=entered.user, session=entered.session, stamp=entered.stamp
    )
    return TokenPair(access, entered.refresh, SECONDS)
