"""What follows a form that was sent from a dialog over a list: the list stays and is read anew."""

from urllib.parse import urlsplit

from litestar.response.base import ASGIResponse

from core.admin.page import Flash, Page
from core.admin.screens.routing import entity_path
from core.model.entities import Declaration

# What the page is told: the dialog may close, the records are others, the ticks are dealt with.
DONE = "step-done"
CHANGED = "records-changed"
CHOSEN = "selection-done"


def over_list(page: Page, entity: Declaration) -> bool:
    """Return whether the form stands over the list of its own entity."""
    return page.hx and urlsplit(page.htmx.current).path == entity_path(entity)


def after_submit(
    page: Page, entity: Declaration, path: str, flash: Flash, *, chosen: bool = False
) -> ASGIResponse:
    """Show the message over the list if the form stands over it; else redirect to ``path``."""
    if not over_list(page, entity):
        return page.redirect(path, flash=flash)
    told = ", ".join((DONE, CHANGED, *((CHOSEN,) if chosen else ())))
    return page.render("settled.html", headers={"HX-Trigger": told}, flash=flash)


def noun(page: Page, entity: Declaration, number: int) -> str:
    """Return what that many records are called within a sentence; capitals stay."""
    word = page.translate(entity.label if number == 1 else entity.plural)
    return word if word[1:2].isupper() else word[:1].lower() + word[1:]
