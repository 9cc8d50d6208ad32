"""The operations that the kernel generates for an entity, one function per route."""

from collections.abc import Callable
from typing import Any

from core.criteria.check import DEEPEST, MOST_TERMS
from core.entities import Declaration
from core.registry import Action
from core.rest.bulk import BULK_VERBS
from core.rest.openapi.answers import Schema, answer, body, closed, listed, ref
from core.rest.openapi.draft import Draft
from core.rest.openapi.fields import codes
from core.rest.openapi.parameters import (
    PAGING,
    filter_parameters,
    order_parameter,
    parameter,
    shape_parameters,
)
from core.rest.selection import MOST_IDS

NULL_URL: Schema = {"type": ["string", "null"], "format": "uri"}
ID_LIST: Schema = {"type": "array", "items": {"type": "string", "format": "uuid"}}
KEY: Schema = {"$ref": "#/components/parameters/Idempotency-Key"}
ID: Schema = {"$ref": "#/components/parameters/id"}
Made = Callable[[Draft, Declaration], Schema]


def resource(entity: Declaration) -> str:
    """Return the entity's part of an operation's id."""
    return entity.resource.replace("-", "_")


def _operation(entity: Declaration, verb: str, summary: str, **rest: Any) -> Schema:
    named = f"{resource(entity)}_{verb}"
    return {"operationId": named, "tags": [entity.plural], "summary": summary} | rest


def _shape(draft: Draft, entity: Declaration) -> list[Schema]:
    own = shape_parameters(draft.tenant, draft.rights, entity)
    made = [draft.share(f"{resource(entity)}.{name}", given) for name, given in own.items()]
    return [*made, {"$ref": "#/components/parameters/mobile"}]


def _filters(draft: Draft, entity: Declaration) -> list[Schema]:
    own = filter_parameters(draft.tenant, draft.rights, entity)
    return [draft.share(f"{resource(entity)}.{name}", given) for name, given in own.items()]


def _listing(draft: Draft, entity: Declaration) -> list[Schema]:
    paging: list[Schema] = [{"$ref": f"#/components/parameters/{name}"} for name in PAGING]
    order = order_parameter(draft.rights, entity)
    if order is not None:
        paging.append(draft.share(f"{resource(entity)}.ordering", order))
    return [*paging, *_shape(draft, entity), *_filters(draft, entity)]


def _page(draft: Draft, record: Schema) -> Schema:
    name = f"{record['$ref'].rpartition('/')[2]}Page"
    properties: dict[str, Schema] = {
        "count": {"type": ["integer", "null"], "description": "Null with `cursor`."},
        "count_is_estimate": {"type": "boolean", "description": "True beyond 10,000."},
        "next": NULL_URL,
        "previous": NULL_URL,
        "results": listed(record),
    }
    draft.schemas[name] = closed(properties, ("count", "next", "previous", "results"))
    return ref(name)


def _list(draft: Draft, entity: Declaration) -> Schema:
    page = _page(draft, draft.record(entity))
    return _operation(
        entity,
        "list",
        f"List {entity.plural.lower()}",
        description="Fields of linked records filter as well: `link.field__operator=value`.",
        parameters=_listing(draft, entity),
        responses={"200": answer("One page.", page), **draft.problems()},
    )


def _trash(draft: Draft, entity: Declaration) -> Schema:
    page = _page(draft, draft.trashed(entity))
    return _operation(
        entity,
        "trash",
        f"List {entity.plural.lower()} in the trash",
        parameters=_listing(draft, entity),
        responses={"200": answer("One page.", page), **draft.problems()},
    )


def _query(draft: Draft, entity: Declaration) -> Schema:
    draft.schemas.setdefault("Criteria", criteria_schema())
    schema = closed({"criteria": {"anyOf": [ref("Criteria"), {"type": "null"}]}})
    return _operation(
        entity,
        "query",
        f"List {entity.plural.lower()} by criteria",
        parameters=_listing(draft, entity),
        requestBody=body(schema, {"criteria": {"all": []}}, required=False),
        responses={
            "200": answer("One page.", _page(draft, draft.record(entity))),
            **draft.problems(body=True),
        },
    )


def criteria_schema() -> Schema:
    """Return the form of criteria: groups of groups, and comparisons as their leaves."""
    one = ref("Criteria")
    many = {"type": "array", "items": one, "maxItems": MOST_TERMS}
    comparison = closed(
        {
            "field": {"type": "string", "description": "A field, or `link.field`."},
            "op": {"type": "string", "examples": ["=", "in", "between", "contains"]},
            "value": {"description": "A value, a list for `in`, two values for `between`."},
        },
        ("field", "op", "value"),
    )
    groups = [closed({word: many}, (word,)) for word in ("all", "any")]
    return {
        "description": f"At most {DEEPEST} levels and {MOST_TERMS} comparisons.",
        "oneOf": [*groups, closed({"not": one}, ("not",)), comparison],
    }


