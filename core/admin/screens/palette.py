"""The command palette: records of all entities, screens, actions and recent records.

Without scripts it is a page with a search. What was opened last is kept by the browser, as ids
alone; the server tells their names, as far as the reader may see them.
"""

import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar.response.base import ASGIResponse

from core.admin.nav import icon_of
from core.admin.page import READ, Page, page_route
from core.errors import Invalid
from core.model.entities import Declaration
from core.records.lists.list_query import Paging, Query, read_sorts
from core.records.lists.pages import read_page
from core.records.projection import FieldSelection
from core.records.ranked_search import Result, SearchPage, search_entities, searchable_entities
from core.registry.registry import Registry
from core.rest.route import Route
from core.search.hits import Hits, read_phrase

MOST_RECENT = 8
SHORT, LONG = 6, 50
_RECENT = re.compile(r"([a-z0-9-]{1,60})/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


class Hit(msgspec.Struct, frozen=True):
    """Something to go to; ``text`` says what it is."""

    label: str
    href: str
    icon: str
    text: str = ""


class Group(msgspec.Struct, frozen=True):
    """Hits of one kind; ``more`` is where all of them are."""

    label: str
    hits: tuple[Hit, ...]
    count: str = ""
    more: str = ""


def routes(registry: Registry) -> list[Route]:
    """Return the routes of the search page and of the palette's results."""
    own = "signed_in"
    return [
        page_route("/app/search", READ, own, show_search),
        page_route("/app/palette", READ, own, show_palette),
    ]


async def show_search(page: Page) -> ASGIResponse:
    """Show the page of a search."""
    asked = page.request.query_params.get("q", "")
    try:
        groups = await _groups(page, asked, LONG)
    except Invalid as refused:
        problem = page.tell(refused.sentence)
        return page.render("search.html", status=400, asked=asked[:200], groups=[], problem=problem)
    return page.render("search.html", asked=asked, groups=groups, problem="")


async def show_palette(page: Page) -> ASGIResponse:
    """Show what the palette finds while somebody types, and before."""
    asked = page.request.query_params.get("q", "")
    try:
        groups = await _groups(page, asked, SHORT)
    except Invalid:
        groups = []
    return page.render("palette_results.html", asked=asked, groups=groups)


async def _groups(page: Page, asked: str, size: int) -> list[Group]:
    """Return what fits: records first, then screens and actions; without words, the last ones."""
    _ = page.translate
    phrase = read_phrase("q", asked)
    places, deeds = _screens(page), _actions(page)
    if phrase is None:
        recent = await _recent(page, page.request.query_params.get("recent", "")[:1000])
        found = [Group(_("Opened last"), tuple(recent))]
    else:
        places, deeds = _matching(phrase, places), _matching(phrase, deeds)
        found = await _records(page, phrase, size)
    found += [Group(_("Screens"), tuple(places)), Group(_("Actions"), tuple(deeds))]
    return [group for group in found if group.hits]


async def _records(page: Page, phrase: str, size: int) -> list[Group]:
    ctx = page.ctx
    found = await search_entities(ctx, searchable_entities(ctx), phrase, size)
    return [_group(page, found, entity) for entity in _ordered(page, found)]


def _ordered(page: Page, found: SearchPage) -> list[Declaration]:
    """Return the entities of results, that of the best one first."""
    names = dict.fromkeys(result.entity for result in found.results)
    return [page.ctx.tenant.entities[name] for name in names]


def _group(page: Page, found: SearchPage, entity: Declaration) -> Group:
    results = [result for result in found.results if result.entity == entity.name]
    counted = next(one for one in found.entities if one.entity == entity.name)
    plus = "+" if counted.count_is_capped else ""
    more = f"/app/{entity.resource}/?{_query(page)}" if counted.count > len(results) else ""
    return Group(
        page.translate(entity.plural),
        tuple(_hit(page, entity, result) for result in results),
        page.formats.number(counted.count) + plus,
        more,
    )


def _query(page: Page) -> str:
    return urlencode({"search": page.request.query_params.get("q", "").strip()})


def _hit(page: Page, entity: Declaration, result: Result) -> Hit:
    label = result.title or page.translate(entity.label)
    words = page.translate(entity.label)
    return Hit(label, _address(page, entity, result.id), icon_of(entity), words)


def _address(page: Page, entity: Declaration, id: str) -> str:
    """Return where a record is shown; of one that may only be listed, its list."""
    may = page.ctx.rights.may(entity.name, "view") and "view" in entity.verbs
    return f"/app/{entity.resource}/{id}/" if may else f"/app/{entity.resource}/"


def _screens(page: Page) -> list[Hit]:
    _ = page.translate
    found = [Hit(_(item.label), item.href, item.icon) for item in page.nav or ()]
    for entity in page.ctx.tenant.entities.values():
        if entity.stage and page.ctx.rights.may(entity.name, "list"):
            words = _("Board: %(things)s") % {"things": _(entity.plural)}
            found.append(Hit(words, f"/app/{entity.resource}/board/", "kanban"))
        if "trash" in entity.verbs and page.ctx.rights.may(entity.name, "trash"):
            words = _("Trash: %(things)s") % {"things": _(entity.plural)}
            found.append(Hit(words, f"/app/{entity.resource}/trash/", "trash-2"))
    return [*found, Hit(_("My account"), "/app/account/", "circle-user")]


def _actions(page: Page) -> list[Hit]:
    """Return what can be begun from anywhere."""
    ctx, _ = page.ctx, page.translate
    found = []
    for name, entity in ctx.tenant.entities.items():
        if "create" in entity.verbs and ctx.rights.may(name, "create"):
            words = _("Add %(thing)s") % {"thing": _(entity.label)}
            found.append(Hit(words, f"/app/{entity.resource}/new/", "plus"))
    if ctx.rights.may("core.user", "create") and ctx.rights.may("core.user", "set_password"):
        found.append(Hit(_("Invite somebody"), "/app/people/invite/", "user-plus"))
    if ctx.rights.may("core.api_key", "create"):
        found.append(Hit(_("Make an API key"), "/app/keys/", "key-round"))
    found.append(Hit(_("Change my password"), "/app/account/security/", "lock"))
    return found


def _matching(phrase: str, hits: Iterable[Hit]) -> list[Hit]:
    """Return the hits whose label has every word of a phrase, whatever its accents."""
    words = _plain(phrase).split()
    return [hit for hit in hits if all(word in _plain(hit.label) for word in words)]


def _plain(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


async def _recent(page: Page, text: str) -> list[Hit]:
    """Return the records that the browser remembers, in its order; only what may be seen."""
    ctx = page.ctx
    by_resource = {entity.resource: entity for entity in ctx.tenant.entities.values()}
    wanted: dict[str, list[UUID]] = {}
    order: list[tuple[str, str]] = []
    for resource, id in _RECENT.findall(text)[:MOST_RECENT]:
        entity = by_resource.get(resource)
        if entity is not None and ctx.rights.may(entity.name, "view"):
            wanted.setdefault(entity.name, []).append(UUID(id))
            order.append((entity.name, id))
    found: dict[tuple[str, str], Hit] = {}
    for name, ids in wanted.items():
        for hit_id, hit in await _recent_hits(page, ctx.tenant.entities[name], ids):
            found[name, hit_id] = hit
    return [found[place] for place in dict.fromkeys(order) if place in found]


async def _recent_hits(page: Page, entity: Declaration, ids: list[UUID]) -> list[tuple[str, Hit]]:
    visible = page.ctx.rights.visible(entity.name)
    title = entity.title if entity.title in visible else "id"
    query = Query(
        Paging(MOST_RECENT),
        FieldSelection(fields=tuple(dict.fromkeys(("id", title)))),
        read_sorts(entity, visible, None),
        (Hits(ids).among(),),
    )
    rows = (await read_page(page.ctx, entity, query, "view")).rows
    label = page.translate(entity.label)
    return [
        (
            str(row["id"]),
            Hit(
                label if title == "id" else str(row[title]),
                f"/app/{entity.resource}/{row['id']}/",
                icon_of(entity),
                label,
            ),
        )
        for row in rows
    ]
