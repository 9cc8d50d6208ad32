"""``GET /api/search/``: one question over all entities that the caller may list."""

from typing import Annotated, Any

import asyncpg
import msgspec
from litestar import Request
from litestar.response.base import ASGIResponse
from msgspec import Meta

from core.errors import Invalid, Unauthenticated
from core.model.entities import Declaration
from core.model.struct_values import read_query
from core.records.projection import Wanted, shape_of
from core.records.row_filter import conditions
from core.rest.addresses import base_url
from core.rest.operation_doc import Doc
from core.rest.request.context import open_context
from core.rest.responses import reply
from core.rest.route import READ, Route
from core.runtime.context import Context
from core.search.hits import CAP, MOST_LETTERS, find, read_phrase, searchable

AnyRequest = Request[Any, Any, Any]
PATH = "/api/search"
EXACT, BEGINS, OTHER = range(3)


class Asked(msgspec.Struct, frozen=True):
    """The parameters of a search."""

    q: Annotated[
        str, Meta(description=f"Words, an address or a number; at most {MOST_LETTERS} characters.")
    ]
    entity: Annotated[
        str | None, Meta(description="Only records of this entity, such as `core.user`.")
    ] = None
    page_size: Annotated[int, Meta(ge=1, le=100, description="How many results.")] = 20


class Count(msgspec.Struct, frozen=True):
    """How many records of one entity match."""

    entity: str
    resource: str
    label: str
    count: int
    count_is_capped: bool


class Result(msgspec.Struct, frozen=True):
    """One record that matches; ``title`` is null where the caller may not see it."""

    entity: str
    resource: str
    id: str
    title: str | None
    url: str


class Found(msgspec.Struct, frozen=True):
    """The best results, and how many there are. A capped count means "or more"."""

    count: int
    count_is_capped: bool
    entities: list[Count]
    results: list[Result]


class _Part(msgspec.Struct, frozen=True):
    """What one entity brings: its count, and its best results with their rank."""

    count: Count
    ranked: list[tuple[int, Result]]


async def search(request: AnyRequest) -> ASGIResponse:
    """Answer the best results of all entities: exact title, title that begins so, newest."""
    ctx = await open_context(request)
    if not ctx.rights.known:
        raise Unauthenticated
    try:
        asked, phrase = _asked(request)
        wanted = searched(ctx, asked.entity)
    except Invalid:
        # Who is no longer known hears that and nothing else.
        await ctx.fetchval("SELECT 1")
        raise
    return reply(await search_in(ctx, wanted, phrase, asked.page_size, base_url(request, ctx)))


async def search_in(
    ctx: Context, wanted: list[Declaration], phrase: str, size: int, address: str = ""
) -> Found:
    """Return the best results of some entities, and how many each has."""

    async def run(connection: asyncpg.Connection) -> list[_Part]:
        return [await _part(ctx, connection, entity, phrase, size, address) for entity in wanted]

    parts = await ctx.read(run)
    ranked = sorted(
        (one for part in parts for one in part.ranked),
        key=lambda one: (-one[0], one[1].id),
        reverse=True,
    )
    counts = [part.count for part in parts if part.count.count]
    return Found(
        count=sum(count.count for count in counts),
        count_is_capped=any(count.count_is_capped for count in counts),
        entities=counts,
        results=[result for _, result in ranked[:size]],
    )


def _asked(request: AnyRequest) -> tuple[Asked, str]:
    """Return the parameters and the phrase in them."""
    asked: Asked = read_query(Asked, _once(request))
    phrase = read_phrase("q", asked.q)
    if phrase is None:
        raise Invalid.field("?q", "q is required", "required")
    return asked, phrase


def _once(request: AnyRequest) -> dict[str, str]:
    """Return the parameters; refuses one that stands twice."""
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in found:
            raise Invalid.field(f"?{name!r}", "A parameter stands twice.", "repeated")
        found[name] = value
    return found


def searched(ctx: Context, named: str | None = None) -> list[Declaration]:
    """Return the entities that the caller may list and search."""
    known = {
        name: entity
        for name, entity in ctx.tenant.entities.items()
        if ctx.rights.may(name, "list") and searchable(ctx, entity)
    }
    if named is None:
        return list(known.values())
    if named not in known:
        raise Invalid.field("?entity", "There is no such entity.", "unknown", list(known))
    return [known[named]]


async def _part(
    ctx: Context,
    connection: asyncpg.Connection,
    entity: Declaration,
    phrase: str,
    size: int,
    address: str,
) -> _Part:
    """Return what one entity brings."""
    hits = await find(ctx, connection, entity, phrase)
    rows = await _rows(ctx, connection, entity, hits.among(), phrase, size) if hits.ids else []
    count = Count(
        entity=entity.name,
        resource=entity.resource,
        label=entity.plural,
        count=rows[0]["__count"] if rows else 0,
        count_is_capped=hits.capped,
    )
    ranked = []
    for row in rows:
        title = row.get(entity.title)
        result = Result(
            entity=entity.name,
            resource=entity.resource,
            id=str(row["id"]),
            title=None if title is None else str(title),
            url=f"{address}/api/{entity.resource}/{row['id']}/",
        )
        ranked.append((row["__rank"], result))
    return _Part(count, ranked)


async def _rows(
    ctx: Context,
    connection: asyncpg.Connection,
    entity: Declaration,
    among: Any,
    phrase: str,
    size: int,
) -> list[dict[str, Any]]:
    """Return the best of the hits, as far as the caller may list them and see their titles."""
    title = entity.fields[entity.title]
    seen = title.name in ctx.rights.visible(entity.name)
    wanted = Wanted(fields=(title.name if seen else "id",))
    shape = shape_of(ctx.tenant, ctx.rights, entity, wanted)
    where, values = conditions(ctx, entity, "list", (among,), 2)
    place = len(values) + 2
    folded = f"crm_fold(x.{title.name}::text)" if seen and not title.sql else "NULL::text"
    records = await connection.fetch(
        f"SELECT {shape.columns('x')}, count(*) OVER () AS __count,"
        f" CASE WHEN {folded} = crm_fold(${place}) THEN {EXACT}"
        f" WHEN {folded} ^@ crm_fold(${place}) THEN {BEGINS} ELSE {OTHER} END AS __rank"
        f" FROM {entity.table} x WHERE {where} ORDER BY __rank, x.id DESC LIMIT ${place + 1}",
        ctx.tenant.id,
        *values,
        phrase,
        size,
    )
    return [shape.row(record) for record in records]


def search_routes() -> list[Route]:
    """Return the route of the search."""
    doc = Doc(
        id="search",
        tag="Search",
        summary="Search everything",
        description=(
            "Every word must match the beginning of a word. Numbers are found by their beginning"
            f" and by their end. Each entity brings its newest {CAP} matches; `count_is_capped`"
            " says that there are more."
        ),
        query=Asked,
        answer=Found,
        refuses=(400,),
    )
    opt = {"permission": "signed_in", "doc": doc}
    return [Route(PATH, READ, opt, search)]
