"""The operations about a resource: what may be chosen, and its figures."""

from core.model.entities import Declaration
from core.rest.openapi.answers import Schema, answer, closed, listed, ref
from core.rest.openapi.builder import Draft
from core.rest.openapi.components import filtering, operation
from core.rest.openapi.fields import codes


def options_operation(draft: Draft, entity: Declaration) -> Schema:
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


def stats_operation(draft: Draft, entity: Declaration) -> Schema:
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
