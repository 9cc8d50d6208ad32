"""Hand-written operations, described by the ``OperationDoc`` beside their handler."""

import re
import typing
from collections.abc import Iterator
from typing import Any

import msgspec

from core.rest.openapi.action import query_parameters, struct_example
from core.rest.openapi.answers import JSON, Schema, answer, body, problems
from core.rest.openapi.builder import DocumentBuilder
from core.rest.openapi.components import KEY
from core.rest.openapi.parameters import parameter
from core.rest.operation_doc import OperationDoc
from core.rest.route import Route

_IN_PATH = re.compile(r"\{(\w+)(?::(\w+))?\}")
_TYPES: dict[str, Schema] = {
    "uuid": {"type": "string", "format": "uuid"},
    "int": {"type": "integer"},
}


def custom_operations(
    builder: DocumentBuilder, route: Route, path: str, method: str
) -> Iterator[tuple[str, Schema]]:
    """Return path and operation of a hand-written route, once for each name it is known by.

    Without an OperationDoc it says what path, docstring and annotations tell.
    """
    doc = route.opt.get("doc")
    if not isinstance(doc, OperationDoc):
        doc = OperationDoc(summary=_plain(route), answer=_return_type(route))
    if doc.each is None:
        yield path, _operation(builder, route, doc, path, method)
        return
    for name, type_ in doc.each(builder.tenant).items():
        taken = None if doc.body is None else type_
        own = msgspec.structs.replace(doc, body=taken, answer=type_, id=f"{doc.id}_{_word(name)}")
        here = _IN_PATH.sub(name, path)
        yield here, _operation(builder, route, own, here, method)


def _operation(
    builder: DocumentBuilder, route: Route, doc: OperationDoc, path: str, method: str
) -> Schema:
    public = bool(route.opt.get("public"))
    owner = str(route.opt.get("plugin") or "core")
    made: Schema = {
        "operationId": doc.id or _id(path, method),
        "tags": [doc.tag or _tag(path)],
        "summary": doc.summary,
        "parameters": _parameters(builder, doc, path),
        "responses": _responses(builder, doc, owner, path, public=public),
    }
    if doc.description:
        made["description"] = doc.description
    if doc.body is not None:
        given = builder.struct(doc.body, strict=True)
        shown = doc.example or struct_example(given)
        made["requestBody"] = body(given, shown, required=doc.body_required)
    if public:
        made["security"] = []
    return made


def _plain(route: Route) -> str:
    words = (route.fn.__doc__ or route.fn.__name__.replace("_", " ")).strip()
    return words.partition("\n")[0].rstrip(".")


def _return_type(route: Route) -> Any:
    """Return the type that a function says it returns, when it is one of values."""
    said = typing.get_type_hints(route.fn).get("return")
    plain = typing.get_origin(said) in (dict, list, tuple)
    return said if plain or (isinstance(said, type) and issubclass(said, msgspec.Struct)) else Any


def _id(path: str, method: str) -> str:
    words = [w for w in _IN_PATH.sub(r"\1", path).split("/") if w and w != "api"]
    return _word("_".join([*words, method.lower()]))


def _word(text: str) -> str:
    return re.sub(r"\W", "_", text)


def _tag(path: str) -> str:
    return path.removeprefix("/api").strip("/").partition("/")[0].replace("-", " ").capitalize()


def _parameters(builder: DocumentBuilder, doc: OperationDoc, path: str) -> list[Schema]:
    found = []
    for name, kind in _IN_PATH.findall(path):
        schema = _TYPES["uuid"] if name == "id" else _TYPES.get(kind, {"type": "string"})
        found.append(parameter(name, "path", schema))
    found += query_parameters(builder, doc.query)
    if doc.once:
        found.append(KEY)
    return found


def _responses(
    builder: DocumentBuilder, doc: OperationDoc, owner: str, path: str, *, public: bool
) -> Schema:
    headers = [*doc.headers, *(["Idempotency-Replayed"] if doc.once else [])]
    schema = None if doc.answer is None else builder.struct(doc.answer)
    good = answer("The answer.", schema, headers)
    if doc.media != JSON:
        good["content"] = {doc.media: {"schema": {"type": "string"}}}
    found = {str(doc.status): good, **problems(*_refusal_statuses(doc, owner, path, public=public))}
    for status, type_ in doc.also.items():
        found[str(status)] = answer("The answer.", builder.struct(type_))
    return found


def _refusal_statuses(doc: OperationDoc, owner: str, path: str, *, public: bool) -> set[int]:
    found = {*doc.refuses}
    if not public:
        found |= {400, 401, 403}
    if "{" in path or doc.each is not None or owner != "core":
        found.add(404)
    if doc.body is not None:
        found |= {400, 413, 415}
    if doc.query is not None:
        found.add(400)
    if doc.once:
        found |= {400, 409, 422}
    return found
