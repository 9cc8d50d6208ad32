"""Where a person can go: every entity that he may list, then what belongs to the tenant itself."""

from core.admin.view import NavItem
from core.rest.context import Context

# The kernel's own entities and what they are drawn as.
OWN = {"core.user": "users", "core.api_key": "key"}
PLAIN = "table-2"


def items(ctx: Context, path: str) -> tuple[NavItem, ...]:
    """Return the places in order; the one that a path lies in is active."""
    found = [NavItem("Home", "/app/", "house", path in ("/app", "/app/"))]
    for name, entity in ctx.tenant.entities.items():
        if "list" not in entity.verbs or not ctx.rights.may(name, "list"):
            continue
        href = f"/app/{entity.resource}/"
        section = "Settings" if entity.plugin == "core" else ""
        active = f"{path.rstrip('/')}/".startswith(href)
        found.append(NavItem(entity.plural, href, OWN.get(name, PLAIN), active, section))
    return tuple(sorted(found, key=lambda item: bool(item.section)))
