"""Two people edited one record: what each of them wrote, and the choice between the two."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar.response.base import ASGIResponse

from core.admin import paths
from core.admin.headers import retarget
from core.admin.page import Page
from core.admin.parts import Link
from core.admin.screens.form.fields import SHOWN, Texts, controls_of, mark
from core.admin.screens.form.form_submit import form_key
from core.admin.screens.routing import entity_path
from core.model.entities import Declaration
from core.model.fields import Field

CHOICE = "_keep."
MINE, THEIRS = "mine", "theirs"


class Difference(msgspec.Struct, frozen=True):
    """A field that differs. ``both`` says that both people changed it; nothing is chosen then."""

    name: str
    label: str
    mine: str
    theirs: str
    both: bool
    own: bool


def differences(
    page: Page,
    entity: Declaration,
    fields: Sequence[Field],
    typed: Texts,
    stored: Texts,
    was: Mapping[str, str],
) -> list[Difference]:
    """Return the fields that somebody else changed since, and one's own changes beside them.

    Empty where nobody else touched what the form shows.
    """
    found = []
    for field in fields:
        name = field.name
        mine, theirs = typed.texts[name], stored.texts[name]
        own = mark(mine) != was.get(name) and mark(mine) != mark(theirs)
        other = mark(theirs) != was.get(name)
        if own or (other and mark(mine) != mark(theirs)):
            told = [_readable(page, field, texts, name) for texts in (typed, stored)]
            label = page.translate(field.label)
            found.append(Difference(name, label, told[0], told[1], own and other, own))
    touched = any(mark(stored.texts[f.name]) != was.get(f.name) for f in fields)
    return found if touched else []


def _readable(page: Page, field: Field, texts: Texts, name: str) -> str:
    """Return a text of the form as people read it."""
    text = texts.texts[name]
    if field.kind == "link":
        return texts.links.words.get(name, text)
    if field.kind == "choice":
        return {o.value: o.label for o in controls_of(page).options(field)}.get(text, text)
    if field.kind == "boolean":
        return page.translate("Yes") if text else page.translate("No")
    return text.replace("T", " ") if field.kind == "datetime" else text


def without_theirs(page: Page, changed: list[Field]) -> list[Field]:
    """Return the changed fields without those where the other's value was taken."""
    return [f for f in changed if page.form.get(f"{CHOICE}{f.name}") != THEIRS]


def show_conflict(
    page: Page,
    entity: Declaration,
    changes: list[Difference],
    typed: Texts,
    stored: Texts,
    row: Mapping[str, Any],
    version: int,
) -> ASGIResponse:
    """Return the page of the choice. Nothing was saved."""
    _ = page.translate
    title = str(row.get(entity.title) or _(entity.label))
    record, edit = entity_path(entity, row["id"]), entity_path(entity, row["id"], "edit/")
    own = [one for one in changes if one.own]
    return page.render(
        "form_difference.html",
        status=412,
        headers=retarget("#over") if page.hx else None,
        entity=entity,
        title=title,
        action=edit,
        crumbs=[
            Link(_(entity.plural), entity_path(entity)),
            Link(title, record),
            Link(_("Two changes"), ""),
        ],
        own=own,
        others=[one for one in changes if not one.own],
        choice=CHOICE,
        hidden=_hidden(page, own, typed, stored, version),
        record=record,
    )


def _hidden(
    page: Page, own: list[Difference], typed: Texts, stored: Texts, version: int
) -> dict[str, Any]:
    """Return what the choice sends along: one's own texts, and what stands there now."""
    texts = {one.name: typed.texts[one.name] for one in own}
    words = typed.links.words
    marks = Texts({one.name: stored.texts[one.name] for one in own})
    back = page.form.get("_back")
    return {
        **texts,
        **{f"{name}_text": words[name] for name, id in texts.items() if id and name in words},
        "_key": form_key(),
        "_version": version,
        SHOWN: marks.marks(),
        "_back": back if paths.local_path(back) == back else "",
    }
