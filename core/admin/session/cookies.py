"""The session of a browser: a random secret in a cookie, its digest in ``core_session``.

A secret is only ever made here. One that a client invents finds no session and is never adopted,
so nobody can be signed in to a session that somebody else planted (reliability D4).
"""

import re
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request

from core.access.rights import SYSTEM, Principal
from core.auth.credentials import attribute_columns, principal_of, tenant_at
from core.auth.sign_in.client_address import Client
from core.auth.state import USAGE_SECONDS, auth_of
from core.auth.tokens.opaque import digest, new_secret
from core.database.connections import KEYED, Unit
from core.runtime.platform import Platform
from core.runtime.tenant import Tenant
from core.runtime.transaction_settings import transaction_settings

AnyRequest = Request[Any, Any, Any]
VISITOR = "visitor"
IDLE = "30 minutes"
ABSOLUTE = "12 hours"
# Below this rest of its idle time a session's use is written at once and not within the minute.
CLOSE = timedelta(seconds=2 * USAGE_SECONDS)
_SECRET = re.compile(r"crs_(\d{1,9})_([A-Za-z0-9_-]{43})", re.ASCII)
_VISITOR = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_LOCAL = ("localhost", ".localhost")


class Secret(msgspec.Struct, frozen=True):
    """What the cookie holds; it names its tenant by number and is only looked up inside it."""

    tenant: int
    secret: str

    def text(self) -> str:
        """Return the cookie's value."""
        return f"crs_{self.tenant}_{self.secret}"

    @property
    def stored(self) -> str:
        """What the database keeps; the word in front keeps it apart from refresh tokens."""
        return digest(f"browser {self.secret}")


class BrowserSession(msgspec.Struct, frozen=True):
    """The session of a valid cookie: its tenant, who is signed in, and their preferences."""

    tenant: Tenant
    principal: Principal
    session: UUID
    secret: Secret
    name: str
    email: str
    preferences: dict[str, Any]


def is_local(request: AnyRequest) -> bool:
    """Whether a request came over plain http to this very machine (ruling 34)."""
    if request.scope["scheme"] != "http":
        return False
    host = request.headers.get("host", "").lower()
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    if name == _LOCAL[0] or name.endswith(_LOCAL[1]):
        return True
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def cookie_name(request: AnyRequest, use: str = "") -> str:
    """Return the name of the session's cookie, or of one for another ``use``.

    Browsers bind the prefix ``__Host-`` to TLS, to this host alone and to the whole of it.
    """
    tail = f"-{use}" if use else ""
    return f"crm_session{tail}" if is_local(request) else f"__Host-crm{tail}"


def read_cookie(request: AnyRequest, use: str = "") -> str | None:
    """Return a cookie's value; one that is sent twice is ignored, for one of them was planted."""
    name = cookie_name(request, use)
    given = [
        value.strip()
        for raw in request.headers.getall("cookie", [])
        for part in raw.split(";")
        for key, _, value in [part.partition("=")]
        if key.strip() == name
    ]
    return given[0] if len(given) == 1 else None


def set_cookie(request: AnyRequest, value: str, use: str = "", *, age: int | None = None) -> str:
    """Return the Set-Cookie header; an empty ``value`` takes the cookie away."""
    parts = [f"{cookie_name(request, use)}={value}", "Path=/", "HttpOnly", "SameSite=Lax"]
    if not is_local(request):
        parts.append("Secure")
    if not value:
        parts.append("Max-Age=0")
    elif age is not None:
        parts.append(f"Max-Age={age}")
    return "; ".join(parts)


def read_secret(text: str | None) -> Secret | None:
    """Return the parts of a cookie's value, or None for anything that is not one."""
    found = _SECRET.fullmatch(text or "")
    return Secret(int(found[1]), found[2]) if found else None


async def start(unit: Unit, tenant: Tenant, user: UUID, client: Client) -> tuple[UUID, str]:
    """Open a browser's session for a person; returns its id and the cookie's value."""
    secret = Secret(tenant.number, new_secret())
    session = await unit.fetchval(
        "INSERT INTO core_session (tenant_id, user_id, family, refresh_hash, idle, expires_at,"
        " ends_at, user_agent, address) VALUES ($1, $2, $3, '', $4::text::interval,"
        " now() + $4::text::interval, now() + $5::text::interval, $6, $7) RETURNING id",
        tenant.id,
        user,
        secret.stored,
        IDLE,
        ABSOLUTE,
        client.user_agent[:300],
        client.address[:45],
    )
    return UUID(str(session)), secret.text()


async def renew(unit: Unit, tenant: Tenant, session: UUID) -> str:
    """Give a session a new secret, since what it may do has changed; returns the cookie's value."""
    secret = Secret(tenant.number, new_secret())
    await unit.execute(
        "UPDATE core_session SET family = $3 WHERE tenant_id = $1 AND id = $2"
        " AND idle IS NOT NULL AND revoked_at IS NULL",
        tenant.id,
        session,
        secret.stored,
    )
    return secret.text()


async def find_session(platform: Platform, request: AnyRequest) -> BrowserSession | None:
    """Return whose session the cookie is, or None: nothing else of a request can name a person.

    The lookup is a transaction per request, so whatever ends a session ends it at once.
    """
    secret = read_secret(read_cookie(request))
    tenant = platform.by_number.get(secret.tenant) if secret else None
    if secret is None or tenant is None:
        return None
    here = tenant_at(platform, request.headers.get("host", ""))
    if here is not None and here.id != tenant.id:
        return None
    return await _look_up(platform, tenant, secret)


async def _look_up(platform: Platform, tenant: Tenant, secret: Secret) -> BrowserSession | None:
    auth = auth_of(platform)
    sql = (  # the columns are names out of the registry
        "SELECT s.id AS session_id, s.expires_at, u.id, u.roles, u.token_version, u.name,"  # noqa: S608
        f" u.email, p.value AS preferences{attribute_columns(auth)}"
        " FROM core_session s JOIN core_user u ON u.tenant_id = $1 AND u.id = s.user_id"
        " LEFT JOIN core_preference p ON p.tenant_id = $1 AND p.user_id = u.id"
        " AND p.name = 'account' AND p.deleted_at IS NULL"
        " WHERE s.tenant_id = $1 AND s.family = $2 AND s.idle IS NOT NULL"
        " AND s.revoked_at IS NULL AND s.expires_at > now() AND s.deleted_at IS NULL"
        " AND u.is_active AND u.deleted_at IS NULL"
    )
    context = f"{KEYED}; {transaction_settings(tenant.id, SYSTEM, '*')}"
    row = await platform.database.read(context, lambda c: c.fetchrow(sql, tenant.id, secret.stored))
    if row is None:
        return None
    session = UUID(str(row["session_id"]))
    auth.note_session(tenant.id, session)
    if row["expires_at"] - datetime.now(UTC) < CLOSE:
        auth.hasten()
    principal = principal_of(auth, row, session=session)
    preferences = row["preferences"] if isinstance(row["preferences"], dict) else {}
    return BrowserSession(
        tenant, principal, session, secret, row["name"], row["email"], preferences
    )


def new_visitor() -> str:
    """Return the value of the cookie to which the forms of the login page are bound."""
    return new_secret()


def read_visitor(request: AnyRequest) -> str | None:
    """Return the cookie of somebody who is not known, if it is one of ours by its form."""
    value = read_cookie(request, VISITOR) or ""
    return value if _VISITOR.fullmatch(value) else None
