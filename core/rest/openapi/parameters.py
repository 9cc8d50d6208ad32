"""The parameters of a list: paging, order, fields, and every filter that the list accepts."""

from typing import Any

from core.criteria.names import OPERATORS, Subject, filters
from core.criteria.parameters import SUFFIXES
from core.criteria.terms import LONGEST_TEXT, MOST_VALUES
from core.model.entities import Declaration
from core.model.fields import Field
from core.model.relative_dates import WORDS
from core.model.types import INT8
from core.records.changes.idempotency import MOST_KEY
from core.records.lists.list_query import MOST_OFFSET, MOST_PAGE, MOST_SORTS, PAGE, sortable
from core.records.projection import expandable, readable
from core.rest.openapi.answers import Schema
from core.rest.openapi.fields import codes
from core.runtime.tenant import Tenant
from core.search.hits import CAP, MOST_LETTERS

WORDS_OF = {
    "=": "equals",
    "in": "is one of (comma-separated)",
    ">=": "is at least",
    "<=": "is at most",
    ">": "is more than",
    "<": "is less than",
    "is_empty": "is empty",
    "contains": "contains",
    "starts_with": "starts with",
    "!=": "is not",
}
MOMENT: Schema = {
    "anyOf": [
        {"type": "string", "format": "date"},
        {"type": "string", "enum": [w for w in WORDS if w.isidentifier()]},
        {"type": "string", "pattern": r"^[+-]\d{1,3}[dwm]$"},
    ],
    "description": "A day, or words such as today, -7d, start_of_month.",
}
TIME: Schema = {
    **MOMENT,
    "anyOf": [{"type": "string", "format": "date-time"}, *MOMENT["anyOf"]],
}
HEADERS: dict[str, Schema] = {
    "If-Match": {
        "description": "Change only this version: the ETag of the record, or `*`.",
        "schema": {"type": "string"},
    },
    "If-None-Match": {
        "description": "Answer 304 when the record still has this ETag.",
        "schema": {"type": "string"},
    },
    "Idempotency-Key": {
        "description": "A retry with the same key has no second effect; kept for 24 hours.",
        "schema": {"type": "string", "pattern": f"^[!-~]([ -~]{{0,{MOST_KEY - 2}}}[!-~])?$"},
    },
}
PAGING: dict[str, Schema] = {
    "page": {
        "description": f"page times page_size is at most {MOST_OFFSET}; beyond it, use cursor.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MOST_OFFSET, "default": 1},
    },
    "page_size": {
        "description": "Records per page.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MOST_PAGE, "default": PAGE},
    },
    "cursor": {
        "description": "Empty for the first page by cursor; then what `next` says.",
        "schema": {"type": "string"},
    },
    "count": {
        "description": "`exact` counts beyond 10,000 as well.",
        "schema": {"type": "string", "enum": ["exact"]},
    },
}


def parameter(
    name: str, location: str, schema: Schema, description: str = "", *, required: bool = False
) -> Schema:
    """Return one parameter; a list is written with commas."""
    found: Schema = {"name": name, "in": location, "schema": schema}
    if required or location == "path":
        found["required"] = True
    if description:
        found["description"] = description
    if schema.get("type") == "array":
        found |= {"style": "form", "explode": False}
    return found


def shared_parameters() -> dict[str, Schema]:
    """Return the parameters that many operations share, by component name."""
    found = {
        name: parameter(name, "query", given["schema"], given["description"])
        for name, given in PAGING.items()
    }
    found["search"] = parameter(
        "search",
        "query",
        {"type": "string", "maxLength": MOST_LETTERS},
        f"Words of which all begin so; filters and order apply to the newest {CAP} hits.",
    )
    found["mobile"] = parameter(
        "mobile", "query", {"type": "boolean"}, "Only the fields of small screens."
    )
    for name, given in HEADERS.items():
        found[name] = parameter(name, "header", given["schema"], given["description"])
    found["If-Match-Required"] = found["If-Match"] | {"required": True}
    found["id"] = parameter("id", "path", {"type": "string", "format": "uuid"}, "The record's id.")
    return found


