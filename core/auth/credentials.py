"""Who is asking: from an ``Authorization`` header to a tenant and a principal.

What is read here may be seconds old. The database refuses an outdated principal at the beginning
of every transaction (``crm_check``, ``crm_check_session``, ``crm_check_key``), so a route that
answers a principal without opening a transaction must not exist.
"""

import time
from collections.abc import Mapping
from uuid import UUID

import asyncpg

from core.access.rights import ANONYMOUS, SYSTEM, Principal
from core.auth.state import Auth, auth_of
from core.auth.tokens import opaque
from core.auth.tokens.access_tokens import Claims
from core.auth.tokens.opaque import ApiKeyToken, digest, read_api_key
from core.errors import Forbidden, Unauthenticated
from core.runtime.platform import Platform
from core.runtime.tenant import Tenant
from core.runtime.transaction_settings import transaction_settings

# How long a worker trusts what it has read of an API key: a creator whose stamp has changed is
# refused meanwhile, never let through.
KEY_SECONDS = 1.0
NO_KEY = digest("")


class TenantMismatch(Forbidden):
    """Host or X-Tenant-ID names another tenant than the credential; it may exist or not."""

    code = "tenant_mismatch"
    detail = "The address or X-Tenant-ID does not belong to this credential."


async def identify(
    platform: Platform, headers: Mapping[bytes, bytes], host: str
) -> tuple[Tenant, Principal]:
    """Return tenant and principal of a request; only the Authorization header can name a person.

    Without it the principal is anonymous in the host's tenant. Refuses with ``Unauthenticated`` a
    credential that is not good, or a host without tenant, and with ``TenantMismatch`` a host or
    X-Tenant-ID that differs from the credential's tenant.
    """
    raw = bearer_token(headers)
    if raw is None:
        here = tenant_at(platform, host)
        if here is None:
            raise Unauthenticated
        tenant, principal = here, ANONYMOUS
    elif raw.startswith("crm_"):
        tenant, principal = await _by_key(platform, raw)
    else:
        tenant, principal = await _by_token(platform, raw)
    check_tenant_names(platform, tenant, headers, host)
    return tenant, principal


def bearer_token(headers: Mapping[bytes, bytes]) -> str | None:
    """Return the text after ``Bearer``; None without the header. Any other scheme is refused."""
    header = headers.get(b"authorization")
    if header is None:
        return None
    scheme, _, raw = header.decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not raw:
        raise Unauthenticated
    return raw.strip()


def tenant_at(platform: Platform, host: str) -> Tenant | None:
    """Return the tenant that a Host header names, with or without its port."""
    name = host.lower()
    found = platform.by_host.get(name)
    if found is None:
        bare = name.rpartition(":")[0] if name.rpartition(":")[2].isdigit() else name
        found = platform.by_host.get(bare.rstrip("."))
    return found


def check_tenant_names(
    platform: Platform, tenant: Tenant, headers: Mapping[bytes, bytes], host: str
) -> None:
    """Refuse a request whose host or X-Tenant-ID names another tenant than ``tenant``."""
    here = tenant_at(platform, host)
    if here is not None and here.id != tenant.id:
        raise TenantMismatch
    named = headers.get(b"x-tenant-id")
    if named is not None:
        text = named.decode("latin-1").strip().lower()
        if text not in (tenant.slug.lower(), str(tenant.id)):
            raise TenantMismatch


async def _by_token(platform: Platform, raw: str) -> tuple[Tenant, Principal]:
    auth = auth_of(platform)
    claims = auth.tokens.read(raw)
    tenant = platform.by_id.get(claims.tid)
    if tenant is None:
        raise Unauthenticated
    place = (claims.tid, claims.sub, claims.ver, claims.sid)
    principal = auth.principals.get(place)
    if principal is None:
        principal = await _read_user_principal(platform, auth, tenant, claims)
        auth.principals.put(place, principal)
    auth.note_session(tenant.id, claims.sid)
    return tenant, principal


async def _read_user_principal(
    platform: Platform, auth: Auth, tenant: Tenant, claims: Claims
) -> Principal:
    sql = (  # the columns are names out of the registry
        f"SELECT u.id, u.roles, u.token_version{attribute_columns(auth)} FROM core_user u"  # noqa: S608
        " WHERE u.tenant_id = $1 AND u.id = $2 AND u.token_version = $3"
        " AND u.is_active AND u.deleted_at IS NULL"
    )
    row = await platform.database.read(
        transaction_settings(tenant.id, SYSTEM, "*"),
        lambda c: c.fetchrow(sql, tenant.id, claims.sub, claims.ver),
    )
    if row is None:
        raise Unauthenticated
    return principal_of(auth, row, session=claims.sid)


def attribute_columns(auth: Auth) -> str:
    """Return the select list of the attributes that scopes compare, each as ``scope_<name>``."""
    return "".join(f", u.{column} AS scope_{name}" for name, column in auth.attributes.items())


def principal_of(auth: Auth, row: asyncpg.Record, session: UUID) -> Principal:
    """Return the principal of a signed-in person from a row of the user's table."""
    return Principal(
        kind="user",
        id=str(row["id"]),
        roles=tuple(sorted(row["roles"])),
        stamp=row["token_version"],
        attributes=_attributes(auth, row),
        session_id=str(session),
    )


def _attributes(auth: Auth, row: asyncpg.Record) -> dict[str, str]:
    return {
        name: str(row[f"scope_{name}"])
        for name in auth.attributes
        if row.get(f"scope_{name}") is not None
    }


async def _by_key(platform: Platform, raw: str) -> tuple[Tenant, Principal]:
    auth = auth_of(platform)
    place = digest(raw)
    remembered = auth.api_keys.get(place)
    if remembered is not None and remembered[0] > time.monotonic():
        tenant = platform.by_id.get(remembered[1])
        principal = remembered[2]
    else:
        key = read_api_key(raw)
        tenant = platform.by_number.get(key.tenant) if key else None
        if key is None or tenant is None:
            raise Unauthenticated
        principal = await _read_key_principal(platform, auth, tenant, key)
        auth.api_keys.put(place, (time.monotonic() + KEY_SECONDS, tenant.id, principal))
    if tenant is None:
        raise Unauthenticated
    auth.note_key(tenant.id, UUID(principal.key_id))
    return tenant, principal


async def _read_key_principal(
    platform: Platform, auth: Auth, tenant: Tenant, key: ApiKeyToken
) -> Principal:
    """Return the principal of an API key: its creator, narrowed to the key's scopes."""
    sql = (  # the columns are names out of the registry
        f"SELECT k.hash, k.scopes, u.id, u.roles, u.token_version{attribute_columns(auth)}"  # noqa: S608
        " FROM core_api_key k JOIN core_user u ON u.tenant_id = $1 AND u.id = k.user_id"
        " WHERE k.tenant_id = $1 AND k.id = $2 AND k.deleted_at IS NULL"
        " AND (k.expires_at IS NULL OR k.expires_at > now())"
        " AND u.is_active AND u.deleted_at IS NULL"
    )
    row = await platform.database.read(
        transaction_settings(tenant.id, SYSTEM, "*"), lambda c: c.fetchrow(sql, tenant.id, key.id)
    )
    if not opaque.matches_digest(NO_KEY if row is None else row["hash"], key.secret) or row is None:
        raise Unauthenticated
    return Principal(
        kind="api_key",
        id=str(row["id"]),
        roles=tuple(sorted(row["roles"])),
        stamp=row["token_version"],
        attributes=_attributes(auth, row),
        key_id=str(key.id),
        key_scopes=tuple(row["scopes"]),
    )
