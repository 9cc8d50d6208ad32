"""``GET /api/search/``: one question over all entities that the caller may list."""

from typing import Annotated

import msgspec
from litestar.response.base import ASGIResponse
from msgspec import Meta

from core.errors import Invalid, Unauthenticated
from core.model.struct_values import read_query
from core.records.ranked_search import SearchPage, search_entities, searchable_entities
from core.rest.addresses import base_url
from core.rest.operation_doc import OperationDoc
from core.rest.request.context import open_context
from core.rest.responses import reply
from core.rest.route import READ, AnyRequest, Route
from core.search.hits import CAP, MOST_LETTERS, read_phrase

PATH = "/api/search"


class SearchQuery(msgspec.Struct, frozen=True):
    """The parameters of a search."""

    q: Annotated[
        str, Meta(description=f"Words, an address or a number; at most {MOST_LETTERS} characters.")
    ]
    entity: Annotated[
        str | None, Meta(description="Only records of this entity, such as `core.user`.")
    ] = None
    page_size: Annotated[int, Meta(ge=1, le=100, description="How many results.")] = 20


async def search(request: AnyRequest) -> ASGIResponse:
    """Answer the best results of all entities: exact title, title that begins so, newest."""
    ctx = await open_context(request)
    if not ctx.rights.known:
        raise Unauthenticated
    try:
        query, phrase = _read_parameters(request)
        entities = searchable_entities(ctx, query.entity)
    except Invalid:
        # Who is no longer known hears that and nothing else.
        await ctx.fetchval("SELECT 1")
        raise
    return reply(
        await search_entities(ctx, entities, phrase, query.page_size, base_url(request, ctx))
    )


def _read_parameters(request: AnyRequest) -> tuple[SearchQuery, str]:
    """Return the parameters and the phrase in them."""
    query: SearchQuery = read_query(SearchQuery, _once(request))
    phrase = read_phrase("q", query.q)
    if phrase is None:
        raise Invalid.field("?q", "q is required", "required")
    return query, phrase


def _once(request: AnyRequest) -> dict[str, str]:
    """Return the parameters; refuses one that stands twice."""
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in found:
            raise Invalid.field(f"?{name!r}", "A parameter stands twice.", "repeated")
        found[name] = value
    return found


def search_routes() -> list[Route]:
    """Return the route of the search."""
    doc = OperationDoc(
        id="search",
        tag="Search",
        summary="Search everything",
        description=(
            "Every word must match the beginning of a word. Numbers are found by their beginning"
            f" and by their end. Each entity brings its newest {CAP} matches; `count_is_capped`"
            " says that there are more."
        ),
        query=SearchQuery,
        answer=SearchPage,
        refuses=(400,),
    )
    opt = {"permission": "signed_in", "doc": doc}
    return [Route(PATH, READ, opt, search)]
