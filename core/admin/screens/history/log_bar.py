"""What the two pages of the log share: their tabs, and the filters in their address."""

from collections.abc import Iterable, Mapping

from core.admin.forms.struct_controls import is_id
from core.admin.page import Page
from core.admin.parts import Link
from core.errors import Invalid
from core.records.access import find_users

CHANGES = "/app/log/"
SECURITY = "/app/log/security/"
BODY = "log"


def tabs(page: Page, active: str) -> list[Link]:
    """Return the two pages of the log."""
    _ = page.translate
    return [
        Link(_("Changes"), CHANGES, "history", active == CHANGES),
        Link(_("Sign-ins and security"), SECURITY, "shield-check", active == SECURITY),
    ]


def chosen_filters(page: Page, names: Iterable[str]) -> dict[str, str]:
    """Return what the address narrows the log to."""
    given = page.request.query_params
    return {name: given[name].strip() for name in names if given.get(name, "").strip()}


async def log_query(page: Page, chosen: Mapping[str, str]) -> dict[str, str]:
    """Return what the log is asked; refuses a person, by address or name, who is not known."""
    asked = dict(chosen)
    if cursor := page.request.query_params.get("cursor", ""):
        asked["cursor"] = cursor
    text = asked.get("by", "")
    if text and not is_id(text):
        rows = await find_users(page.ctx, None, text)
        if len(rows) != 1:
            problem = page.translate("There is no such user, or you may not see him.")
            raise Invalid.field("?by", problem, "unknown")
        asked["by"] = str(rows[0]["id"])
    return asked
