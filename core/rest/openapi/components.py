"""What the operations of an entity have in common: names, parameters, pages."""

from typing import Any

from core.model.entities import Declaration
from core.rest.openapi.answers import Schema, array_of, closed_object, ref
from core.rest.openapi.builder import DocumentBuilder
from core.rest.openapi.parameters import (
    PAGING,
    filter_parameters,
    order_parameter,
    selection_parameters,
)
from core.schema.sql.search_terms import classes
from core.search.hits import CAP

NULL_URL: Schema = {"type": ["string", "null"], "format": "uri"}
ID_LIST: Schema = {"type": "array", "items": {"type": "string", "format": "uuid"}}
KEY: Schema = {"$ref": "#/components/parameters/Idempotency-Key"}
ID: Schema = {"$ref": "#/components/parameters/id"}


def resource(entity: Declaration) -> str:
    """Return the entity's part of an operation's id."""
    return entity.resource.replace("-", "_")


def operation(entity: Declaration, verb: str, summary: str, **rest: Any) -> Schema:
    """Return one operation of an entity; ``verb`` ends its id."""
    named = f"{resource(entity)}_{verb}"
    return {"operationId": named, "tags": [entity.plural], "summary": summary} | rest


def record_parameters(builder: DocumentBuilder, entity: Declaration) -> list[Schema]:
    """Return the parameters that choose the shape of a record."""
    own = selection_parameters(builder.tenant, builder.rights, entity)
    made = [builder.share(f"{resource(entity)}.{name}", given) for name, given in own.items()]
    return [*made, {"$ref": "#/components/parameters/mobile"}]


def filter_references(builder: DocumentBuilder, entity: Declaration) -> list[Schema]:
    """Return the filters of a list."""
    own = filter_parameters(builder.tenant, builder.rights, entity)
    return [builder.share(f"{resource(entity)}.{name}", given) for name, given in own.items()]


def list_parameters(builder: DocumentBuilder, entity: Declaration) -> list[Schema]:
    """Return every parameter of a list."""
    paging: list[Schema] = [{"$ref": f"#/components/parameters/{name}"} for name in PAGING]
    order = order_parameter(builder.rights, entity)
    if order is not None:
        paging.append(builder.share(f"{resource(entity)}.ordering", order))
    return [*paging, *record_parameters(builder, entity), *filter_references(builder, entity)]


def search_parameters(builder: DocumentBuilder, entity: Declaration) -> list[Schema]:
    """Return the parameters of a list that can be searched, if this one can by this principal."""
    if not classes(entity, builder.rights.visible(entity.name)):
        return list_parameters(builder, entity)
    return [{"$ref": "#/components/parameters/search"}, *list_parameters(builder, entity)]


def page(builder: DocumentBuilder, record: Schema) -> Schema:
    """Return a reference to a page of ``record``."""
    name = f"{record['$ref'].rpartition('/')[2]}Page"
    properties: dict[str, Schema] = {
        "count": {"type": ["integer", "null"], "description": "Null with `cursor`."},
        "count_is_estimate": {"type": "boolean", "description": "True beyond 10,000."},
        "count_is_capped": {
            "type": "boolean",
            "description": f"With `search`: there are more than its newest {CAP} hits.",
        },
        "next": NULL_URL,
        "previous": NULL_URL,
        "results": array_of(record),
    }
    builder.schemas[name] = closed_object(properties, ("count", "next", "previous", "results"))
    return ref(name)
