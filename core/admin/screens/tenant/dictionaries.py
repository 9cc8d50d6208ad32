"""Dictionaries: the choices of lists, reworded, put in order, added to, and retired.

Codes are stored in records, so none goes away: a retired choice is kept by those that have it.
"""

import re

import msgspec
from litestar.response.base import ASGIResponse

from core.admin.forms.form_errors import Mistake
from core.admin.page import READ, WRITE, Flash, Page, page_route
from core.admin.parts import Link
from core.errors import Invalid
from core.registry.registry import Choice, Registry
from core.rest.route import Route
from core.tenancy.edits import edit_dictionary, require_dictionary

HOME = "/app/dictionaries/"
MOST_LETTERS = 50
MOST_NEW = 3
MOST_CHOICES = 200
CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,49}")


class Line(msgspec.Struct, frozen=True):
    """One choice as it stands in the form; ``known`` ones keep their code."""

    code: str = ""
    label: str = ""
    place: str = ""
    retired: bool = False
    known: bool = False


class Shown(msgspec.Struct, frozen=True):
    """A dictionary in the overview."""

    name: str
    label: str
    app: str
    words: str
    count: int


def routes(registry: Registry) -> list[Route]:
    """Return the routes of the overview and of each dictionary."""
    view, update = "core.setting.view", "core.setting.update"
    return [
        page_route("/app/dictionaries", READ, view, show_all),
        page_route("/app/dictionaries/{name:str}", READ, view, show_one),
        page_route("/app/dictionaries/{name:str}", WRITE, update, change_one),
    ]


async def show_all(page: Page) -> ASGIResponse:
    """Show every dictionary of the apps that are on."""
    await page.ctx.fetchval("SELECT 1")
    ctx, _ = page.ctx, page.translate
    registry = ctx.platform.registry
    found = []
    for name, declared in sorted(registry.dictionaries.items()):
        plugin = name.partition(".")[0]
        if plugin in ctx.tenant.enabled:
            choices = ctx.tenant.dictionary(name)
            words = ", ".join(_(c.label) for c in choices if not c.retired)
            title = _(registry.plugins[plugin].manifest.title)
            found.append(Shown(name, _(declared.label), title, words, len(choices)))
    return page.render("dictionaries.html", dictionaries=found)


def _named(page: Page) -> str:
    return require_dictionary(page.ctx, page.request.path_params["name"])


async def show_one(page: Page) -> ASGIResponse:
    """Show the choices of one dictionary."""
    await page.ctx.fetchval("SELECT 1")
    name = _named(page)
    return _form(page, name, _stored(page, name))


def _stored(page: Page, name: str) -> list[Line]:
    return [
        Line(c.code, c.label, str(place), c.retired, known=True)
        for place, c in enumerate(page.ctx.tenant.dictionary(name), 1)
    ]


def _form(
    page: Page,
    name: str,
    lines: list[Line],
    mistakes: list[Mistake] | None = None,
    status: int = 200,
) -> ASGIResponse:
    new = sum(1 for line in lines if not line.known)
    return page.render(
        "dictionary.html",
        status=status,
        name=name,
        title=page.translate(page.ctx.platform.registry.dictionaries[name].label),
        lines=[*lines, *(Line() for _ in range(max(1, MOST_NEW - new)))],
        mistakes=mistakes or [],
        used=_used(page, name),
        may_change=page.ctx.rights.may("core.setting", "update"),
    )


def _used(page: Page, name: str) -> list[Link]:
    """Return the fields whose choices these are."""
    ctx, _ = page.ctx, page.translate
    return [
        Link(
            f"{_(entity.label)}: {_(field.label)}",
            f"/app/{entity.resource}/" if ctx.rights.may(entity.name, "list") else "",
        )
        for entity in ctx.tenant.entities.values()
        for field in entity.fields.values()
        if field.dictionary == name
    ]


async def change_one(page: Page) -> ASGIResponse:
    """Store all choices; a step up or down is stored at once."""
    name = _named(page)
    known = {line.code for line in _stored(page, name)}
    lines = _typed(page, known)
    mistakes = _mistakes(page, lines)
    if mistakes:
        return _form(page, name, lines, mistakes, 400)
    try:
        await edit_dictionary(page.ctx, name, _choices(page, lines))
    except Invalid as refused:
        found = [Mistake(page.tell(error.detail)) for error in refused.errors]
        return _form(page, name, lines, found, 400)
    return page.redirect(f"{HOME}{name}/", flash=Flash(page.translate("The choices are saved.")))


def _typed(page: Page, known: set[str]) -> list[Line]:
    """Return the lines of the form; new ones without a word are left out."""
    form, found = page.form, []
    for place in range(MOST_CHOICES + MOST_NEW):
        if f"label.{place}" not in form:
            break
        code, label = form.get(f"code.{place}").strip(), form.get(f"label.{place}").strip()
        line = Line(
            code or _code_of(label),
            label,
            form.get(f"place.{place}").strip(),
            form.get(f"retired.{place}") == "1",
            known=code in known,
        )
        if line.known or code or label:
            found.append(line)
    return found


def _code_of(label: str) -> str:
    """Return a code for a word: what a machine can hold of it."""
    return re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")[:MOST_LETTERS]


def _mistakes(page: Page, lines: list[Line]) -> list[Mistake]:
    _ = page.translate
    found, codes = [], set()
    for place, line in enumerate(lines):
        if not line.label or len(line.label) > MOST_LETTERS:
            text = _("Each choice needs a word of at most %(most)s characters.")
            found.append(Mistake(text % {"most": MOST_LETTERS}, f"label.{place}"))
        if not line.known and not CODE.fullmatch(line.code):
            text = _("Write a code of small letters, digits, - and _ for “%(label)s”.")
            found.append(Mistake(text % {"label": line.label}, f"code.{place}"))
        if line.code in codes:
            text = _("The code %(code)s stands twice.")
            found.append(Mistake(text % {"code": line.code}, f"code.{place}"))
        codes.add(line.code)
    if len(lines) > MOST_CHOICES:
        found.append(Mistake(_("There are at most %(most)s choices.") % {"most": MOST_CHOICES}))
    return found


def _choices(page: Page, lines: list[Line]) -> list[Choice]:
    """Return the choices in the order of their numbers; a step moves one past its neighbour."""

    def number(index: int, line: Line) -> float:
        whole = line.place.isascii() and line.place.isdigit() and len(line.place) < 5
        return int(line.place) if whole else len(lines) + index + 1.0

    step = {page.form.get("up"): -1.5, page.form.get("down"): 1.5}
    step.pop("", None)
    ranked = sorted(enumerate(lines), key=lambda one: number(*one) + step.get(one[1].code, 0.0))
    return [
        Choice(line.code, line.label, place, line.retired)
        for place, (_, line) in enumerate(ranked, 1)
    ]