def _create(draft: Draft, entity: Declaration) -> Schema:
    headers = ("ETag", "Location", "Idempotency-Replayed")
    given = draft.input(entity, "create", "create")
    made = answer("Created.", draft.record(entity), headers)
    return _operation(
        entity,
        "create",
        f"Create one of {entity.plural.lower()}",
        parameters=[*_shape(draft, entity), KEY],
        requestBody=body(given, draft.example(entity, "create")),
        responses={"201": made, **draft.problems(body=True, once=True)},
    )


def _batch(draft: Draft, entity: Declaration) -> Schema:
    given = draft.input(entity, "create", "create")
    schema = closed(
        {
            "records": {"type": "array", "items": given, "minItems": 1, "maxItems": MOST_IDS},
            "atomic": {"type": "boolean", "default": False, "description": "All or none."},
        },
        ("records",),
    )
    draft.schemas["Batch"] = closed(
        {
            "created": {"type": "integer"},
            "failed": {"type": "integer"},
            "ids": ID_LIST,
            "errors": listed(ref("FieldError")),
            "message": {"type": "string"},
        },
        ("created", "failed", "ids", "errors", "message"),
    )
    return _operation(
        entity,
        "batch",
        f"Create many {entity.plural.lower()}",
        parameters=[KEY],
        requestBody=body(schema, {"records": [draft.example(entity, "create")]}),
        responses={
            "201": answer("What was created.", ref("Batch"), ("Idempotency-Replayed",)),
            **draft.problems(body=True, once=True),
        },
    )


def _options(draft: Draft, entity: Declaration) -> Schema:
    draft.schemas.setdefault("Options", options_schema())
    return _operation(
        entity,
        "options",
        f"What may be done and chosen with {entity.plural.lower()}",
        responses={
            "200": answer("Fields, choices and permissions.", ref("Options")),
            **draft.problems(),
        },
    )


def options_schema() -> Schema:
    """Return what ``…/options/`` answers."""
    text: Schema = {"type": "string"}
    flag: Schema = {"type": "boolean"}
    pair = closed({"value": text, "label": text}, ("value", "label"))
    field = closed(
        {
            "name": text,
            "label": text,
            "type": text,
            "required": flag,
            "nullable": flag,
            "writable": closed({"create": flag, "update": flag}, ("create", "update")),
            "filter": flag,
            "sort": flag,
            "help": text,
            "max_length": {"type": "integer"},
            "choices": listed(pair),
            "resource": text,
        },
        ("name", "label", "type", "required", "nullable", "writable", "filter", "sort"),
    )
    named = closed({"name": text, "label": text}, ("name", "label"))
    properties = dict.fromkeys(("resource", "label", "plural", "title", "default_ordering"), text)
    properties |= dict.fromkeys(("columns", "permissions", "ordering", "expand"), listed(text))
    properties |= {"fields": listed(field), "filters": listed(named)}
    return closed(properties, properties)


def _bulk(draft: Draft, entity: Declaration) -> Schema:
    draft.schemas.setdefault("Criteria", criteria_schema())
    may = draft.rights.may
    actions = [v for v in BULK_VERBS if v in entity.verbs and may(entity.name, BULK_VERBS[v])]
    ids: Schema = {**ID_LIST, "minItems": 1, "maxItems": MOST_IDS}
    properties: dict[str, Schema] = {
        "ids": ids,
        "filter": ref("Criteria"),
        "atomic": {"type": "boolean", "default": False, "description": "All or none."},
    }
    ways: list[Schema] = []
    if actions:
        properties["action"] = {"type": "string", "enum": actions}
        ways.append({"required": ["action"]})
    if may(entity.name, "update"):
        given = draft.input(entity, "patch", "update")
        properties["set"] = {"allOf": [given], "minProperties": 1}
        ways.append({"required": ["set"]})
    chosen: list[Schema] = [{"required": ["ids"]}, {"required": ["filter"]}]
    schema = closed(properties) | {"allOf": [{"oneOf": ways}, {"oneOf": chosen}]}
    draft.schemas["Bulk"] = closed(
        {
            "updated": {"type": "integer"},
            "ids": ID_LIST,
            "skipped": ID_LIST,
            "message": {"type": "string"},
        },
        ("updated", "ids", "skipped", "message"),
    )
    return _operation(
        entity,
        "bulk",
        f"Change many {entity.plural.lower()}",
        parameters=[KEY],
        requestBody=body(schema),
        responses={
            "200": answer("What was changed.", ref("Bulk"), ("Idempotency-Replayed",)),
            **draft.problems(body=True, once=True),
        },
    )


def _get(draft: Draft, entity: Declaration) -> Schema:
    same = {"$ref": "#/components/parameters/If-None-Match"}
    return _operation(
        entity,
        "get",
        f"Get one of {entity.plural.lower()}",
        parameters=[ID, *_shape(draft, entity), same],
        responses={
            "200": answer("The record.", draft.record(entity), ("ETag",)),
            "304": answer("The caller has this version already.", headers=("ETag",)),
            **draft.problems(),
        },
    )


