"""The query string of a request: a list's own parameters, its filters, or a struct."""

from typing import Any

from litestar import Request

from core.errors import Invalid
from core.model.struct_values import read_query
from core.records.changes.single import DETAIL
from core.records.lists.list_query import read_field_selection
from core.records.projection import FieldSelection

OWN = frozenset(
    (
        "page",
        "page_size",
        "cursor",
        "count",
        "ordering",
        "fields",
        "omit",
        "expand",
        "mobile",
        "search",
        "format",
    )
)


def split_parameters(
    request: Request[Any, Any, Any],
) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Return the list's own parameters and the filters; refuses text that no column can hold."""
    own: dict[str, str] = {}
    filters: list[tuple[str, str]] = []
    for name, value in request.query_params.multi_items():
        for text in (name, value):
            if "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text):
                raise Invalid.field("?" + repr(name), "A parameter holds unusable text.", "text")
        if name not in OWN:
            filters.append((name, value))
        elif name in own:
            raise Invalid.field(f"?{name}", f"{name} stands twice.", "repeated")
        else:
            own[name] = value
    if own.get("format", "json") != "json":
        raise Invalid.field("?format", "Records come as JSON.", "unknown", ("json",))
    return own, filters


def read_selection(request: Request[Any, Any, Any]) -> FieldSelection:
    """Return which fields of a single record are requested; refuses other parameters."""
    if not request.scope["query_string"]:
        return DETAIL
    own, filters = split_parameters(request)
    allowed = ("fields", "omit", "expand", "mobile")
    for name in (*own, *(name for name, _ in filters)):
        if name not in allowed:
            raise Invalid.field(f"?{name}", f"Unknown parameter {name!r}.", "unknown", allowed)
    return read_field_selection(own, detail=True)


def read_parameters(struct: Any, request: Request[Any, Any, Any]) -> Any:
    """Return a request's query as ``struct``; refuses unknown parameters and wrong values."""
    own, filters = split_parameters(request)
    return read_query(struct, {**own, **dict(filters)})
