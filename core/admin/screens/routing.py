"""From the registry to pages: one route per entity and screen."""

from collections.abc import Awaitable, Callable

from litestar.response.base import ASGIResponse

from core.admin.page import Page, page_route
from core.model.entities import Declaration
from core.rest.route import Methods, Route

Screen = Callable[[Page, Declaration], Awaitable[ASGIResponse]]


def screen_route(
    entity: Declaration, path: str, methods: Methods, right: str, screen: Screen
) -> Route:
    """Return the route of ``/app/<resource><path>``; the screen gets the tenant's declaration.

    Without ``right`` anybody who is signed in gets there, and the screen asks for what it needs.
    """

    async def serve(page: Page) -> ASGIResponse:
        return await screen(page, page.ctx.tenant.entities[entity.name])

    permission = f"{entity.name}.{right}" if right else "signed_in"
    made = page_route(
        f"/app/{entity.resource}{path}", methods, permission, serve, plugin=entity.plugin
    )
    made.opt["entity"] = entity.name
    return made


def entity_path(entity: Declaration, id: object = "", under: str = "") -> str:
    """Return the address of an entity's list, of a record, or of a page under one of them."""
    return f"/app/{entity.resource}/{f'{id}/' if id else ''}{under}"