def names(listed: list[str], **more: Any) -> Schema:
    """Return a comma-separated list out of ``listed``."""
    return {"type": "array", "items": {"type": "string", "enum": listed}, **more}


def selection_parameters(tenant: Tenant, rights: Any, entity: Declaration) -> dict[str, Schema]:
    """Return ``fields``, ``omit`` and ``expand`` as this principal may use them."""
    known = readable(entity, rights.visible(entity.name))
    found = {
        "fields": parameter("fields", "query", names(known), "Only these fields; id always."),
        "omit": parameter("omit", "query", names(known), "All fields but these."),
    }
    if links := expandable(tenant, rights, entity):
        text = "Linked records beside their ids; `a.b` goes one link further."
        found["expand"] = parameter("expand", "query", names(links), text)
    return found


def order_parameter(rights: Any, entity: Declaration) -> Schema | None:
    """Return ``ordering``, when the principal may sort by anything."""
    fields = sortable(entity, rights.visible(entity.name))
    if not fields:
        return None
    both = [sign + name for name in fields for sign in ("", "-")]
    text = f"Up to {MOST_SORTS} fields, `-` for descending; `{entity.order}` when left out."
    return parameter("ordering", "query", names(both, maxItems=MOST_SORTS), text)


def filter_parameters(tenant: Tenant, rights: Any, entity: Declaration) -> dict[str, Schema]:
    """Return each ``field__operator`` and named filter that the principal may use."""
    subject = Subject(entity, tenant.entities, rights, tenant.terms)
    found: dict[str, Schema] = {}
    for name in filters(subject, entity):
        field = entity.fields[name]
        for op in OPERATORS[field.kind]:
            if op == "=" or op in SUFFIXES.values():
                key = _spelled(field, op)
                text = f"{field.label} {WORDS_OF[op]}."
                found[key] = parameter(key, "query", operand_schema(field, op, tenant), text)
    for named in entity.named_filters:
        if all(n in rights.visible(entity.name) for n in named.uses):
            found[named.key] = parameter(named.key, "query", {"type": "string"}, named.label)
    return found


def _spelled(field: Field, op: str) -> str:
    if op == "=" or (op == "contains" and field.kind == "tags"):
        return field.name
    suffix = next(s for s, known in SUFFIXES.items() if known == op)
    return f"{field.name}__{suffix}"


def operand_schema(field: Field, op: str, tenant: Tenant) -> Schema:
    """Return what a filter takes."""
    if op == "is_empty":
        return {"type": "boolean"}
    if op in ("contains", "starts_with"):
        return {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT}
    value = _value(field, tenant)
    if op == "in":
        if value.get("type") == "string" and not {"enum", "format"} & set(value):
            value = {**value, "pattern": "^[^,]*$"}
        return {"type": "array", "items": value, "minItems": 1, "maxItems": MOST_VALUES}
    return value


def _value(field: Field, tenant: Tenant) -> Schema:
    if field.kind == "choice":
        return {"type": "string", "enum": codes(field, tenant)}
    if field.kind == "currency":
        return {"$ref": "#/components/schemas/Currency"}
    return dict(_VALUES.get(field.kind, {"type": "string", "maxLength": LONGEST_TEXT}))


_VALUES: dict[str, Schema] = {
    "integer": {"type": "integer", "minimum": INT8[0], "maximum": INT8[1]},
    "number": {"type": "number", "minimum": -(10**12), "maximum": 10**12},
    "money": {"type": "string", "pattern": r"^-?\d{1,14}$"},
    "decimal": {"type": "string", "pattern": r"^-?\d{1,14}$"},
    "boolean": {"type": "boolean"},
    "date": MOMENT,
    "datetime": TIME,
    "link": {"type": "string", "format": "uuid"},
    "phone": {"type": "string", "maxLength": 40},
}
