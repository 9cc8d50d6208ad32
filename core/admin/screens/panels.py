"""The screens that show much at once: histories, and what is made of many records."""

from core.admin.screens import portal
from core.admin.screens.dashboard import dashboard_screen
from core.admin.screens.history import achievements, history_screen
from core.registry.registry import Registry
from core.rest.route import Route

PANELS = (history_screen, achievements, dashboard_screen, portal)


def routes(registry: Registry) -> list[Route]:
    """Return the routes of all of them."""
    return [route for panel in PANELS for route in panel.routes(registry)]
