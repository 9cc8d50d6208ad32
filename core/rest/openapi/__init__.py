"""OpenAPI 3.1 of what a tenant has enabled and a principal may do, made from the registry."""

from core.rest.openapi.routes import openapi_routes

__all__ = ["openapi_routes"]
