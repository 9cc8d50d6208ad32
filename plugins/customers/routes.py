"""The advanced search, and the detailed profile where older clients look for it."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Request, get, post
from litestar.response.base import ASGIResponse

from core.plugin import (
    OperationDoc,
    error_message,
    open_context,
    query_records,
    read_body,
    read_id,
    read_values,
)
from plugins.customers.profile import Profile, detailed_profile

CUSTOMER = "customers.customer"


class Search(msgspec.Struct, frozen=True):
    """What customers must meet, all of it; a time is written as 2026-01-31T12:00:00Z."""

    criteria: Annotated[dict[str, Any] | None, error_message("Criteria are objects.")] = None
    date_field: Annotated[
        Literal["created_at", "updated_at", "last_order_date"],
        error_message("This is not a date to search by."),
    ] = "created_at"
    date_from: str | None = None
    date_to: str | None = None

    def tree(self) -> dict[str, Any] | None:
        """Return one tree of criteria, None when nothing is asked."""
        parts = [] if self.criteria is None else [self.criteria]
        for value, op in ((self.date_from, ">="), (self.date_to, "<=")):
            if value is not None:
                parts.append({"field": self.date_field, "op": op, "value": value})
        if len(parts) == 1:
            return parts[0]
        return {"all": parts} if parts else None


DOC = OperationDoc(
    summary="Search customers by several criteria",
    id="customers_customer_advanced_search",
    description="Takes ``page``, ``page_size``, ``cursor``, ``ordering`` and filters as the list.",
    tag="Customers",
    body=Search,
    body_required=False,
    answer=dict[str, Any],
    refuses=(400, 403),
)


PROFILE = OperationDoc(
    summary="Detailed profile of a customer",
    id="customers_customer_detailed_profile_by_id",
    description="The same as ``{id}/detailed-profile/``.",
    tag="Customers",
    answer=Profile,
    refuses=(403, 404),
)


class DetailedProfile(Controller):
    """``GET /api/customers/detailed-profile/{id}/``, as ``{id}/detailed-profile/`` (CUS-10)."""

    path = "/detailed-profile"

    @get("/{id:str}", opt={"permission": f"{CUSTOMER}.view", "doc": PROFILE})
    async def show(self, request: Request[Any, Any, Any]) -> Profile:
        """Answer all about one customer, each part as the caller may see it."""
        ctx = await open_context(request)
        ctx.rights.require(CUSTOMER, "view")
        record = {"id": read_id(request.path_params["id"])}
        return await ctx.read(lambda connection: detailed_profile(ctx, connection, record, None))


class AdvancedSearch(Controller):
    """``POST /api/customers/advanced-search/``, as ``query/`` with dates (CUS-07)."""

    path = "/advanced-search"

    @post("/", opt={"permission": f"{CUSTOMER}.list", "doc": DOC}, status_code=200)
    async def search(self, request: Request[Any, Any, Any]) -> ASGIResponse:
        """Answer a page of the customers that meet all that the body names."""
        ctx = await open_context(request)
        ctx.rights.require(CUSTOMER, "list")
        search: Search = read_values(Search, await read_body(request))
        tree = search.tree()
        entity = ctx.tenant.entities[CUSTOMER]
        return await query_records(ctx, request, entity, {"criteria": tree} if tree else {})
