"""API keys: programs that act for a person, within scopes that the person chose."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID, uuid4

import msgspec
from msgspec import Meta

from core.auth import events
from core.auth.tokens.opaque import ApiKeyToken, digest, new_secret
from core.database.connections import Unit
from core.errors import FieldError, Invalid
from core.runtime.context import Context

MOST_SCOPES = 200
Scope = Annotated[str, Meta(min_length=1, max_length=200)]


class NewKey(msgspec.Struct, frozen=True):
    """The body that makes a key. A scope is ``customers.customer.list`` or ends in ``.*``."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=MOST_SCOPES)]
    expires_at: datetime | None = None


class MadeKey(msgspec.Struct, frozen=True):
    """The only answer that holds the text of a key."""

    id: UUID
    name: str
    scopes: tuple[str, ...]
    expires_at: datetime | None
    key: str


def check_scopes(ctx: Context, scopes: list[str]) -> tuple[str, ...]:
    """Return the scopes in order; refuses each that goes beyond the rights of its creator.

    ``plugin.entity.*`` stands for what the creator may do there now and later: a key never has
    more than its creator at the moment of a request.
    """
    held = ctx.rights.permissions()
    errors = []
    for place, scope in enumerate(scopes):
        entity, _, action = scope.rpartition(".")
        if entity not in ctx.tenant.entities or not (
            scope in held or (action == "*" and ctx.rights.actions(entity))
        ):
            detail = f"You do not hold {scope!r} yourself."
            errors.append(FieldError(f"#/scopes/{place}", detail, "scope"))
    if errors:
        raise Invalid.fields(errors)
    return tuple(sorted(set(scopes)))


def _check_expiry(expires: datetime | None) -> None:
    if expires is None:
        return
    if expires.tzinfo is None:
        raise Invalid.field("#/expires_at", "The time needs a zone.", "invalid")
    if not timedelta() < expires - datetime.now(UTC) < timedelta(days=3660):
        raise Invalid.field("#/expires_at", "The time must lie ahead, within ten years.", "range")


async def create(ctx: Context, user: UUID, request: NewKey) -> MadeKey:
    """Make a key for the caller."""
    scopes = check_scopes(ctx, request.scopes)
    _check_expiry(request.expires_at)
    if not request.name.strip():
        raise Invalid.field("#/name", "Name is required.", "required")
    key = ApiKeyToken(ctx.tenant.number, uuid4(), new_secret())

    async def run(unit: Unit) -> Any:
        await unit.execute(
            "INSERT INTO core_api_key (tenant_id, id, user_id, name, hash, scopes, expires_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            ctx.tenant.id,
            key.id,
            user,
            request.name,
            digest(key.secret),
            list(scopes),
            request.expires_at,
        )
        await events.record_event(unit, ctx.tenant.id, "api_key_made", user, key=str(key.id))

    await ctx.write(run)
    return MadeKey(key.id, request.name, scopes, request.expires_at, key.text())
