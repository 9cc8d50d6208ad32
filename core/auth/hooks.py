"""How users and API keys are wired into the kernel, by the same hooks as any plugin's."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from core.access.rights import Principal
from core.auth import events
from core.auth.models import ApiKey, User
from core.auth.sign_in import changes
from core.auth.users.rules import check_users
from core.database.connections import Unit
from core.registry.hookspecs import Change, applies_to, hookimpl
from core.registry.registry import Action, Grant
from core.runtime.tenant import Tenant


class OneTimeToken(msgspec.Struct, frozen=True):
    """What an administrator hands to a person, who sets a password with it, once."""

    token: str
    expires_in: int = changes.PRINTED_SECONDS


@hookimpl
def register_grants() -> Sequence[Grant]:
    """Administrators may do everything anyway; nobody else changes users by default."""
    own = ("list", "view", "create", "delete")
    return [
        Grant(role="staff", entity=User, actions=("list", "view"), scope="all"),
        Grant(role="staff", entity=ApiKey, actions=own, scope="author"),
    ]


@hookimpl
def register_actions() -> Sequence[Action]:
    """Two things that administrators do to users."""
    return [
        Action(
            entity=User,
            name="deactivate",
            label="Deactivate",
            run=deactivate,
            description="Ends all sessions and API keys of the user at once.",
        ),
        Action(
            entity=User,
            name="set_password",
            label="Make a password link",
            run=set_password,
            returns=OneTimeToken,
            secret=True,
            description="Answers a one-time token with which the user sets a password.",
        ),
    ]


@hookimpl
@applies_to("core.user")
async def before_write(tenant: Tenant, actor: Principal, change: Change, unit: Unit) -> None:
    """Judge writes on users."""
    await check_users(tenant, actor, change, unit)


def _update(record: Mapping[str, Any], **values: Any) -> Change:
    return Change(entity="core.user", verb="update", ids=(record["id"],), values=values)


async def deactivate(ctx: Any, unit: Unit, record: Mapping[str, Any], values: None) -> None:
    """End a person's access; the sessions end with the row (``crm_end_sessions``)."""
    user = UUID(str(record["id"]))
    await check_users(ctx.tenant, ctx.principal, _update(record, is_active=False), unit)
    await unit.execute(
        "UPDATE core_user SET is_active = false WHERE tenant_id = $1 AND id = $2",
        ctx.tenant.id,
        user,
    )
    await events.record_event(unit, ctx.tenant.id, "user_deactivated", user, by=ctx.principal.id)


async def set_password(
    ctx: Any, unit: Unit, record: Mapping[str, Any], values: None
) -> OneTimeToken:
    """Make a one-time token for a person who holds no more than the caller."""
    user = UUID(str(record["id"]))
    await check_users(ctx.tenant, ctx.principal, _update(record), unit)
    token = await changes.issue_reset(unit, ctx.tenant, user, changes.PRINTED_SECONDS)
    await events.record_event(unit, ctx.tenant.id, "password_link", user, by=ctx.principal.id)
    return OneTimeToken(token)
