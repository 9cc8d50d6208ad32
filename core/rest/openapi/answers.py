"""What an operation can answer: problems by status, headers, and schemas that all share."""

from collections.abc import Iterable, Mapping
from typing import Any

from core.errors import DOCS
from core.rest.openapi.fields import currencies

Schema = dict[str, Any]
JSON = "application/json"
PROBLEM = "application/problem+json"

WORDS: Mapping[int, str] = {
    400: "The request is not valid; `errors` lists every wrong field and parameter.",
    401: "The credential is missing, wrong or no longer good.",
    403: "The caller has no right to do this.",
    404: "It does not exist for the caller.",
    409: "The request clashes with the stored state, or a rule refuses it.",
    412: "If-Match names another version than the stored one.",
    413: "The body is larger than 1 MiB.",
    415: "The body does not say that it is JSON.",
    422: "The Idempotency-Key was used with another request.",
    428: "This tenant wants an If-Match header on changes.",
    429: "Too many attempts; `Retry-After` says how many seconds to wait.",
    503: "The server cannot answer now; try again after `Retry-After` seconds.",
}
HEADERS: Mapping[str, Schema] = {
    "X-Request-ID": {
        "description": "The id of this request in the server's log.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    },
    "ETag": {
        "description": "The version of the record as the caller sees it.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Location": {
        "description": "The address of the new record.",
        "required": True,
        "schema": {"type": "string", "format": "uri"},
    },
    "Idempotency-Replayed": {
        "description": "`true` when this is the stored answer of an earlier request.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Retry-After": {
        "description": "Seconds to wait.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    },
    "WWW-Authenticate": {
        "description": "How to sign in.",
        "required": True,
        "schema": {"type": "string"},
    },
}
PROBLEM_SCHEMA: Schema = {
    "type": "object",
    "description": "RFC 9457. `code` is stable; `detail` is for people.",
    "required": ["type", "title", "status", "detail", "instance", "code", "errors", "error"],
    "properties": {
        "type": {"type": "string", "format": "uri", "examples": [f"{DOCS}invalid"]},
        "title": {"type": "string", "examples": ["Bad Request"]},
        "status": {"type": "integer", "examples": [400]},
        "detail": {"type": "string", "examples": ["E-mail must be a valid e-mail address."]},
        "instance": {"type": "string"},
        "code": {"type": "string", "examples": ["invalid"]},
        "request_id": {"type": "string"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}},
        "error": {"type": "string", "description": "The same as `detail`, for older clients."},
    },
}
FIELD_ERROR: Schema = {
    "type": "object",
    "required": ["pointer", "detail", "code"],
    "additionalProperties": False,
    "properties": {
        "pointer": {
            "type": "string",
            "description": "A JSON pointer into the body, `?name` for a parameter, or a header.",
            "examples": ["#/email"],
        },
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "allowed": {"type": "array", "items": {"type": "string"}},
    },
}


def shared_schemas() -> dict[str, Schema]:
    """Return the schemas that stand in every document."""
    return {
        "Problem": PROBLEM_SCHEMA,
        "FieldError": FIELD_ERROR,
        "Currency": {"type": "string", "description": "ISO 4217.", "enum": currencies()},
    }


def shared_responses() -> dict[str, Schema]:
    """Return one response per problem status."""
    return {f"Problem{status}": _problem(status, words) for status, words in WORDS.items()}


def _problem(status: int, words: str) -> Schema:
    names = ["X-Request-ID"]
    if status == 401:
        names.append("WWW-Authenticate")
    if status in (429, 503):
        names.append("Retry-After")
    content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": words, "headers": header_refs(names), "content": content}


def header_refs(names: Iterable[str]) -> Schema:
    """Return references to the shared headers called ``names``."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def problems(*statuses: int) -> Schema:
    """Return the problem responses of an operation; 503 is always among them."""
    return {
        str(s): {"$ref": f"#/components/responses/Problem{s}"} for s in sorted({*statuses, 503})
    }


def answer(
    words: str, schema: Schema | None = None, headers: Iterable[str] = (), example: Any = None
) -> Schema:
    """Return a good response."""
    found: Schema = {
        "description": words,
        "headers": header_refs(["X-Request-ID", *headers]),
    }
    if schema is not None:
        found["content"] = {JSON: {"schema": schema}}
        if example is not None:
            found["content"][JSON]["example"] = example
    return found


def ref(name: str) -> Schema:
    """Return a reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def body(schema: Schema, example: Any = None, *, required: bool = True) -> Schema:
    """Return a request body of JSON."""
    media: Schema = {"schema": schema}
    if example is not None:
        media["example"] = example
    return {"required": required, "content": {JSON: media}}


def array_of(schema: Schema) -> Schema:
    """Return a list of ``schema``."""
    return {"type": "array", "items": schema}


def closed_object(properties: Mapping[str, Schema], required: Iterable[str] = ()) -> Schema:
    """Return an object that has these properties and no others."""
    found: Schema = {
        "type": "object",
        "properties": dict(properties),
        "additionalProperties": False,
    }
    if names := list(required):
        found["required"] = names
    return found
