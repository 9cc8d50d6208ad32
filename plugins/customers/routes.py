"""The advanced search: several criteria and a span of time, with the list's pages and order."""

from typing import Any

from litestar import Controller, Request, post
from litestar.response.base import ASGIResponse

from core.plugin import FieldError, Invalid, open_context, query_records, read_body

CUSTOMER = "customers.customer"
KEYS = ("criteria", "date_field", "date_from", "date_to")
DATES = ("created_at", "updated_at", "last_order_date")


class AdvancedSearch(Controller):
    """``POST /api/customers/advanced-search/``, as ``query/`` with dates (CUS-07)."""

    path = "/advanced-search"

    @post("/", opt={"permission": f"{CUSTOMER}.list"}, status_code=200)
    async def search(self, request: Request[Any, Any, Any]) -> ASGIResponse:
        """Answer a page of the customers that meet all that the body names."""
        ctx = await open_context(request)
        ctx.rights.require(CUSTOMER, "list")
        body = await read_body(request)
        tree = criteria_of(body)
        return await query_records(
            ctx, request, ctx.tenant.entities[CUSTOMER], {"criteria": tree} if tree else {}
        )


def criteria_of(body: dict[str, Any]) -> dict[str, Any] | None:
    """Return one tree out of the body's criteria and its span; refuses what it does not know."""
    errors = [
        FieldError(f"#/{name}", "Unknown key.", "unknown", KEYS) for name in body.keys() - set(KEYS)
    ]
    field = body.get("date_field", DATES[0])
    if field not in DATES:
        errors.append(FieldError("#/date_field", "Not a date to search by.", "unknown", DATES))
    if errors:
        raise Invalid.fields(errors)
    parts = [] if body.get("criteria") is None else [body["criteria"]]
    for name, op in (("date_from", ">="), ("date_to", "<=")):
        if body.get(name) is not None:
            parts.append({"field": field, "op": op, "value": body[name]})
    if len(parts) == 1:
        return parts[0]
    return {"all": parts} if parts else None
