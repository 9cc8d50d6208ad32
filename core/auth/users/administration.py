"""What operators do to users from the command line, on the host, without a login of their own."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from email_validator import EmailNotValidError, validate_email

from core.access.rights import SYSTEM
from core.auth import events
from core.auth.sign_in import changes
from core.auth.sign_in.passwords import check_new_password
from core.auth.sign_in.service import normalize_email
from core.auth.state import auth_of
from core.auth.users import rules
from core.database.connections import Broken, Unit
from core.errors import Conflict, Invalid, NotFound
from core.runtime.platform import Platform
from core.runtime.tenant import Tenant
from core.runtime.transaction_settings import transaction_settings

ACTIVE = """
SELECT u.id FROM core_user u
 WHERE u.tenant_id = $1 AND u.email = $2 AND u.is_active AND u.deleted_at IS NULL
"""


class CreatedUser(msgspec.Struct, frozen=True):
    """A user, and whether this call made them."""

    id: UUID
    email: str
    new: bool


async def create_user(
    platform: Platform,
    tenant: Tenant,
    email: str,
    name: str,
    roles: Sequence[str],
    password: str | None = None,
) -> CreatedUser:
    """Make a user, or return the one who is there with the same roles.

    Without a password nobody can sign in until one is set through a link. An existing user keeps
    their password. Refuses other roles than the stored ones with ``Conflict``.
    """
    address = _address(email)
    rules.check_roles(tenant, roles)
    hashed = None
    if password is not None:
        check_new_password(password, address)
        hashed = await auth_of(platform).passwords.hash(password)

    async def make(unit: Unit) -> CreatedUser:
        return await _user(unit, tenant, address, name, roles, hashed)

    context = transaction_settings(tenant.id, SYSTEM, "*")
    try:
        return await platform.database.write(context, make)
    except Broken:  # another process made them at the same moment
        return await platform.database.write(context, make)


async def _user(
    unit: Unit, tenant: Tenant, address: str, name: str, roles: Sequence[str], hashed: str | None
) -> CreatedUser:
    found = await unit.fetchrow(
        "SELECT u.id, u.roles, u.is_active FROM core_user u WHERE u.tenant_id = $1"
        " AND u.email = $2 AND u.deleted_at IS NULL",
        tenant.id,
        address,
    )
    if found is not None:
        if set(found["roles"]) != set(roles) or not found["is_active"]:
            raise Conflict(f"{address} exists with other roles, or is not active.")
        return CreatedUser(UUID(str(found["id"])), address, new=False)
    user = await unit.fetchval(
        "INSERT INTO core_user (tenant_id, email, name, roles) VALUES ($1, $2, $3, $4)"
        " RETURNING id",
        tenant.id,
        address,
        name,
        sorted(set(roles)),
    )
    if hashed is not None:
        await unit.execute(changes.STORE_HASH, tenant.id, user, hashed)
    return CreatedUser(UUID(str(user)), address, new=True)


async def set_password(platform: Platform, tenant: Tenant, email: str, password: str) -> None:
    """Set a user's password; all sessions end."""
    address = _address(email)
    check_new_password(password, address)
    hashed = await auth_of(platform).passwords.hash(password)

    async def run(unit: Unit) -> None:
        user = await _active(unit, tenant, address)
        await changes.store_password(unit, tenant, user, hashed)
        await events.record_event(unit, tenant.id, "password_set_by_operator", user)

    await platform.database.write(transaction_settings(tenant.id, SYSTEM, "*"), run)


async def reset_link(platform: Platform, tenant: Tenant, email: str) -> str:
    """Return a one-time token, good for 15 minutes, with which the user sets a password."""
    address = _address(email)

    async def run(unit: Unit) -> str:
        user = await _active(unit, tenant, address)
        await events.record_event(unit, tenant.id, "password_link", user, by="operator")
        return await changes.issue_reset(unit, tenant, user, changes.PRINTED_SECONDS)

    return await platform.database.write(transaction_settings(tenant.id, SYSTEM, "*"), run)


async def _active(unit: Unit, tenant: Tenant, address: str) -> UUID:
    found = await unit.fetchval(ACTIVE, tenant.id, address)
    if found is None:
        raise NotFound(f"{tenant.slug} has no active user {address}.")
    return UUID(str(found))


def _address(email: str) -> str:
    try:
        validate_email(email, check_deliverability=False, test_environment=True)
    except EmailNotValidError as wrong:
        raise Invalid.field("#/email", str(wrong), "email") from wrong
    return normalize_email(email)
