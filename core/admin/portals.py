"""Who sees a part of the UI only: portals, and roles with a menu of their own."""

from collections.abc import Collection, Mapping
from typing import Any

from core.access.rights import Principal
from core.registry.registry import Role, Screen
from core.runtime.context import Context
from core.runtime.tenant import Tenant

# What people from outside the organisation reach beside the screens of their portal.
OPEN_PATHS = ("/app/account", "/app/logout")
HOME = "/app/"
FORM_ENDINGS = ("/new", "/edit")


def portal_role(tenant: Tenant, principal: Principal) -> Role | None:
    """Return the role whose portal a person uses: their only role, if it has a home."""
    if len(principal.roles) != 1:
        return None
    own = tenant.config.roles.get(principal.roles[0])
    found = tenant.roles.get(own.like if own and own.like else principal.roles[0])
    return found if found is not None and found.home else None


def is_closed(tenant: Tenant, principal: Principal) -> bool:
    """Whether a person is from outside: they reach the screens of their portal and no others."""
    return bool(principal.roles) and not any(map(tenant.is_internal, principal.roles))


def is_open_to_all(path: str, opt: Mapping[str, Any], roles: Collection[str]) -> bool:
    """Whether a page is also for people from outside the organisation.

    The forms of what they may write are; rights and scope say of which records.
    """
    plain = path.rstrip("/")
    if "portal_role" in opt:
        return opt["portal_role"] in roles
    if f"{plain}/" == HOME:
        return True
    if "entity" in opt and plain.endswith(FORM_ENDINGS):
        return True
    return any(plain == place or plain.startswith(f"{place}/") for place in OPEN_PATHS)


def plugin_screens(ctx: Context) -> list[Screen]:
    """Return the plugins' own pages in the caller's menu, in the order of their plugins."""
    desk = portal_role(ctx.tenant, ctx.principal)
    closed = is_closed(ctx.tenant, ctx.principal)
    return [
        screen
        for screen in ctx.tenant.registry.screens
        if screen.plugin in ctx.tenant.enabled
        and screen.entity in ctx.tenant.entities
        and ctx.rights.may(screen.entity, screen.right)
        and (
            screen.portal_role == desk.name
            if desk and screen.portal_role
            else not (screen.portal_role or closed)
        )
    ]
