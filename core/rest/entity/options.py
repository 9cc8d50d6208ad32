"""What a client may do and choose here: fields, choices and permissions of this principal."""

from typing import Any

from litestar.response.base import ASGIResponse

from core.model.entities import Declaration
from core.model.fields import Field
from core.records.lists.choices import choices
from core.records.lists.list_query import sortable
from core.records.projection import expandable, readable
from core.rest.responses import reply
from core.runtime.context import Context


def describe(ctx: Context, entity: Declaration, field: Field) -> dict[str, Any]:
    """Return one field as its user may see it."""
    rights = ctx.rights
    described: dict[str, Any] = {
        "name": field.name,
        "label": field.label,
        "type": field.kind,
        "required": field.required,
        "nullable": field.nullable,
        "writable": {
            "create": field.name in rights.writable(entity.name, "create"),
            "update": field.name in rights.writable(entity.name, "update"),
        },
        "filter": field.filter,
        "sort": field.sort,
    }
    if field.help:
        described["help"] = field.help
    if field.max_length:
        described["max_length"] = field.max_length
    if (found := choices(ctx, field)) is not None:
        described["choices"] = found
    if field.target and field.target in ctx.tenant.entities:
        described["resource"] = ctx.tenant.entities[field.target].resource
    return described


async def options(ctx: Context, entity: Declaration) -> ASGIResponse:
    """Answer ``GET …/options/`` to whoever may do anything with the entity."""
    actions = ctx.rights.actions(entity.name)
    if not actions:
        ctx.rights.require(entity.name, "list")
    # Every answer goes through a transaction: that is where a credential is checked.
    await ctx.fetchval("SELECT 1")
    visible = ctx.rights.visible(entity.name)
    return reply(
        {
            "resource": entity.resource,
            "label": entity.label,
            "plural": entity.plural,
            "title": entity.title,
            "columns": [
                name
                for name in entity.columns
                if (field := entity.field(name)) is not None and field.name in visible
            ],
            "permissions": actions,
            "fields": [
                describe(ctx, entity, entity.fields[name]) for name in readable(entity, visible)
            ],
            "ordering": sortable(entity, visible),
            "default_ordering": entity.order,
            "expand": expandable(ctx.tenant, ctx.rights, entity),
            "filters": [
                {"name": f.key, "label": f.label}
                for f in entity.named_filters
                if all(name in visible for name in f.uses)
            ],
        }
    )
