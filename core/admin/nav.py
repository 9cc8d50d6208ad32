"""Where a person can go: every entity that he may list, then what belongs to the tenant itself."""

from collections.abc import Iterable

import msgspec

from core.admin.view import NavItem
from core.entities import HISTORY
from core.rest.context import Context

# The kernel's own entities and what they are drawn as.
OWN = {"core.user": "users", "core.api_key": "key"}
PLAIN = "table-2"
SETTING = "core.setting"
# Pages of the tenant itself, each with the right on settings that opens it.
PLACES = (
    ("Roles", "/app/roles/", "shield-check", "view"),
    ("Apps", "/app/apps/", "puzzle", "view"),
    ("Settings", "/app/settings/", "settings", "view"),
    ("Dictionaries", "/app/dictionaries/", "book-open", "view"),
    ("Branding", "/app/branding/", "palette", "view"),
    ("Audit log", "/app/log/", "history", HISTORY),
)
# Lists that a page of their own stands for.
INSTEAD = {"core.api_key": "/app/keys/"}


def icon_of(name: str) -> str:
    """Return what an entity is drawn as."""
    return OWN.get(name, PLAIN)


def items(ctx: Context, path: str) -> tuple[NavItem, ...]:
    """Return the places in order; the one that a path lies in is active."""
    found = [NavItem("Home", "/app/", "house", path in ("/app", "/app/"))]
    here = f"{path.rstrip('/')}/"
    for name, entity in ctx.tenant.entities.items():
        if "list" not in entity.verbs or not ctx.rights.may(name, "list"):
            continue
        own = f"/app/{entity.resource}/"
        href = INSTEAD.get(name, own)
        section = "Settings" if entity.plugin == "core" else ""
        active = here.startswith((own, href))
        found.append(NavItem(entity.plural, href, icon_of(name), active, section))
    for label, href, icon, right in PLACES:
        if ctx.rights.may(SETTING, right):
            found.append(NavItem(label, href, icon, here.startswith(href), "Settings"))
    return tuple(_lettered(sorted(found, key=lambda item: bool(item.section))))


def _lettered(found: Iterable[NavItem]) -> Iterable[NavItem]:
    """Give each place the key that leads there after ``g``: the first free letter of its name."""
    taken: set[str] = set()
    for item in found:
        letters = (c for c in item.label.lower() if c.isascii() and c.isalpha())
        letter = next((c for c in letters if c not in taken), "")
        taken.add(letter)
        yield msgspec.structs.replace(item, letter=letter)
