"""What generated routes cannot say."""

from typing import Any

from litestar import Controller, Request, get

from core.plugin import open_context


class Ping(Controller):
    """Answers with the tenant's name."""

    path = "/ping"

    @get("/", opt={"permission": "dummy.device.list"})
    async def ping(self, request: Request[Any, Any, Any]) -> dict[str, str]:
        """Answer who is asked."""
        ctx = await open_context(request)
        ctx.rights.require("dummy.device", "list")
        await ctx.fetchval("SELECT 1")
        return {"tenant": ctx.tenant.slug}
