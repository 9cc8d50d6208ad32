"""Roles: who holds them, what each may do as a table, and why somebody cannot see something."""

import re
from typing import Any
from uuid import UUID

import msgspec
from litestar.response.base import ASGIResponse

from core.access.rights import Rights
from core.admin.page import READ, Page, page_route
from core.admin.parts import Option
from core.admin.screens.tenant.access_explainer import Person, explain, person_of
from core.admin.screens.tenant.people import role_options
from core.errors import NotFound
from core.model.entities import HISTORY, Declaration
from core.model.types import named
from core.registry.registry import Registry
from core.rest.route import Route

COMMON = ("list", "view", "create", "update", "delete", "trash", "restore", "purge", HISTORY)
SHOWN = 5
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Cell(msgspec.Struct, frozen=True):
    """An action on an entity: the scopes in which a role may do it, in words; none if not."""

    action: str
    label: str
    scopes: tuple[str, ...]
    everything: bool = False


class Line(msgspec.Struct, frozen=True):
    """What a role may do with one entity."""

    label: str
    app: str
    cells: tuple[Cell, ...]
    more: tuple[Cell, ...]
    hidden: tuple[str, ...]
    readonly: tuple[str, ...]


class Role(msgspec.Struct, frozen=True):
    """A role in the overview."""

    name: str
    label: str
    origin: str
    internal: bool
    holders: str
    like: str = ""


def routes(registry: Registry) -> list[Route]:
    """Return the routes of the overview, of one role, and of the explanation."""
    view = "core.setting.view"
    return [
        page_route("/app/roles", READ, view, show_roles),
        page_route("/app/roles/why", READ, view, show_why),
        page_route("/app/roles/{name:str}", READ, view, show_role),
    ]


async def show_roles(page: Page) -> ASGIResponse:
    """Show every role of the tenant and how many people hold it."""
    counts = await _holders(page)
    return page.render("roles.html", roles=[_role(page, o, counts) for o in role_options(page)])


async def _holders(page: Page) -> dict[str, int] | None:
    """Return how many active users hold each role; None for who may not know."""
    ctx = page.ctx
    whole = ctx.rights.scopes("core.user", "list") == ("all",)
    if not whole or "roles" not in ctx.rights.visible("core.user"):
        await ctx.fetchval("SELECT 1")
        return None
    rows = await ctx.fetch(
        "SELECT r.name, count(*) AS n FROM core_user u, unnest(u.roles) AS r (name)"
        " WHERE u.tenant_id = $1 AND u.is_active AND u.deleted_at IS NULL GROUP BY r.name",
        ctx.tenant.id,
    )
    return {row["name"]: row["n"] for row in rows}


def _role(page: Page, option: Option, counts: dict[str, int] | None) -> Role:
    tenant, _ = page.ctx.tenant, page.translate
    own = tenant.config.roles.get(option.value)
    owner = tenant.registry.role_owners.get(option.value)
    plugins = tenant.registry.plugins
    origin = _(plugins[owner].manifest.title) if owner and owner in plugins else _("Built in")
    return Role(
        name=option.value,
        label=option.label,
        origin=_("Your own") if own else origin,
        internal=tenant.is_internal(option.value),
        holders="" if counts is None else page.formats.number(counts.get(option.value, 0)),
        like=own.like or "" if own else "",
    )


async def show_role(page: Page) -> ASGIResponse:
    """Show what one role may do: entity by entity, action by action, with scopes and fields."""
    name = page.request.path_params["name"]
    option = next((o for o in role_options(page) if o.value == name), None)
    if option is None:
        raise NotFound
    counts = await _holders(page)
    rights = page.ctx.tenant.rights((name,))
    entities = page.ctx.tenant.entities.values()
    lines = [_line(page, rights, e) for e in entities if rights.actions(e.name)]
    unseen = [page.translate(e.plural) for e in entities if not rights.actions(e.name)]
    return page.render(
        "role.html",
        role=_role(page, option, counts),
        lines=lines,
        heads=[page.translate(_verb(verb)) for verb in COMMON[:SHOWN]],
        unseen=unseen,
        everything=name == "admin",
    )


def _verb(action: str) -> str:
    known = {
        "list": "List",
        "view": "View",
        "create": "Create",
        "update": "Edit",
        "delete": "Delete",
        "trash": "Trash",
        "restore": "Restore",
        "purge": "Delete for good",
        HISTORY: "History",
    }
    return known.get(action, named(action))


def _line(page: Page, rights: Rights, entity: Declaration) -> Line:
    _, tenant = page.translate, page.ctx.tenant
    labels = {a.right: a.label for a in tenant.actions(entity.name) if a.permission is None}
    every = tenant.rights_of(entity)
    cells = {
        action: Cell(
            action,
            _(labels.get(action) or _verb(action)),
            tuple(scope_words(page, s) for s in rights.scopes(entity.name, action)),
            rights.scopes(entity.name, action) == ("all",),
        )
        for action in sorted(every, key=lambda a: COMMON.index(a) if a in COMMON else 99)
    }
    none = {verb: Cell(verb, _(_verb(verb)), ()) for verb in COMMON[:SHOWN]}
    visible, writable = rights.visible(entity.name), rights.writable(entity.name, "update")
    fields = [f for f in entity.fields.values() if not f.system and f.audience != ()]
    plugin = tenant.registry.plugins.get(entity.plugin)
    return Line(
        label=_(entity.plural),
        app=_(plugin.manifest.title) if plugin and entity.plugin != "core" else "",
        cells=tuple(cells.get(verb, none[verb]) for verb in COMMON[:SHOWN]),
        more=tuple(c for a, c in cells.items() if a not in COMMON[:SHOWN] and c.scopes),
        hidden=tuple(_(f.label) for f in fields if f.name not in visible),
        readonly=tuple(
            _(f.label)
            for f in fields
            if rights.may(entity.name, "update")
            and f.name in visible
            and f.name not in writable
            and not (f.readonly or f.sql)
        ),
    )


def scope_words(page: Page, scope: str) -> str:
    """Return which rows a scope means."""
    _ = page.translate
    known = {
        "all": _("All"),
        "author": _("Own making"),
        "own": _("Own records"),
        "company": _("Company"),
    }
    return known.get(scope) or _(named(scope))


async def show_why(page: Page) -> ASGIResponse:
    """Explain whether a person sees an entity or a record: grant, scope, rule, fields."""
    ctx, asked = page.ctx, page.request.query_params
    ctx.rights.require("core.user", "view")
    text = (asked.get("user") or asked.get("user_text") or "").strip()[:320]
    person = await person_of(page, text) if text else None
    entity = ctx.tenant.registry.entities.get(asked.get("entity", ""))
    record = (asked.get("record") or "").strip().lower()[:400]
    found = _ID.search(record)
    values: dict[str, Any] = {"steps": [], "seen": None}
    if person is not None and entity is not None and (found or not record):
        told = await explain(page, person, entity, UUID(found[0]) if found else None)
        values = {"steps": told.steps, "seen": told.seen}
    elif text and person is None:
        values["problem"] = page.translate("There is no such user, or you may not see him.")
    elif record and not found:
        values["problem"] = page.translate("Paste the address of the record, or its id.")
    return page.render(
        "why.html",
        person=person or Person(id="", name=text if text and person is None else ""),
        entity=asked.get("entity", ""),
        record=record,
        entities=_entities(page),
        **{"problem": "", **values},
    )


def _entities(page: Page) -> list[Option]:
    found = page.ctx.tenant.registry.entities.values()
    return [Option(e.name, page.translate(e.plural)) for e in found if "view" in e.verbs]
