"""Saved views: how a list is looked at, under a name, for oneself, a team or everybody."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from core.access.rights import ADMIN
from core.admin.page import Page
from core.database.connections import Unit
from core.errors import Forbidden, Invalid
from core.model.encoding import encode
from core.model.entities import Declaration
from core.rest.request.decode import read_id
from core.runtime.context import Context

MOST_NAME = 80
MOST_VIEWS = 200
AUDIENCES = ("private", "team", "tenant")
SAVED = """
SELECT (SELECT p.value FROM core_preference p WHERE p.tenant_id = $1 AND p.user_id = $2
           AND p.name = $3 AND p.deleted_at IS NULL) AS preferences,
       (SELECT jsonb_agg(to_jsonb(f)) FROM (
          SELECT v.id, v.name, v.audience, v.role, v.is_default, v.state, v.user_id = $2 AS mine
            FROM core_view v
           WHERE v.tenant_id = $1 AND v.entity = $4 AND v.deleted_at IS NULL
             AND (v.user_id = $2 OR v.audience = 'tenant'
                  OR (v.audience = 'team' AND v.role = ANY ($5)))
           ORDER BY v.name, v.id LIMIT 200) f) AS views
"""
INSERT = """
INSERT INTO core_view (tenant_id, user_id, entity, name, audience, role, is_default, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb) RETURNING id
"""
UPDATE = """
UPDATE core_view SET name = $4, audience = $5, role = $6, is_default = $7, state = $8::text::jsonb
 WHERE tenant_id = $1 AND id = $2 AND entity = $3 AND deleted_at IS NULL
"""
NO_OTHER_FIRST = """
UPDATE core_view SET is_default = false
 WHERE tenant_id = $1 AND entity = $2 AND is_default AND id IS DISTINCT FROM $3
   AND deleted_at IS NULL
"""
DELETE = "DELETE FROM core_view WHERE tenant_id = $1 AND id = $2 AND entity = $3"


class View(msgspec.Struct, frozen=True):
    """One saved view; ``state`` holds the parameters of its address."""

    id: str
    name: str
    audience: str
    state: tuple[tuple[str, str], ...]
    role: str | None = None
    is_default: bool = False
    mine: bool = False


class ListPreferences(msgspec.Struct, frozen=True):
    """How one person wants to have one list, whatever the view."""

    columns: tuple[str, ...] = ()
    size: int = 0
    pins: tuple[str, ...] = ()


class SavedViews(msgspec.Struct, frozen=True):
    """What is stored for a list: one's own preferences, and the views that one may use."""

    preferences: ListPreferences = ListPreferences()
    views: tuple[View, ...] = ()

    def view(self, id: str) -> View | None:
        """Return a view by its id."""
        return next((view for view in self.views if view.id == id), None)

    @property
    def first(self) -> View | None:
        """The view that everybody sees first."""
        return next((view for view in self.views if view.is_default), None)


def preferences_name(entity: Declaration) -> str:
    """Return the name under which the preferences for a list are stored."""
    return f"list:{entity.name}"


async def read_saved_views(
    connection: asyncpg.Connection, ctx: Context, entity: Declaration
) -> SavedViews:
    """Return preferences and views in one statement."""
    row = await connection.fetchrow(
        SAVED,
        ctx.tenant.id,
        UUID(ctx.principal.id),
        preferences_name(entity),
        entity.name,
        list(ctx.principal.roles),
    )
    return SavedViews(
        _read(row["preferences"] or {}, ListPreferences, ListPreferences()),
        _read_views(row["views"] or ()),
    )


def _read_views(stored: Sequence[Any]) -> tuple[View, ...]:
    found = (_read(one, View, None) for one in stored)
    return tuple(view for view in found if view is not None)


def _read(stored: Any, kind: Any, otherwise: Any) -> Any:
    """Return what is stored, or ``otherwise`` where another version stored it differently."""
    try:
        return msgspec.convert(stored, kind)
    except msgspec.ValidationError:
        return otherwise


def may_share(ctx: Context) -> bool:
    """Return whether the caller may make views for a team or for everybody."""
    return any(ctx.tenant.is_internal(role) for role in ctx.principal.roles)


def may_change(ctx: Context, view: View) -> bool:
    """Return whether the caller may change a view: their own, or as administrator a shared one."""
    return view.mine or (ADMIN in ctx.rights.roles and view.audience != "private")


def read_view(page: Page, pairs: Sequence[tuple[str, str]]) -> View:
    """Return what a form says of a view; refuses what the sender may not."""
    ctx, form, say = page.ctx, page.form, page.translate
    name = form.get("name").strip()
    audience = form.get("audience", "private") or "private"
    if not name or len(name) > MOST_NAME:
        raise Invalid.field("#/name", say("A view has a name of 1 to 80 characters."), "name")
    if audience not in AUDIENCES:
        raise Invalid.field("#/audience", say("Choose for whom the view is."), "unknown", AUDIENCES)
    role = form.get("role") if audience == "team" else None
    if audience == "team" and role not in teams(ctx):
        raise Invalid.field("#/role", say("Choose a team."), "unknown", tuple(teams(ctx)))
    if audience != "private" and not may_share(ctx):
        raise Forbidden
    if audience == "tenant" and ADMIN not in ctx.rights.roles:
        raise Forbidden(say("Only administrators make views for everybody."))
    first = audience == "tenant" and form.get("is_default") == "1"
    return View("", name, audience, tuple(pairs), role, first, True)


def teams(ctx: Context) -> list[str]:
    """Return the roles for which the caller may make a view; administrators may for all."""
    every = ADMIN in ctx.rights.roles
    names = [*ctx.tenant.roles, *(n for n in ctx.tenant.config.roles if n not in ctx.tenant.roles)]
    return [n for n in names if every or n in ctx.principal.roles]


async def save(ctx: Context, entity: Declaration, view: View, id: str | None = None) -> str:
    """Store a new view, or a changed one; return its id."""

    async def run(unit: Unit) -> str:
        view_id = None if id is None else read_id(id)
        if view.is_default:
            await unit.execute(NO_OTHER_FIRST, ctx.tenant.id, entity.name, view_id)
        values = (view.name, view.audience, view.role, view.is_default, encode(view.state).decode())
        if view_id is not None:
            await unit.execute(UPDATE, ctx.tenant.id, view_id, entity.name, *values)
            return str(view_id)
        me = UUID(ctx.principal.id)
        return str(await unit.fetchval(INSERT, ctx.tenant.id, me, entity.name, *values))

    return await ctx.write(run)


async def remove(ctx: Context, entity: Declaration, id: str) -> None:
    """Delete a view; whoever had pinned it no longer sees it."""
    await ctx.write(lambda unit: unit.execute(DELETE, ctx.tenant.id, read_id(id), entity.name))
