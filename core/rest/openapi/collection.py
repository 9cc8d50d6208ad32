"""The operations on all records of an entity: criteria, batch, bulk, options and figures."""

from core.criteria.check import DEEPEST, MOST_TERMS
from core.model.entities import Declaration
from core.records.changes.bulk import BULK_VERBS
from core.records.changes.selection import MOST_IDS
from core.rest.openapi.answers import Schema, answer, array_of, body, closed_object, ref
from core.rest.openapi.builder import DocumentBuilder
from core.rest.openapi.components import (
    ID_LIST,
    KEY,
    filter_references,
    operation,
    page,
    search_parameters,
)
from core.rest.openapi.fields import codes


def query_operation(builder: DocumentBuilder, entity: Declaration) -> Schema:
    """Return the list by a tree of criteria."""
    builder.schemas.setdefault("Criteria", criteria_schema())
    schema = closed_object({"criteria": {"anyOf": [ref("Criteria"), {"type": "null"}]}})
    return operation(
        entity,
        "query",
        f"List {entity.plural.lower()} by criteria",
        parameters=search_parameters(builder, entity),
        requestBody=body(schema, {"criteria": {"all": []}}, required=False),
        responses={
            "200": answer("One page.", page(builder, builder.record(entity))),
            **builder.problems(body=True),
        },
    )


def criteria_schema() -> Schema:
    """Return the form of criteria: groups of groups, and comparisons as their leaves."""
    one = ref("Criteria")
    many = {"type": "array", "items": one, "maxItems": MOST_TERMS}
    comparison = closed_object(
        {
            "field": {"type": "string", "description": "A field, or `link.field`."},
            "op": {"type": "string", "examples": ["=", "in", "between", "contains"]},
            "value": {"description": "A value, a list for `in`, two values for `between`."},
        },
        ("field", "op", "value"),
    )
    groups = [closed_object({word: many}, (word,)) for word in ("all", "any")]
    return {
        "description": f"At most {DEEPEST} levels and {MOST_TERMS} comparisons.",
        "oneOf": [*groups, closed_object({"not": one}, ("not",)), comparison],
    }


def batch_operation(builder: DocumentBuilder, entity: Declaration) -> Schema:
    """Return the creation of many records."""
    given = builder.input(entity, "create", "create")
    schema = closed_object(
        {
            "records": {"type": "array", "items": given, "minItems": 1, "maxItems": MOST_IDS},
            "atomic": {"type": "boolean", "default": False, "description": "All or none."},
        },
        ("records",),
    )
    builder.schemas["Batch"] = closed_object(
        {
            "created": {"type": "integer"},
            "failed": {"type": "integer"},
            "ids": ID_LIST,
            "errors": array_of(ref("FieldError")),
            "message": {"type": "string"},
        },
        ("created", "failed", "ids", "errors", "message"),
    )
    return operation(
        entity,
        "batch",
        f"Create many {entity.plural.lower()}",
        parameters=[KEY],
        requestBody=body(schema, {"records": [builder.example(entity, "create")]}),
        responses={
            "201": answer("What was created.", ref("Batch"), ("Idempotency-Replayed",)),
            **builder.problems(body=True, once=True),
        },
    )


def bulk_operation(builder: DocumentBuilder, entity: Declaration) -> Schema:
    """Return the change of many records."""
    builder.schemas.setdefault("Criteria", criteria_schema())
    may = builder.rights.may
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
        given = builder.input(entity, "patch", "update")
        properties["set"] = {"allOf": [given], "minProperties": 1}
        ways.append({"required": ["set"]})
    chosen: list[Schema] = [{"required": ["ids"]}, {"required": ["filter"]}]
    schema = closed_object(properties) | {"allOf": [{"oneOf": ways}, {"oneOf": chosen}]}
    builder.schemas["Bulk"] = closed_object(
        {
            "updated": {"type": "integer"},
            "ids": ID_LIST,
            "skipped": ID_LIST,
            "message": {"type": "string"},
        },
        ("updated", "ids", "skipped", "message"),
    )
    return operation(
        entity,
        "bulk",
        f"Change many {entity.plural.lower()}",
        parameters=[KEY],
        requestBody=body(schema),
        responses={
            "200": answer("What was changed.", ref("Bulk"), ("Idempotency-Replayed",)),
            **builder.problems(body=True, once=True),
        },
    )


def options_operation(builder: DocumentBuilder, entity: Declaration) -> Schema:
    """Return the description of a resource for its caller."""
    builder.schemas.setdefault("Options", options_schema())
    return operation(
        entity,
        "options",
        f"What may be done and chosen with {entity.plural.lower()}",
        responses={
            "200": answer("Fields, choices and permissions.", ref("Options")),
            **builder.problems(),
        },
    )


def options_schema() -> Schema:
    """Return what ``…/options/`` answers."""
    text: Schema = {"type": "string"}
    flag: Schema = {"type": "boolean"}
    pair = closed_object({"value": text, "label": text}, ("value", "label"))
    field = closed_object(
        {
            "name": text,
            "label": text,
            "type": text,
            "required": flag,
            "nullable": flag,
            "writable": closed_object({"create": flag, "update": flag}, ("create", "update")),
            "filter": flag,
            "sort": flag,
            "help": text,
            "max_length": {"type": "integer"},
            "choices": array_of(pair),
            "resource": text,
        },
        ("name", "label", "type", "required", "nullable", "writable", "filter", "sort"),
    )
    named = closed_object({"name": text, "label": text}, ("name", "label"))
    properties = dict.fromkeys(("resource", "label", "plural", "title", "default_ordering"), text)
    properties |= dict.fromkeys(("columns", "permissions", "ordering", "expand"), array_of(text))
    properties |= {"fields": array_of(field), "filters": array_of(named)}
    return closed_object(properties, properties)


def stats_operation(builder: DocumentBuilder, entity: Declaration) -> Schema:
    """Return the declared figures that the caller may see."""
    visible = builder.rights.visible(entity.name)
    number: Schema = {"type": "integer"}
    properties: dict[str, Schema] = {}
    for figure in entity.aggregates:
        if any(n not in visible for n in (figure.field, figure.by) if n is not None):
            continue
        schema = number
        if figure.by:
            split = codes(entity.fields[figure.by], builder.tenant)
            schema = closed_object(dict.fromkeys(split, number), split)
        properties[figure.key] = {**schema, "title": figure.label}
    return operation(
        entity,
        "stats",
        f"Figures of {entity.plural.lower()}",
        description="At most 5 seconds old.",
        parameters=filter_references(builder, entity),
        responses={
            "200": answer("The figures.", closed_object(properties, properties)),
            **builder.problems(),
        },
    )
