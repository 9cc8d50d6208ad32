"""Links in forms: what can be chosen, what a chosen record is called, and what a text means."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from litestar.response.base import ASGIResponse

from core import criteria
from core.admin.forms.body import Form
from core.admin.forms.struct_controls import is_id
from core.admin.page import READ, Page
from core.admin.parts import Option
from core.admin.screens.routing import entity_path, screen_route
from core.admin.words.cells import cell_fields, cells
from core.errors import Invalid
from core.model.entities import Declaration
from core.records.lists.list_query import Paging, Query, read_sorts
from core.records.lists.pages import page_on
from core.records.row_filter import read_action
from core.registry.registry import Registry
from core.rest.route import Route
from core.search.hits import Hits, read_phrase, searchable

MOST = 20
FEW = 8
WORDS = "_text"


class TypedLinks(msgspec.Struct, frozen=True):
    """What the links of a form say: ids, the words beside them, and what is wrong with those.

    ``found`` holds the records among which a text does not choose.
    """

    ids: dict[str, str] = {}
    words: dict[str, str] = {}
    errors: dict[str, str] = {}
    found: dict[str, tuple[Option, ...]] = {}


def may_choose(page: Page, target: str) -> bool:
    """Whether the reader sees any record of an entity."""
    ctx = page.ctx
    return target in ctx.tenant.entities and any(
        ctx.rights.may(target, right) for right in ("view", "list")
    )


def may_create(page: Page, target: str) -> bool:
    """Whether the reader can make a record to link to; people are invited elsewhere."""
    entity = page.ctx.tenant.entities[target]
    makes = "create" in entity.verbs and page.ctx.rights.may(target, "create")
    return makes and entity.plugin != "core"


def source(page: Page, target: str, **narrowed: Any) -> str:
    """Return where the lookup of a link asks."""
    path = entity_path(page.ctx.tenant.entities[target], under="lookup/")
    query = "&".join(f"{name}={value}" for name, value in narrowed.items())
    return f"{path}?{query}" if query else path


async def show_options(page: Page, entity: Declaration) -> ASGIResponse:
    """Answer a lookup with what may be chosen, as options."""
    page.ctx.rights.require(entity.name, read_action(page.ctx, entity))
    asked = dict(page.request.query_params)
    found = await options(page, entity, str(asked.pop("q", "")), narrowed=asked)
    return page.render("form_options.html", options=found, id=f"lookup-{entity.resource}")


async def options(
    page: Page,
    entity: Declaration,
    text: str,
    *,
    narrowed: Mapping[str, Any] | None = None,
    most: int = MOST,
) -> tuple[Option, ...]:
    """Return the records that match a text and that the reader may see, with a second line."""
    ctx = page.ctx
    right = "list" if ctx.rights.may(entity.name, "list") else "view"
    names = _label_fields(page, entity)
    filters, phrase = _narrowed(page, entity, narrowed or {}), None
    if text.strip():
        if right == "list" and searchable(ctx, entity):
            phrase = read_phrase("q", text[:100])
        else:
            filters += _beginning(page, entity, text.strip()[:100])
    query = Query(
        paging=Paging(most),
        selection=cell_fields(ctx, entity, names),
        sorts=read_sorts(entity, ctx.rights.visible(entity.name), None),
        filters=tuple(filters),
        phrase=phrase,
    )
    found = await ctx.read(lambda connection: page_on(connection, ctx, entity, query, right))
    told = cells(page, entity, names)
    return tuple(
        Option(str(row["id"]), *([cell.text(row) for cell in told] or [str(row["id"])]))
        for row in found.rows
    )


def _label_fields(page: Page, entity: Declaration) -> list[str]:
    """Return the fields by which people know a record: its title and one more."""
    visible = page.ctx.rights.visible(entity.name)
    columns = [f.name for n in entity.columns if (f := entity.field(n)) is not None]
    second = [n for n in columns if n != entity.title and entity.fields[n].kind != "boolean"]
    return [name for name in (entity.title, *second[:1]) if name in visible]


def _narrowed(page: Page, entity: Declaration, asked: Mapping[str, Any]) -> list[criteria.Checked]:
    trees = [
        {"field": name, "op": "=", "value": str(value)}
        for name, value in asked.items()
        if name in entity.fields
        and entity.fields[name].kind == "link"
        and name in page.ctx.rights.visible(entity.name)
        and is_id(str(value))
    ]
    return [_checked(page, entity, tree) for tree in trees]


def _beginning(page: Page, entity: Declaration, text: str) -> list[criteria.Checked]:
    if is_id(text):
        return [_checked(page, entity, {"field": "id", "op": "=", "value": text})]
    field = entity.fields[entity.title]
    if field.kind not in ("text", "long_text") or field.name not in page.ctx.rights.visible(
        entity.name
    ):
        return []
    return [_checked(page, entity, {"field": field.name, "op": "starts_with", "value": text})]


def _checked(page: Page, entity: Declaration, tree: dict[str, Any]) -> criteria.Checked:
    ctx = page.ctx
    every = ctx.tenant.rights(("admin",))
    return criteria.parse_and_check(
        tree, entity, ctx.tenant.entities, every, ctx.tenant.terms, trusted=True
    )


async def titles(page: Page, links: Mapping[str, Iterable[Any]]) -> dict[str, str]:
    """Return, by id, what linked records are called; those alone that the reader may see.

    ``links`` holds ids per entity; a statement for each entity.
    """
    seen = _tellable(page, links)
    return await page.ctx.read(lambda c: _titles(c, page, seen)) if seen else {}


async def titles_on(
    connection: asyncpg.Connection, page: Page, links: Mapping[str, Iterable[Any]]
) -> dict[str, str]:
    """Return the same, read on a connection that is open already."""
    return await _titles(connection, page, _tellable(page, links))


def _tellable(page: Page, links: Mapping[str, Iterable[Any]]) -> dict[str, list[UUID]]:
    """Return the ids of the entities whose titles the reader may see at all."""
    found = {
        name: list({UUID(str(id)) for id in ids if id})
        for name, ids in links.items()
        if (target := page.ctx.tenant.entities.get(name)) is not None
        and may_choose(page, name)
        and target.title in page.ctx.rights.visible(name)
    }
    return {name: ids for name, ids in found.items() if ids}


async def _titles(
    connection: asyncpg.Connection, page: Page, seen: Mapping[str, list[UUID]]
) -> dict[str, str]:
    ctx, found = page.ctx, dict[str, str]()
    for name, ids in seen.items():
        target = ctx.tenant.entities[name]
        asked = cell_fields(ctx, target, [target.title])
        sorts = read_sorts(target, ctx.rights.visible(name), None)
        query = Query(Paging(len(ids)), asked, sorts, (Hits(ids).among(),))
        rows = (await page_on(connection, ctx, target, query, read_action(ctx, target))).rows
        (title,) = cells(page, target, [target.title])
        found.update({str(row["id"]): title.text(row) for row in rows})
    return found


async def read_links(page: Page, form: Form, links: Mapping[str, str]) -> TypedLinks:
    """Return what a form says of its links, each named with its entity.

    Where the text beside an id was changed, or nothing was chosen, the text is looked up: so a
    form works without scripts too.
    """
    typed = TypedLinks({}, {}, {}, {})
    given = {name: form.get(name) for name in links if is_id(form.get(name))}
    by_entity: dict[str, list[str]] = {}
    for name, id in given.items():
        by_entity.setdefault(links[name], []).append(id)
    known = await titles(page, by_entity)
    for name, target in links.items():
        id, words = given.get(name, ""), form.get(f"{name}{WORDS}").strip()
        if f"{name}{WORDS}" not in form:
            words = known.get(id, id)
        elif id and words in (known.get(id, id), id):
            pass
        elif is_id(words):
            id = words
        elif words:
            id = await _resolve_text(page, name, target, words, typed)
        else:
            id = ""
        typed.ids[name], typed.words[name] = id, words
    return typed


async def _resolve_text(page: Page, name: str, target: str, words: str, typed: TypedLinks) -> str:
    """Return the id of the one record that a text names, or note why there is none."""
    entity, _ = page.ctx.tenant.entities[target], page.translate
    try:
        found = await options(page, entity, words, most=FEW) if may_choose(page, target) else ()
    except Invalid:
        found = ()
    exact = [one for one in found if one.label.casefold() == words.casefold()] or list(found)
    if len(exact) == 1:
        return exact[0].value
    if not exact:
        text = _("Nothing is called “%(words)s”. Choose from the list.")
        typed.errors[name] = text % {"words": words}
        return ""
    typed.errors[name] = _("Several records match. Choose one.")
    typed.found[name] = tuple(exact)
    return ""


def routes(registry: Registry) -> list[Route]:
    """Return the lookups of all entities that can be seen."""
    return [
        screen_route(entity, "/lookup", READ, "", show_options)
        for entity in registry.entities.values()
        if {"list", "view"} & set(entity.verbs)
    ]
