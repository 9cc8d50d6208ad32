"""Absolute addresses in answers: of the configured server, or of the one that was asked."""

from typing import Any
from urllib.parse import urlencode

from litestar import Request

from core.runtime.context import Context


def page_url(request: Request[Any, Any, Any], ctx: Context, **changed: Any) -> str:
    """Return this list's absolute address with other paging, all else equal."""
    pairs = [(k, v) for k, v in request.query_params.multi_items() if k not in changed]
    pairs += [(k, str(v)) for k, v in changed.items()]
    return f"{base_url(request, ctx)}{requested_path(request)}/?{urlencode(pairs)}"


def requested_path(request: Request[Any, Any, Any]) -> str:
    """Return the path as the client asked for it, alias and all, without its last slash."""
    scope: Any = request.scope
    path: str = scope.get("crm_path", scope["path"])
    return path.rstrip("/")


def base_url(request: Request[Any, Any, Any], ctx: Context) -> str:
    """Return the configured address of the server, or the one that the request came to."""
    configured = ctx.platform.config.server.base_url
    if configured:
        return configured.rstrip("/")
    return f"{request.scope['scheme']}://{request.headers.get('host', 'localhost')}"
