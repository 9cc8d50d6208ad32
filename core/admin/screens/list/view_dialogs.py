"""Naming, changing, pinning and deleting the saved views of a list."""

from typing import Any

import msgspec
from litestar.response.base import ASGIResponse

from core.access.rights import ADMIN
from core.admin.forms.body import wrong_fields
from core.admin.page import Flash, Page
from core.admin.parts import Link, Option
from core.admin.screens.list import views
from core.admin.screens.list.columns import save_preferences
from core.admin.screens.list.list_query import (
    EVERYTHING,
    ListQuery,
    ListState,
    parse_state,
    read_list_query,
    state_from_form,
)
from core.admin.screens.list.views import View
from core.errors import Forbidden, Invalid, NotFound
from core.model.entities import Declaration

MOST_PINS = 20


def tabs(page: Page, entity: Declaration, query: ListQuery) -> list[Link]:
    """Return the views that stand over the table: everything, the first one, those pinned."""
    base, now = f"/app/{entity.resource}/", query.state.view
    first = query.saved.first
    found = [Link(page.translate("All"), base + (f"?view={EVERYTHING}" if first else ""))]
    shown = [v for v in query.saved.views if v.id in query.saved.preferences.pins or v in (first,)]
    current = query.saved.view(now)
    if current is not None and current not in shown:
        shown.append(current)
    found += [Link(v.name, f"{base}?view={v.id}", active=v.id == now) for v in shown]
    if current is None:
        found[0] = msgspec.structs.replace(found[0], active=True)
    return found


def differs(state: ListState, view: View, entity: Declaration) -> bool:
    """Return whether a list shows something else than its view has stored."""
    saved = parse_state(entity, view.state)
    fixed = {"page": 1, "view": "", "size": 0}
    now = msgspec.structs.replace(state, **fixed)
    then = msgspec.structs.replace(saved, ordering=saved.ordering or entity.order, **fixed)
    return sorted(now.pairs()) != sorted(then.pairs())


async def show_new(page: Page, entity: Declaration) -> ASGIResponse:
    """Ask for the name of a new view."""
    query = await read_list_query(page, entity)
    return _render(page, entity, query.state, View("", "", "private", ()))


async def show_view(page: Page, entity: Declaration) -> ASGIResponse:
    """Show a view's name and audience, to be changed."""
    query = await read_list_query(page, entity)
    return _render(page, entity, query.state, await _read_view(page, entity, change=True))


async def create_view(page: Page, entity: Declaration) -> ASGIResponse:
    """Keep how the list is looked at as a new view."""
    return await _store(page, entity, None)


async def change_view(page: Page, entity: Declaration) -> ASGIResponse:
    """Do with a view what a button says: save, pin, unpin or delete."""
    deed = page.form.get("do", "save")
    view = await _read_view(page, entity, change=deed not in ("pin", "unpin"))
    base = f"/app/{entity.resource}/"
    if deed in ("pin", "unpin"):
        await _pin(page, entity, view.id, on=deed == "pin")
        return page.redirect(f"{base}?view={view.id}")
    if deed == "delete":
        await views.remove(page.ctx, entity, view.id)
        text = page.translate("The view %(name)s is deleted.") % {"name": view.name}
        return page.redirect(f"{base}?view={EVERYTHING}", flash=Flash(text))
    if deed == "update":
        return await _update(page, entity, view)
    return await _store(page, entity, view)


async def _read_view(page: Page, entity: Declaration, *, change: bool) -> View:
    id = str(page.request.path_params["id"])
    saved = await page.ctx.read(lambda c: views.read_saved_views(c, page.ctx, entity))
    view = saved.view(id)
    if view is None:
        raise NotFound
    if change and not views.may_change(page.ctx, view):
        raise Forbidden
    return view


async def _pin(page: Page, entity: Declaration, id: str, *, on: bool) -> None:
    saved = await page.ctx.read(lambda c: views.read_saved_views(c, page.ctx, entity))
    pins = [pin for pin in saved.preferences.pins if pin != id and saved.view(pin)]
    await save_preferences(page, entity, pins=tuple([*pins, id] if on else pins)[-MOST_PINS:])


async def _update(page: Page, entity: Declaration, view: View) -> ASGIResponse:
    """Keep filters, columns and order of now under the view's name."""
    state = msgspec.structs.replace(state_from_form(page, entity), view="", page=1)
    changed = msgspec.structs.replace(view, state=tuple(state.pairs()))
    await views.save(page.ctx, entity, changed, view.id)
    text = page.translate("The view %(name)s is saved.") % {"name": view.name}
    return page.redirect(f"/app/{entity.resource}/?view={view.id}", flash=Flash(text))


async def _store(page: Page, entity: Declaration, view: View | None) -> ASGIResponse:
    state = state_from_form(page, entity)
    try:
        view_data = views.read_view(page, msgspec.structs.replace(state, view="", page=1).pairs())
    except Invalid as invalid:
        typed = View(view.id if view else "", page.form.get("name"), "private", ())
        return _render(page, entity, state, typed, wrong_fields(invalid))
    if view is not None and page.form.get("take") != "1":
        view_data = msgspec.structs.replace(view_data, state=view.state)
    id = await views.save(page.ctx, entity, view_data, view.id if view else None)
    if page.form.get("pin") == "1":
        await _pin(page, entity, id, on=True)
    text = page.translate("The view %(name)s is saved.") % {"name": view_data.name}
    return page.redirect(f"/app/{entity.resource}/?view={id}", flash=Flash(text))


def _render(
    page: Page,
    entity: Declaration,
    state: ListState,
    view: View,
    errors: dict[str, str] | None = None,
) -> ASGIResponse:
    ctx, say = page.ctx, page.translate
    audiences = [Option("private", say("Only me"))]
    teams = [Option(name, say(_role(page, name))) for name in views.teams(ctx)]
    if views.may_share(ctx) and teams:
        audiences.append(Option("team", say("A team")))
    if ADMIN in ctx.rights.roles:
        audiences.append(Option("tenant", say("Everybody")))
    return page.render(
        "list_view.html",
        status=400 if errors else 200,
        entity=entity,
        base=f"/app/{entity.resource}/",
        state=state,
        view=view,
        audiences=audiences,
        teams=teams,
        errors=errors or {},
        back=state.href(page=state.page),
    )


def _role(page: Page, name: str) -> str:
    tenant: Any = page.ctx.tenant
    own = tenant.config.roles.get(name)
    return str(own.label if own else tenant.roles[name].label) or name
