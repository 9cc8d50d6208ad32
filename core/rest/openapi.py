"""OpenAPI 3.1 of what a tenant has enabled, made from the registry."""

from litestar.handlers import HTTPRouteHandler


def openapi_routes() -> list[HTTPRouteHandler]:
    """Return the routes of the document and of its page."""
    return []
