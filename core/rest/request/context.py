"""The context of an HTTP request: who asks in which tenant, and whether the plugin is on."""

from functools import partial
from typing import Any

from litestar import Request

from core.auth.credentials import identify
from core.errors import NotFound
from core.rest.request.origin import read_reason, request_origin
from core.runtime.context import Context
from core.runtime.platform import Platform


async def open_context(request: Request[Any, Any, Any]) -> Context:
    """Return the context of a request; refuses a bad credential, or a host without tenant."""
    scope = request.scope
    platform: Platform = scope["litestar_app"].state.platform
    headers = dict(scope["headers"])
    host = headers.get(b"host", b"").decode("latin-1").lower()
    tenant, principal = await identify(platform, headers, host)
    tenant = await platform.fresh(tenant)
    plugin = request.route_handler.opt.get("plugin")
    if plugin is not None and plugin not in tenant.enabled:
        raise NotFound
    state = scope["state"]
    state["tenant"], state["principal"] = tenant, principal
    ctx = Context(
        platform,
        tenant,
        principal,
        state.get("request_id", ""),
        partial(request_origin, request),
    )
    ctx.reason = read_reason(headers)
    return ctx