def _put(draft: Draft, entity: Declaration) -> Schema:
    text = "Required fields must be there; what is left out stays."
    return _change(draft, entity, "put", "Replace") | {"description": text}


def _patch(draft: Draft, entity: Declaration) -> Schema:
    return _change(draft, entity, "patch", "Change")


def _change(draft: Draft, entity: Declaration, verb: str, word: str) -> Schema:
    given = draft.input(entity, verb, "update")
    return _operation(
        entity,
        verb,
        f"{word} one of {entity.plural.lower()}",
        parameters=[ID, *_shape(draft, entity), draft.match()],
        requestBody=body(given, draft.example(entity, "update")),
        responses={
            "200": answer("The record as it is now.", draft.record(entity), ("ETag",)),
            **draft.problems(change=True, body=True),
        },
    )


def _delete(draft: Draft, entity: Declaration) -> Schema:
    return _operation(
        entity,
        "delete",
        f"Put one of {entity.plural.lower()} in the trash",
        parameters=[ID, draft.match()],
        responses={"204": answer("It is in the trash."), **draft.problems(change=True)},
    )


def _restore(draft: Draft, entity: Declaration) -> Schema:
    headers = ("ETag", "Idempotency-Replayed")
    return _operation(
        entity,
        "restore",
        f"Take one of {entity.plural.lower()} out of the trash",
        parameters=[ID, *_shape(draft, entity), draft.match(), KEY],
        responses={
            "200": answer("The record.", draft.record(entity), headers),
            **draft.problems(change=True, once=True),
        },
    )


def _purge(draft: Draft, entity: Declaration) -> Schema:
    return _operation(
        entity,
        "purge",
        f"Delete one of {entity.plural.lower()} for good",
        parameters=[ID, draft.match(), KEY],
        responses={
            "204": answer("It is gone.", headers=("Idempotency-Replayed",)),
            **draft.problems(change=True, once=True),
        },
    )


def _stats(draft: Draft, entity: Declaration) -> Schema:
    visible = draft.rights.visible(entity.name)
    number: Schema = {"type": "integer"}
    properties: dict[str, Schema] = {}
    for figure in entity.aggregates:
        if any(n not in visible for n in (figure.field, figure.by) if n is not None):
            continue
        schema = number
        if figure.by:
            split = codes(entity.fields[figure.by], draft.tenant)
            schema = closed(dict.fromkeys(split, number), split)
        properties[figure.key] = {**schema, "title": figure.label}
    return _operation(
        entity,
        "stats",
        f"Figures of {entity.plural.lower()}",
        description="At most 5 seconds old.",
        parameters=_filters(draft, entity),
        responses={
            "200": answer("The figures.", closed(properties, properties)),
            **draft.problems(),
        },
    )


# By what follows the resource in the path, and the method.
MADE: dict[tuple[str, str], Made] = {
    ("", "GET"): _list,
    ("", "POST"): _create,
    ("/batch", "POST"): _batch,
    ("/query", "POST"): _query,
    ("/trash", "GET"): _trash,
    ("/options", "GET"): _options,
    ("/stats", "GET"): _stats,
    ("/bulk", "POST"): _bulk,
    ("/{id}", "GET"): _get,
    ("/{id}", "PUT"): _put,
    ("/{id}", "PATCH"): _patch,
    ("/{id}", "DELETE"): _delete,
    ("/{id}/restore", "POST"): _restore,
    ("/{id}/purge", "POST"): _purge,
}


def action_operation(draft: Draft, entity: Declaration, action: Action) -> Schema:
    """Return the operation of a declared action."""
    on_record = action.on == "record"
    parameters: list[Schema] = [ID] if on_record else []
    described: dict[str, Any] = {"description": action.description} if action.description else {}
    good = _action_answer(draft, entity, action)
    if action.method == "GET":
        parameters += query_parameters(draft, action.values)
        answers = {"200": good, **draft.problems()}
    else:
        parameters += [*_shape(draft, entity), draft.match()] if on_record else []
        parameters.append(KEY)
        if action.values is not None:
            given = draft.struct(action.values, strict=True)
            described["requestBody"] = body(given, struct_example(given))
        answers = {"200": good, **draft.problems(409, change=on_record, body=True, once=True)}
    return _operation(
        entity, action.name, action.label, **described, parameters=parameters, responses=answers
    )


def _action_answer(draft: Draft, entity: Declaration, action: Action) -> Schema:
    headers = ["Idempotency-Replayed"] if action.method == "POST" else []
    if action.returns is not None:
        schema = draft.struct(action.returns)
        return answer("The outcome.", schema, headers)
    if action.on == "record" and action.method == "POST":
        return answer("The record as it is now.", draft.record(entity), ["ETag", *headers])
    return answer("The outcome.", {"type": "object"}, headers)


def query_parameters(draft: Draft, struct: Any) -> list[Schema]:
    """Return the fields of a struct as query parameters."""
    if struct is None:
        return []
    schema = draft.struct(struct, strict=True)
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
