"""What a list says that shows no row: what the entity is and how to begin, or what narrows it."""

import msgspec

from core.admin.nav import icon_of
from core.admin.page import Page
from core.admin.screens.form.after_submit import noun
from core.admin.screens.list.filters import Bar
from core.admin.screens.routing import place
from core.admin.words.wording import purpose
from core.model.entities import Declaration


class Empty(msgspec.Struct, frozen=True):
    """The words of an empty list, and the one thing to do about it."""

    icon: str
    title: str
    text: str
    label: str = ""
    href: str = ""
    adds: bool = False


def empty_of(page: Page, entity: Declaration, bar: Bar) -> Empty:
    """Return what an empty list says to the reader."""
    return _narrowed(page, bar) if bar.clear else _nothing_yet(page, entity)


def _narrowed(page: Page, bar: Bar) -> Empty:
    """Name the filters, so that one sees which of them is too much."""
    say = page.translate
    told = "; ".join(chip.label for chip in bar.chips)
    text = say("Nothing matches all of this: %(filters)s.") % {"filters": told}
    return Empty("search", say("Nothing found"), text, say("Clear Filters"), bar.clear)


def _nothing_yet(page: Page, entity: Declaration) -> Empty:
    """Teach what the entity is, and offer to add the first one to who may."""
    say = page.translate
    title = say("No %(things)s yet") % {"things": noun(page, entity, 0)}
    about = say(purpose(entity.doc)) if entity.doc else ""
    icon = icon_of(entity)
    if "create" not in entity.verbs or not page.ctx.rights.may(entity.name, "create"):
        after = say("Nobody has added any so far, or you may not see those that there are.")
        return Empty(icon, title, f"{about} {after}".strip())
    after = say("Add the first one: the list, its filters and its history begin with it.")
    label = say("Add %(thing)s") % {"thing": say(entity.label)}
    text = f"{about} {after}".strip()
    return Empty(icon, title, text, label, place(entity, under="new/"), adds=True)
