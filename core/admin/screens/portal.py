"""Pages that plugins make themselves: those of portals and desks, reports and the like."""

from typing import Any
from uuid import UUID

from litestar.response.base import ASGIResponse

from core.admin.page import READ, WRITE, Flash, Page, page_route
from core.admin.portals import plugin_screens
from core.admin.screens.form.form_submit import form_key, save_once
from core.database.connections import Unit
from core.errors import Forbidden, NotFound, Refused, Unauthenticated
from core.records.changes.actions import perform_action, read_action_values
from core.registry.registry import Action, Registry, Screen
from core.rest.route import Route


async def show_screen(
    page: Page, screen: Screen, problems: tuple[str, ...] = (), status: int = 200
) -> ASGIResponse:
    """Show a page as its plugin fills it; ``problems`` is what was wrong with what was asked."""
    if screen not in plugin_screens(page.ctx):
        raise NotFound
    values = await screen.read(page)
    return page.render(
        screen.template,
        status=status,
        title=page.translate(screen.label),
        here=_path(screen),
        key=form_key(),
        problems=problems,
        **values,
    )


async def change_screen(page: Page, screen: Screen) -> ASGIResponse:
    """Do the action that a form of the page asks for, once per form."""
    if screen.submit is None or screen not in plugin_screens(page.ctx):
        raise NotFound
    try:
        name, id, body = await screen.submit(page)
        action = _action(page, screen, name)
        await _carry_out(page, screen, action, id, body)
    except (Unauthenticated, Forbidden, NotFound):
        raise
    except Refused as refused:
        details = [page.tell(error.detail) for error in refused.errors]
        problems = tuple(details) or (page.tell(refused.detail),)
        return await show_screen(page, screen, problems, refused.status)
    words = page.translate("%(deed)s: done.") % {"deed": page.translate(action.label)}
    return page.redirect(_path(screen), flash=Flash(words))


def _action(page: Page, screen: Screen, name: str) -> Action:
    found = next((a for a in page.ctx.tenant.actions(screen.entity) if a.name == name), None)
    if found is None:
        raise NotFound
    page.ctx.rights.require(screen.entity, found.right)
    return found


async def _carry_out(
    page: Page, screen: Screen, action: Action, id: UUID, body: dict[str, Any]
) -> None:
    ctx, values = page.ctx, read_action_values(action, body)
    entity = ctx.tenant.entities[screen.entity]
    ctx.reason = getattr(values, "reason", None) or ctx.reason

    async def run(unit: Unit) -> Any:
        return await perform_action(ctx, unit, entity, action, id, None, values)

    await save_once(page, run)


def _path(screen: Screen) -> str:
    return f"/app/{screen.path}/"


def routes(registry: Registry) -> list[Route]:
    """Return the plugins' own pages."""
    return [route for screen in registry.screens for route in _pair(screen)]


def _pair(screen: Screen) -> list[Route]:
    async def show(page: Page) -> ASGIResponse:
        return await show_screen(page, screen)

    async def change(page: Page) -> ASGIResponse:
        return await change_screen(page, screen)

    path, right = f"/app/{screen.path}", f"{screen.entity}.{screen.right}"
    found = [page_route(path, READ, right, show, plugin=screen.plugin)]
    if screen.submit is not None:
        found.append(page_route(path, WRITE, right, change, plugin=screen.plugin))
    for route in found:
        route.opt["portal_role"] = screen.portal_role
    return found
