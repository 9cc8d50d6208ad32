"""Cells that can be changed in the list: opened one by one, saved or left, checked by version."""

from urllib.parse import urlencode

from litestar.response.base import ASGIResponse

from core.admin import paths
from core.admin.page import READ, Page
from core.admin.screens.form.fields import SHOWN, groups, stored_texts
from core.admin.screens.form.form_submit import form_key, id_of
from core.admin.screens.form.page import BACK
from core.admin.screens.routing import entity_path, screen_route
from core.errors import NotFound
from core.model.entities import Declaration
from core.model.fields import Field
from core.records.changes.single import DETAIL, read_record
from core.records.projection import projection_of
from core.registry.registry import Registry
from core.rest.route import Route


def routes(registry: Registry) -> list[Route]:
    """Return the forms of single cells."""
    return [
        screen_route(entity, "/{id:str}/cell/{name:str}", READ, "update", show_cell)
        for entity in registry.entities.values()
        if {"list", "view", "update"} <= set(entity.verbs)
    ]


def editable(page: Page, entity: Declaration) -> set[str]:
    """Return the fields that the caller may change in the list."""
    ctx = page.ctx
    if not (ctx.rights.may(entity.name, "view") and "update" in entity.verbs):
        return set()
    named = {f.name for name in entity.inplace if (f := entity.field(name)) is not None}
    return named & ctx.rights.writable(entity.name, "update")


async def show_cell(page: Page, entity: Declaration) -> ASGIResponse:
    """Show the form of one cell; without scripts, the whole form of the record."""
    field = _field(page, entity)
    back = paths.local_path(page.request.query_params.get(BACK, ""))
    action = entity_path(entity, id_of(page), "edit/")
    shape = projection_of(page.ctx.tenant, page.ctx.rights, entity, DETAIL)
    row, version = await read_record(page.ctx, entity, id_of(page), shape)
    if not page.hx:
        return page.redirect(f"{action}?{urlencode({BACK: back})}")
    texts = await stored_texts(page, [field], row)
    (group,) = groups(page, entity, [field], texts, {}, row)
    return page.render(
        "form_inline.html",
        action=action,
        cancel=back,
        hidden={
            "_key": form_key(),
            "_version": version,
            SHOWN: texts.marks(),
            "_only": field.name,
            BACK: back,
        },
        control=group.controls[0],
        mistakes=(),
    )


def _field(page: Page, entity: Declaration) -> Field:
    name = str(page.request.path_params["name"])
    if name not in editable(page, entity):
        raise NotFound
    return entity.fields[name]
