"""The navigation: every entity that a person may list, then the pages of the tenant itself."""

from collections.abc import Iterable

import msgspec

from core.admin.portals import HOME, is_closed, plugin_screens, portal_role
from core.admin.view import NavItem
from core.model.entities import HISTORY, Declaration
from core.registry.registry import Role
from core.runtime.context import Context

# The icons of the kernel's own entities.
KERNEL_ICONS = {"core.user": "users", "core.api_key": "key"}
SETTING = "core.setting"
# Pages of the tenant itself, each with the right on settings that opens it.
TENANT_PAGES = (
    ("Roles", "/app/roles/", "shield-check", "view"),
    ("Apps", "/app/apps/", "puzzle", "view"),
    ("Settings", "/app/settings/", "settings", "view"),
    ("Dictionaries", "/app/dictionaries/", "book-open", "view"),
    ("Branding", "/app/branding/", "palette", "view"),
    ("Audit log", "/app/log/", "history", HISTORY),
)
# Lists that a page of their own replaces.
REPLACED_LISTS = {"core.api_key": "/app/keys/"}


def dashboards_of(ctx: Context) -> list[str]:
    """Return the plugins that have something to show the caller on a dashboard."""
    mine = {
        figure.plugin
        for name, entity in ctx.tenant.entities.items()
        for figure in entity.aggregates
        if "list" in entity.verbs and ctx.rights.may(name, "list")
    }
    mine |= {
        card.plugin
        for card in ctx.tenant.registry.cards
        if card.entity in ctx.tenant.entities and ctx.rights.may(card.entity, card.right)
    }
    return [name for name in ctx.platform.registry.plugins if name in mine & ctx.tenant.enabled]


def may_see_credit(ctx: Context, entity: Declaration) -> bool:
    """Whether the caller may read what the people responsible for an entity achieved."""
    found = entity.field(entity.responsible) if entity.responsible else None
    if found is None or not ctx.rights.may(entity.name, HISTORY):
        return False
    return found.name in ctx.rights.visible(entity.name)


def icon_of(entity: Declaration) -> str:
    """Return the icon of an entity."""
    return KERNEL_ICONS.get(entity.name, entity.icon)


def navigation(ctx: Context, path: str) -> tuple[NavItem, ...]:
    """Return the items in order; the one that a path lies in is active."""
    here = f"{path.rstrip('/')}/"
    desk = portal_role(ctx.tenant, ctx.principal)
    found = [*_screens(ctx, here)]
    if not is_closed(ctx.tenant, ctx.principal):
        if desk is None:
            found = [_item("Start page", HOME, "house", path.rstrip("/")), *found]
        lists = [*_entities(ctx, here, desk)]
        found += [item for item in lists if not item.section]
        found += _dashboards(ctx, here)
        found += [item for item in lists if item.section]
        found += _tenant_pages(ctx, here)
    return tuple(_with_letters(_with_one_active(found, here)))


def _item(label: str, href: str, icon: str, here: str, section: str = "") -> NavItem:
    active = f"{here}/" == href if href == HOME else here.startswith(href)
    return NavItem(label, href, icon, active, section)


def _screens(ctx: Context, here: str) -> Iterable[NavItem]:
    for screen in plugin_screens(ctx):
        yield _item(screen.label, f"/app/{screen.path}/", screen.icon, here)


def _entities(ctx: Context, here: str, desk: Role | None) -> Iterable[NavItem]:
    """Yield the lists that a person may open; the kernel's own stand among the settings."""
    shown = sorted(
        (e for e in ctx.tenant.entities.values() if e.menu is not None), key=lambda e: e.menu or 0
    )
    for entity in sorted(shown, key=lambda e: e.plugin == "core"):
        if "list" not in entity.verbs or not ctx.rights.may(entity.name, "list"):
            continue
        if desk is not None and entity.name not in desk.menu:
            continue
        own = f"/app/{entity.resource}/"
        href = REPLACED_LISTS.get(entity.name, own)
        section = "Settings" if entity.plugin == "core" else ""
        active = here.startswith((own, href))
        yield NavItem(entity.plural, href, icon_of(entity), active, section)


def _dashboards(ctx: Context, here: str) -> Iterable[NavItem]:
    """Yield a dashboard per plugin that has figures, then what responsible people achieved."""
    for name in dashboards_of(ctx):
        title = ctx.platform.registry.plugins[name].manifest.title
        yield _item(title, f"/app/{name}/dashboard/", "layout-dashboard", here, "Dashboards")
    for entity in ctx.tenant.entities.values():
        if may_see_credit(ctx, entity):
            yield _item("Credit", f"/app/{entity.resource}/credit/", "award", here, "Dashboards")


def _tenant_pages(ctx: Context, here: str) -> Iterable[NavItem]:
    for label, href, icon, right in TENANT_PAGES:
        if ctx.rights.may(SETTING, right):
            yield _item(label, href, icon, here, "Settings")


def _with_one_active(found: list[NavItem], here: str) -> Iterable[NavItem]:
    """Keep one item active: the one with the longest address that the path begins with."""
    deepest = max((item.href for item in found if item.active), key=len, default="")
    for item in found:
        yield msgspec.structs.replace(item, active=item.active and item.href == deepest)


def _with_letters(found: Iterable[NavItem]) -> Iterable[NavItem]:
    """Give each item the key that opens it after ``g``: the first free letter of its label."""
    taken: set[str] = set()
    for item in found:
        letters = (c for c in item.label.lower() if c.isascii() and c.isalpha())
        letter = next((c for c in letters if c not in taken), "")
        taken.add(letter)
        yield msgspec.structs.replace(item, letter=letter)
