"""The screens beside the records: what belongs to the tenant, the search and the boards."""

from core.admin.screens import palette
from core.admin.screens.board import board_screen
from core.admin.screens.history import log
from core.admin.screens.tenant import apps, brand, dictionaries, keys, people, roles, settings
from core.registry.registry import Registry
from core.rest.route import Route

SCREENS = (palette, apps, settings, dictionaries, brand, people, roles, keys, log, board_screen)


def routes(registry: Registry) -> list[Route]:
    """Return the routes of these screens."""
    return [route for screen in SCREENS for route in screen.routes(registry)]
