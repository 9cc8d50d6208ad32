"""The screens that show much at once: histories, and what is made of many records."""

from litestar.handlers import HTTPRouteHandler

from core.admin.screens import credit, dashboard, history, portal
from core.registry import Registry

PANELS = (history, credit, dashboard, portal)


def routes(registry: Registry) -> list[HTTPRouteHandler]:
    """Return the routes of all of them."""
    return [route for panel in PANELS for route in panel.routes(registry)]
