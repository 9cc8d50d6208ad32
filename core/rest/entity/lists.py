"""The list contract: a request read and checked, and its page answered as JSON."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar.response.base import ASGIResponse

from core import criteria
from core.errors import Invalid
from core.model.entities import Declaration
from core.records.lists.list_query import (
    Query,
    read_field_selection,
    read_filters,
    read_paging,
    read_search,
    read_sorts,
)
from core.records.lists.pages import read_page
from core.records.row_filter import FieldAccess
from core.rest.addresses import page_url
from core.rest.request.query_string import split_parameters
from core.rest.responses import reply
from core.rest.route import AnyRequest
from core.runtime.context import Context


async def list_records(
    ctx: Context, request: AnyRequest, entity: Declaration, *, trash: bool = False
) -> ASGIResponse:
    """Answer ``GET /api/<resource>/``."""
    action = "trash" if trash else "list"
    ctx.rights.require(entity.name, action)
    query = read_list(ctx, entity, *split_parameters(request), trash=trash)
    return await answer(ctx, request, entity, query, action)


def read_list(
    ctx: Context,
    entity: Declaration,
    own: dict[str, str],
    pairs: Sequence[tuple[str, str]],
    *,
    trash: bool = False,
) -> Query:
    """Return a list's own parameters and its filters as a checked query."""
    return Query(
        paging=read_paging(own),
        selection=msgspec.structs.replace(read_field_selection(own), trash=trash),
        sorts=read_sorts(entity, ctx.rights.visible(entity.name), own.get("ordering")),
        filters=read_filters(ctx, entity, pairs),
        trash=trash,
        phrase=read_search(ctx, entity, own.get("search"), trash=trash),
    )


def read_tree(ctx: Context, entity: Declaration, tree: Any) -> criteria.Checked:
    """Return a tree of criteria, checked for the caller."""
    return criteria.parse_and_check(
        tree, entity, ctx.tenant.entities, FieldAccess(ctx), ctx.tenant.terms
    )


async def query_records(
    ctx: Context, request: AnyRequest, entity: Declaration, body: dict[str, Any]
) -> ASGIResponse:
    """Answer ``POST /api/<resource>/query/``: the list, filtered by a tree of criteria."""
    ctx.rights.require(entity.name, "list")
    own, pairs = split_parameters(request)
    unknown = set(body) - {"criteria"}
    if unknown:
        raise Invalid.field(f"#/{sorted(unknown)[0]}", "Unknown key.", "unknown", ("criteria",))
    query = read_list(ctx, entity, own, pairs)
    if body.get("criteria") is not None:
        tree = read_tree(ctx, entity, body["criteria"])
        query = msgspec.structs.replace(query, filters=(*query.filters, tree))
    return await answer(ctx, request, entity, query, "list")


async def answer(
    ctx: Context, request: AnyRequest, entity: Declaration, query: Query, action: str
) -> ASGIResponse:
    """Run a checked list query and return its page."""
    page = await read_page(ctx, entity, query, action)

    def address(changed: dict[str, Any] | None) -> str | None:
        return None if changed is None else page_url(request, ctx, **changed)

    return reply(
        {
            "count": page.count,
            **page.count_notes,
            "next": address(page.next),
            "previous": address(page.previous),
            "results": page.rows,
        }
    )
