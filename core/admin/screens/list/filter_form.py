"""The step in which a list's filter is built, row by row, by keyboard and without scripts."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar.response.base import ASGIResponse

from core.admin.forms.body import wrong_fields
from core.admin.forms.controls import Control, Controls
from core.admin.page import Page
from core.admin.parts import Option
from core.admin.screens.form.lookup import read_links, source, titles
from core.admin.screens.list.filter_builder import (
    WHEN,
    Built,
    Group,
    Term,
    built_of,
    changed,
    filterable,
    read_built,
    tree_of,
)
from core.admin.screens.list.filters import options_of, where_words
from core.admin.screens.list.list_query import (
    ListState,
    read_list_query,
    state_from_form,
    where_tree,
)
from core.admin.screens.routing import entity_path
from core.admin.words.criteria_words import CriteriaText
from core.criteria.names import OPERATORS
from core.errors import Invalid
from core.model.entities import Declaration
from core.model.fields import Field
from core.rest.entity.lists import read_tree

NUMBERS = ("integer", "money", "decimal", "number")
# How many values there are besides a field's own choices.
SEVERAL = ("choice", "text", "email", "phone", "integer")
SPANS = ("between",)


class Row(msgspec.Struct, frozen=True):
    """One row as the template takes it."""

    position: str
    field: str
    op: str
    operators: tuple[Option, ...]
    controls: tuple[Control, ...]


async def show_filter(page: Page, entity: Declaration) -> ASGIResponse:
    """Show the filter of the list's address, to be changed."""
    query = await read_list_query(page, entity)
    fields, controls = filterable(page.ctx, entity), Controls(page, page.ctx.tenant)
    built = built_of(where_tree(query.state), fields, controls)
    words = await _titles(page, built or Built(), fields)
    note = ""
    if built is None:  # what cannot be shown in rows is at least told
        words_now = where_words(
            CriteriaText(page, entity, query.titles), query.state.where, query.trees
        )
        text = page.translate("The filter of now was made elsewhere and is replaced: %(filter)s.")
        note = text % {"filter": words_now}
    return _render(page, entity, query.state, built or Built(), words, note=note)


async def change_filter(page: Page, entity: Declaration) -> ASGIResponse:
    """Do what a button says: one row or group more or less, or apply the filter."""
    state, form = state_from_form(page, entity), page.form
    fields, controls = filterable(page.ctx, entity), Controls(page, page.ctx.tenant)
    built, words, errors = await _read(page, fields)
    deed = form.get("do")
    if deed != "apply":
        return _render(page, entity, state, changed(built, deed), words)
    try:
        if errors:
            raise Invalid(next(iter(errors.values())))
        tree = tree_of(built, fields, controls)
        if tree is not None:
            read_tree(page.ctx, entity, tree)
        where = "" if tree is None else msgspec.json.encode(tree).decode()
        return page.redirect(_within(state, where))
    except Invalid as invalid:
        told = errors or wrong_fields(invalid)
        note = "" if errors else page.tell(invalid.detail)
        return _render(page, entity, state, built, words, errors=told, note=note)


def _within(state: ListState, where: str) -> str:
    """Return the address with a filter; refuses one that is longer than an address can be."""
    href = state.href(where=where)
    if len(href) > 1900:
        raise Invalid("There are more filters than an address can hold.", code="too_long")
    return href


async def _read(
    page: Page, fields: Mapping[str, Field]
) -> tuple[Built, dict[str, str], dict[str, str]]:
    """Return what the form says, the words of its links, and what is wrong with those."""
    built = read_built(page.form, fields)
    links = {f"v{p}": str(fields[t.field].target) for p, t in _links(built, fields)}
    typed = await read_links(page, page.form, links)
    groups = [
        msgspec.structs.replace(
            group,
            terms=tuple(
                msgspec.structs.replace(term, texts=(typed.ids[f"v{g}.{r}"],))
                if f"v{g}.{r}" in typed.ids
                else term
                for r, term in enumerate(group.terms)
            ),
        )
        for g, group in enumerate(built.groups)
    ]
    words = {typed.ids[n]: text for n, text in typed.words.items()}
    return msgspec.structs.replace(built, groups=tuple(groups)), words, typed.errors


