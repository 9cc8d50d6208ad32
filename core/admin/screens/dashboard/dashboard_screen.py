"""Dashboards: one per plugin, and the start page; each person arranges their own cards."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar.response.base import ASGIResponse

from core.admin.nav import dashboards_of, icon_of
from core.admin.page import READ, WRITE, Flash, Page, page_route
from core.admin.parts import Link
from core.admin.portals import portal_role
from core.admin.preferences import read_preference, store_preference
from core.admin.screens.dashboard.cards import ShownCard, read_cards, sources
from core.errors import Invalid, NotFound
from core.registry.registry import Registry
from core.rest.route import Route

ARRANGE = "arrange"
MOVES = ("up", "down", "hide", "show")


class Order(msgspec.Struct, frozen=True):
    """How a person has arranged a dashboard: the cards in order, and the hidden ones."""

    cards: tuple[str, ...] = ()
    hidden: frozenset[str] = frozenset()

    def sorted(self, cards: Sequence[ShownCard]) -> list[ShownCard]:
        """Return the cards in order; those that are new stand behind."""
        place = {key: at for at, key in enumerate(self.cards)}
        return sorted(cards, key=lambda card: place.get(card.key, len(place)))

    def after(self, cards: Sequence[ShownCard], key: str, move: str) -> "Order":
        """Return the order after a card was moved, hidden or shown."""
        keys = [card.key for card in self.sorted(cards)]
        if key not in keys or move not in MOVES:
            raise Invalid("This card is not on this dashboard.", code="card")
        if move in ("hide", "show"):
            hidden = self.hidden | {key} if move == "hide" else self.hidden - {key}
            return Order(tuple(keys), frozenset(hidden))
        at = keys.index(key)
        other = min(max(at + (1 if move == "down" else -1), 0), len(keys) - 1)
        keys[at], keys[other] = keys[other], keys[at]
        return Order(tuple(keys), self.hidden)


def read_order(stored: Any) -> Order:
    """Return what is stored; what another version stored otherwise is left aside."""
    try:
        return msgspec.convert(stored or {}, Order)
    except msgspec.ValidationError:
        return Order()


async def show_home(page: Page) -> ASGIResponse:
    """Show how things stand and what to do next; whoever has a desk begins there."""
    desk = portal_role(page.ctx.tenant, page.ctx.principal)
    if desk is not None:
        return page.redirect(desk.home)
    return await _show(page, "", "home.html", next=_next(page), dashboards=_dashboards(page))


async def show_dashboard(page: Page) -> ASGIResponse:
    """Show a plugin's dashboard."""
    name = _plugin(page)
    title = page.translate(page.ctx.platform.registry.plugins[name].manifest.title)
    return await _show(page, name, "dashboard.html", title=title)


async def _show(page: Page, name: str, template: str, **values: Any) -> ASGIResponse:
    cards = await read_cards(page, sources(page, name))
    order = read_order(await read_preference(page.ctx, _preference_name(name)))
    arranging = page.request.query_params.get(ARRANGE) == "1"
    ordered = order.sorted(cards)
    return page.render(
        template,
        cards=[card for card in ordered if card.key not in order.hidden],
        every=ordered,
        hidden=order.hidden,
        arranging=arranging,
        base=_path(name),
        action=f"{_path(name)}arrange/",
        **values,
    )


async def arrange(page: Page) -> ASGIResponse:
    """Move, hide or show a card, or have all as they were at first."""
    name = _plugin(page) if "plugin" in page.request.path_params else ""
    back = f"{_path(name)}?{ARRANGE}=1"
    if page.form.get("move") == "reset":
        await store_preference(page.ctx, _preference_name(name), {})
        return page.redirect(back, flash=Flash(page.translate("All cards are back.")))
    cards = await read_cards(page, sources(page, name))
    order = read_order(await read_preference(page.ctx, _preference_name(name)))
    after = order.after(cards, page.form.get("card") or "", page.form.get("move") or "")
    await store_preference(page.ctx, _preference_name(name), msgspec.to_builtins(after))
    return page.redirect(back)


def _plugin(page: Page) -> str:
    name = str(page.request.path_params["plugin"])
    if name not in dashboards_of(page.ctx):
        raise NotFound
    return name


def _preference_name(name: str) -> str:
    return f"dashboard:{name}"


def _path(name: str) -> str:
    return f"/app/{name}/dashboard/" if name else "/app/"


def _dashboards(page: Page) -> list[Link]:
    plugins = page.ctx.platform.registry.plugins
    return [
        Link(page.translate(plugins[name].manifest.title), _path(name), "layout-dashboard")
        for name in dashboards_of(page.ctx)
    ]


def _next(page: Page) -> list[Link]:
    """Return what can be done at once: new records of what stands in the menu, then people."""
    ctx, say = page.ctx, page.translate
    menu = sorted((e for e in ctx.tenant.entities.values() if e.menu), key=lambda e: e.menu or 0)
    return [
        Link(
            say("Add %(thing)s") % {"thing": say(entity.label)},
            f"/app/{entity.resource}/new/",
            icon_of(entity),
        )
        for entity in menu
        if "create" in entity.verbs and ctx.rights.may(entity.name, "create")
    ][:4]


def routes(registry: Registry) -> list[Route]:
    """Return the dashboards of all plugins; the first page is arranged under its own address."""
    found = [page_route("/app/arrange", WRITE, "signed_in", arrange)]
    for name in registry.plugins:
        if name != "core":
            found += _pair(name)
    return found


def _pair(name: str) -> list[Route]:
    async def show(page: Page) -> ASGIResponse:
        page.request.path_params["plugin"] = name
        return await show_dashboard(page)

    async def change(page: Page) -> ASGIResponse:
        page.request.path_params["plugin"] = name
        return await arrange(page)

    base, own = f"/app/{name}/dashboard", "signed_in"
    return [
        page_route(base, READ, own, show, plugin=name),
        page_route(f"{base}/arrange", WRITE, own, change, plugin=name),
    ]
