"""The route of an entity's declared figures."""

from litestar.response.base import ASGIResponse

from core.errors import Invalid
from core.model.entities import Declaration
from core.records.lists.figures import cached_figures, figures, recent_figures
from core.records.lists.list_query import read_filters
from core.rest.request.query_string import split_parameters
from core.rest.responses import reply
from core.rest.route import AnyRequest
from core.runtime.context import Context


async def statistics(ctx: Context, request: AnyRequest, entity: Declaration) -> ASGIResponse:
    """Answer ``GET …/stats/`` over the rows that the caller may list; at most 5 s old.

    The cache knows tenant, scope and fields, so nobody gets another's figures. Whoever has written
    meanwhile sees their change at once.
    """
    ctx.rights.require(entity.name, "list")
    own, pairs = split_parameters(request)
    if own:
        name = sorted(own)[0]
        raise Invalid.field(f"?{name}", f"Unknown parameter {name!r}.", "unknown")
    filters = read_filters(ctx, entity, pairs)
    if filters:
        return reply(await figures(ctx, entity, filters, ctx.fetch))
    kept = cached_figures(ctx, entity)
    if kept is not None:
        # The credential is still checked, as in every request.
        await ctx.fetchval("SELECT 1")
        return reply(kept)
    return reply(await recent_figures(ctx, entity, ctx.fetch))
