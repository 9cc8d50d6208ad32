"""The operations that people wrote by hand: described by the ``Doc`` beside their handler."""

import re
from typing import Any

from litestar.handlers import HTTPRouteHandler

from core.rest.doc import Doc
from core.rest.openapi.answers import JSON, Schema, answer, body, problems
from core.rest.openapi.draft import Draft
from core.rest.openapi.entity import KEY, query_parameters, struct_example
from core.rest.openapi.parameters import parameter

_IN_PATH = re.compile(r"\{(\w+)(?::(\w+))?\}")
_TYPES: dict[str, Schema] = {
    "uuid": {"type": "string", "format": "uuid"},
    "int": {"type": "integer"},
}


def written_operation(draft: Draft, handler: HTTPRouteHandler, path: str, method: str) -> Schema:
    """Return the operation of a hand-written route; without a Doc, what its path tells."""
    doc = handler.opt.get("doc")
    public = bool(handler.opt.get("public"))
    owner = str(handler.opt.get("plugin") or "core")
    if not isinstance(doc, Doc):
        doc = Doc(summary=_plain(handler), answer=Any)
    made: Schema = {
        "operationId": doc.id or _id(path, method),
        "tags": [doc.tag or _tag(path)],
        "summary": doc.summary,
        "parameters": _parameters(draft, doc, path, owner),
        "responses": _responses(draft, doc, owner, path, public=public),
    }
    if doc.description:
        made["description"] = doc.description
    if doc.body is not None:
        given = draft.struct(doc.body, owner, strict=True)
        made["requestBody"] = body(given, doc.example or struct_example(given))
    if public:
        made["security"] = []
    return made


def _plain(handler: HTTPRouteHandler) -> str:
    words = (handler.fn.__doc__ or handler.fn.__name__.replace("_", " ")).strip()
    return words.partition("\n")[0].rstrip(".")


def _id(path: str, method: str) -> str:
    words = [w for w in _IN_PATH.sub(r"\1", path).split("/") if w and w != "api"]
    return re.sub(r"\W", "_", "_".join([*words, method.lower()]))


def _tag(path: str) -> str:
    return path.removeprefix("/api").strip("/").partition("/")[0].replace("-", " ").capitalize()


def _parameters(draft: Draft, doc: Doc, path: str, owner: str) -> list[Schema]:
    found = []
    for name, kind in _IN_PATH.findall(path):
        schema = _TYPES.get(kind, {"type": "string"})
        if name in doc.names:
            schema = {"type": "string", "enum": list(doc.names[name])}
        elif name == "id":
            schema = _TYPES["uuid"]
        found.append(parameter(name, "path", schema))
    found += query_parameters(draft, doc.query, owner)
    if doc.once:
        found.append(KEY)
    return found


def _responses(draft: Draft, doc: Doc, owner: str, path: str, *, public: bool) -> Schema:
    headers = [*doc.headers, *(["Idempotency-Replayed"] if doc.once else [])]
    schema = None if doc.answer is None else draft.struct(doc.answer, owner)
    good = answer("The answer.", schema, headers)
    if doc.media != JSON:
        good["content"] = {doc.media: {"schema": {"type": "string"}}}
    refused = {*doc.refuses}
    if not public:
        refused |= {401, 403}
    if "{" in path or owner != "core":
        refused.add(404)
    if doc.body is not None:
        refused |= {400, 413, 415}
    if doc.query is not None:
        refused.add(400)
    if doc.once:
        refused |= {400, 409, 422}
    if path.startswith("/api"):
        return {str(doc.status): good, **problems(*refused)}
    return {str(doc.status): good} | {str(s): problems(s)[str(s)] for s in sorted(refused)}