def _links(built: Built, fields: Mapping[str, Field]) -> list[tuple[str, Term]]:
    """Return the rows that compare a link with one record, each with its place."""
    return [
        (f"{g}.{r}", term)
        for g, group in enumerate(built.groups)
        for r, term in enumerate(group.terms)
        if term.field and fields[term.field].kind == "link" and term.op in ("=", "!=")
    ]


async def _titles(page: Page, built: Built, fields: Mapping[str, Field]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for _, term in _links(built, fields):
        found.setdefault(str(fields[term.field].target), []).extend(term.texts)
    return await titles(page, found)


def operators(page: Page, field: Field) -> tuple[Option, ...]:
    """Return how a field can be compared, in words."""
    words = _words(page, when=field.kind in WHEN)
    return tuple(
        Option(op, words[op])
        for op in OPERATORS[field.kind]
        if op not in ("in", "not_in") or field.kind in SEVERAL
    )


def _words(page: Page, *, when: bool) -> dict[str, str]:
    say = page.translate
    words = {
        "=": say("is"),
        "!=": say("is not"),
        "in": say("is one of"),
        "not_in": say("is none of"),
        "is_empty": say("is empty"),
        "<": say("is less than"),
        "<=": say("is at most"),
        ">": say("is more than"),
        ">=": say("is at least"),
        "between": say("is between"),
        "contains": say("contains"),
        "starts_with": say("starts with"),
    }
    if when:
        times = {"<": say("is before"), "<=": say("is up to")}
        words |= times | {">": say("is after"), ">=": say("is from")}
    return words


def value_controls(
    page: Page, term: Term, at: str, field: Field, words: Mapping[str, str]
) -> tuple[Control, ...]:
    """Return the controls of a row's value; a span has two."""
    say = page.translate
    name, label = f"v{at}", say("Value")
    text, other = (*term.texts[:2], "", "")[:2]
    if term.op == "is_empty":
        truth = (Option("true", say("Yes")), Option("false", say("No")))
        return (Control(name=name, label=label, kind="select", value=text, options=truth),)
    if options := options_of(page, field):
        several = term.op in ("in", "not_in")
        kind, value = ("checks", list(term.texts)) if several else ("select", text)
        return (Control(name=name, label=label, kind=kind, value=value, options=options),)
    if field.kind == "link":
        src = source(page, field.target) if field.target in page.ctx.tenant.entities else ""
        shown = words.get(text, text)
        return (Control(name=name, label=label, kind="lookup", value=text, text=shown, src=src),)
    kind = "date" if field.kind in WHEN and not text.isalpha() else "text"
    mode = "decimal" if field.kind in NUMBERS else ""
    if term.op in SPANS:
        first = Control(name=name, label=say("From"), kind=kind, value=text, inputmode=mode)
        last = Control(name=f"x{at}", label=say("To"), kind=kind, value=other, inputmode=mode)
        return first, last
    value = ", ".join(term.texts) if term.op in ("in", "not_in") else text
    return (Control(name=name, label=label, kind=kind, value=value, inputmode=mode),)


def _render(
    page: Page,
    entity: Declaration,
    state: ListState,
    built: Built,
    words: Mapping[str, str],
    *,
    errors: Mapping[str, str] | None = None,
    note: str = "",
) -> ASGIResponse:
    fields = filterable(page.ctx, entity)

    def row(at: str, term: Term) -> Row:
        field = fields.get(term.field)
        if field is None:
            return Row(at, "", "", (), ())
        told = (errors or {}).get(f"v{at}", "")
        controls = value_controls(page, term, at, field, words)
        first = msgspec.structs.replace(controls[0], error=page.translate(told) if told else "")
        return Row(at, term.field, term.op, operators(page, field), (first, *controls[1:]))

    def rows(at: int, group: Group) -> dict[str, Any]:
        return {
            "word": group.word,
            "rows": [row(f"{at}.{r}", t) for r, t in enumerate(group.terms)],
        }

    names = [Option(f.name, page.translate(f.label)) for f in fields.values()]
    return page.render(
        "list_filter.html",
        status=400 if errors else 200,
        entity=entity,
        base=entity_path(entity),
        state=state,
        word=built.word,
        groups=[rows(at, group) for at, group in enumerate(built.groups)],
        fields=sorted(names, key=lambda option: option.label),
        note=note,
        back=state.href(page=state.page),
    )
