"""The bar over a list: quick filters out of the declaration, and what is chosen as chips."""

import msgspec

from core.admin.page import Page
from core.admin.parts import Link, Option
from core.admin.screens.list.list_query import ListState, Trees
from core.admin.words.cells import heading
from core.admin.words.criteria_words import CriteriaText, Titles
from core.admin.words.wording import boolean_labels
from core.model.aggregates import NamedFilter
from core.model.entities import Declaration
from core.model.fields import Field
from core.records.lists.choices import choices
from core.search.hits import searchable

MOST_QUICK = 4
TRUTH = ("true", "false")


class Quick(msgspec.Struct, frozen=True):
    """A filter that is one choice: its parameter, its words and what it is set to."""

    name: str
    label: str
    options: tuple[Option, ...]
    value: str = ""


class Bar(msgspec.Struct, frozen=True):
    """What stands over the table."""

    searches: bool
    quick: tuple[Quick, ...]
    chips: tuple[Link, ...]
    clear: str
    keep: dict[str, str]


def bar_of(page: Page, entity: Declaration, state: ListState, trees: Trees, titles: Titles) -> Bar:
    """Return the bar of a list in a state; ``titles`` are of the records that filters name."""
    clauses = CriteriaText(page, entity, titles)
    found = tuple(quick_filters(page, entity, dict(state.filters)))
    own = {one.name for one in found} | {"search", "page"}
    keep = {name: text for name, text in state.pairs() if name not in own}
    return Bar(
        searches=bool(searchable(page.ctx, entity)),
        quick=found,
        chips=tuple(chips(clauses, state, found, trees)),
        clear=cleared_address(state) if state.narrowed else "",
        keep=keep,
    )


def cleared_address(state: ListState) -> str:
    """Return the address without any filter; columns and order stay."""
    return state.href(search="", where="", filters=())


def quick_filters(page: Page, entity: Declaration, chosen: dict[str, str]) -> list[Quick]:
    """Return the filters that are offered at once: named ones, then those of columns."""
    ctx, say = page.ctx, page.translate
    visible = ctx.rights.visible(entity.name)
    found: list[Quick] = []
    covered: set[str] = set()
    for named in entity.named_filters:
        options = _named_options(page, entity, named) if visible.issuperset(named.uses) else ()
        if options:
            found.append(Quick(named.key, say(named.label), options, chosen.get(named.key, "")))
            covered |= set(named.uses)
    usual = {f.name for name in entity.columns if (f := entity.field(name)) is not None}
    fields = [
        field
        for field in entity.fields.values()
        if field.filter and field.stored and field.name in visible and field.name not in covered
    ]
    for field in sorted(fields, key=lambda field: field.name not in usual):
        if options := options_of(page, field):
            value = chosen.get(field.name, "")
            found.append(Quick(field.name, heading(page, field), options, value))
    return found[:MOST_QUICK]


def options_of(page: Page, field: Field) -> tuple[Option, ...]:
    """Return what a field may be, if that is a short list."""
    say = page.translate
    if field.kind == "boolean":
        return tuple(map(Option, TRUTH, boolean_labels(say, field).values()))
    found = choices(page.ctx, field) if field.kind == "choice" else None
    return tuple(Option(c["value"], say(c["label"])) for c in found or ())


def _named_options(page: Page, entity: Declaration, named: NamedFilter) -> tuple[Option, ...]:
    """Return the choices of the field that a named filter looks at, those that it takes."""
    found = []
    for option in options_of(page, entity.fields[named.uses[0]]):
        try:
            named.criteria(option.value)
        except ValueError:
            continue
        found.append(option)
    return tuple(found)


def chips(
    clauses: CriteriaText, state: ListState, quick: tuple[Quick, ...], trees: Trees
) -> list[Link]:
    """Return what is chosen, each with the address without it."""
    found = []
    if state.search:
        words = clauses.say("Search: %(text)s") % {"text": state.search}
        found.append(Link(words, state.href(search="")))
    labels = {one.name: one for one in quick}
    for name, text in state.filters:
        rest = tuple(pair for pair in state.filters if pair != (name, text))
        words = _filter_words(clauses, (name, text), labels.get(name), trees)
        found.append(Link(words, state.href(filters=rest)))
    if state.where:
        found.append(Link(where_words(clauses, state.where, trees), state.href(where="")))
    return found


def _filter_words(
    clauses: CriteriaText, pair: tuple[str, str], quick: Quick | None, trees: Trees
) -> str:
    """Return one filter in words; what the reader may not use is shown as it is."""
    name, text = pair
    if quick is not None:
        words = {option.value: option.label for option in quick.options}
        return f"{quick.label}: {words.get(text, text)}"
    if (tree := trees.get(pair)) is not None:
        return clauses.sentence(tree)
    page, entity = clauses.page, clauses.entity
    visible = page.ctx.rights.visible(entity.name)
    named = {f.key: f.label for f in entity.named_filters if visible.issuperset(f.uses)}
    return f"{page.translate(named.get(name, name))}: {text}"


def where_words(clauses: CriteriaText, where: str, trees: Trees) -> str:
    """Return criteria in a sentence; of what the reader may not ask, only that it is there."""
    tree = trees.get(("where", where))
    return clauses.say("A filter that cannot be used") if tree is None else clauses.sentence(tree)
