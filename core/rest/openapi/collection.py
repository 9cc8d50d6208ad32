"""The operations on all records of an entity: criteria, batch, bulk, options and figures."""

from core.criteria.check import DEEPEST, MOST_TERMS
from core.model.entities import Declaration
from core.records.changes.bulk import BULK_VERBS
from core.records.changes.selection import MOST_IDS
from core.rest.openapi.answers import Schema, answer, body, closed, listed, ref
from core.rest.openapi.builder import DocumentBuilder
from core.rest.openapi.components import ID_LIST, KEY, filtering, operation, page, searching
from core.rest.openapi.fields import codes


def query_operation(draft: DocumentBuilder, entity: Declaration) -> Schema:
    """Return the list by a tree of criteria."""
    draft.schemas.setdefault("Criteria", criteria_schema())
    schema = closed({"criteria": {"anyOf": [ref("Criteria"), {"type": "null"}]}})
    return operation(
        entity,
        "query",
        f"List {entity.plural.lower()} by criteria",
        parameters=searching(draft, entity),
        requestBody=body(schema, {"criteria": {"all": []}}, required=False),
        responses={
            "200": answer("One page.", page(draft, draft.record(entity))),
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


def batch_operation(draft: DocumentBuilder, entity: Declaration) -> Schema:
    """Return the creation of many records."""
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
    return operation(
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


def bulk_operation(draft: DocumentBuilder, entity: Declaration) -> Schema:
    """Return the change of many records."""
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
    return operation(
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


def options_operation(draft: DocumentBuilder, entity: Declaration) -> Schema:
    """Return the description of a resource for its caller."""
    draft.schemas.setdefault("Options", options_schema())
    return operation(
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


def stats_operation(draft: DocumentBuilder, entity: Declaration) -> Schema:
    """Return the declared figures that the caller may see."""
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
    return operation(
        entity,
        "stats",
        f"Figures of {entity.plural.lower()}",
        description="At most 5 seconds old.",
        parameters=filtering(draft, entity),
        responses={
            "200": answer("The figures.", closed(properties, properties)),
            **draft.problems(),
        },
    )
