"""The operation of a declared action, and structs as parameters and examples."""

from typing import Any

from core.model.entities import Declaration
from core.registry.registry import Action
from core.rest.openapi.answers import Schema, answer, body
from core.rest.openapi.builder import DocumentBuilder
from core.rest.openapi.components import ID, KEY, operation, record_parameters
from core.rest.openapi.parameters import parameter


def action_operation(builder: DocumentBuilder, entity: Declaration, action: Action) -> Schema:
    """Return the operation of a declared action."""
    on_record = action.on == "record"
    parameters: list[Schema] = [ID] if on_record else []
    described: dict[str, Any] = {"description": action.description} if action.description else {}
    good = _action_answer(builder, entity, action)
    if action.method == "GET":
        parameters += query_parameters(builder, action.values)
        answers = {"200": good, **builder.problems()}
    else:
        parameters += [*record_parameters(builder, entity), builder.match()] if on_record else []
        parameters.append(KEY)
        if action.values is not None:
            given = builder.struct(action.values, strict=True)
            described["requestBody"] = body(given, struct_example(given))
        answers = {"200": good, **builder.problems(409, change=on_record, body=True, once=True)}
    return operation(
        entity, action.name, action.label, **described, parameters=parameters, responses=answers
    )


def _action_answer(builder: DocumentBuilder, entity: Declaration, action: Action) -> Schema:
    headers = ["Idempotency-Replayed"] if action.method == "POST" else []
    if action.returns is not None:
        schema = builder.struct(action.returns)
        return answer("The outcome.", schema, headers)
    if action.on == "record" and action.method == "POST":
        return answer("The record as it is now.", builder.record(entity), ["ETag", *headers])
    return answer("The outcome.", {"type": "object"}, headers)


def query_parameters(builder: DocumentBuilder, struct: Any) -> list[Schema]:
    """Return the fields of a struct as query parameters."""
    if struct is None:
        return []
    schema = builder.struct(struct, strict=True)
    required = schema.get("required", ())
    return [
        parameter(name, "query", given, given.get("description", ""), required=name in required)
        for name, given in schema["properties"].items()
    ]


def struct_example(schema: Schema) -> dict[str, Any] | None:
    """Return the example of a body: that of each field, or a plain value of its type."""
    found = {name: _plain(given) for name, given in schema.get("properties", {}).items()}
    known = {name: value for name, value in found.items() if value is not None}
    return known if set(schema.get("required", ())) <= set(known) and known else None


def _plain(schema: Schema) -> Any:
    if schema.get("examples"):
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "integer":
        return max(1, schema.get("minimum", 1))
    if schema.get("type") == "string" and not {"pattern", "format"} & set(schema):
        return "example"[: schema.get("maxLength", 40)]
    return None
