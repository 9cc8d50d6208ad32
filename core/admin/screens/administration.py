"""The screens beside the records: what belongs to the tenant, the search and the boards."""

from litestar.handlers import HTTPRouteHandler

from core.admin.screens import (
    apps,
    board,
    brand,
    dictionaries,
    keys,
    log,
    palette,
    people,
    roles,
    settings,
)
from core.registry import Registry

SCREENS = (palette, apps, settings, dictionaries, brand, people, roles, keys, log, board)


def routes(registry: Registry) -> list[HTTPRouteHandler]:
    """Return the routes of these screens."""
    return [route for screen in SCREENS for route in screen.routes(registry)]
