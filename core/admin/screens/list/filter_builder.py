"""The filter builder: groups of conditions as rows of a form, and the tree that they mean.

Without scripts each change of a row is a step of the form; nothing needs a mouse.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from core.admin.forms.body import Form
from core.admin.forms.controls import Controls
from core.criteria.names import OPERATORS
from core.errors import FieldError, Invalid
from core.model.entities import Declaration
from core.model.fields import Field
from core.runtime.context import Context

ALL, ANY = "all", "any"
MOST_GROUPS = 6
MOST_ROWS = 10
WHEN = ("date", "datetime")


class Term(msgspec.Struct, frozen=True):
    """One row: a field, how it is compared, and the texts that it is compared with."""

    field: str = ""
    op: str = ""
    texts: tuple[str, ...] = ()


class Group(msgspec.Struct, frozen=True):
    """Rows of which all must hold, or any."""

    word: str = ALL
    terms: tuple[Term, ...] = (Term(),)


class Built(msgspec.Struct, frozen=True):
    """The whole form: groups of which all must hold, or any."""

    word: str = ALL
    groups: tuple[Group, ...] = (Group(),)


def filterable(ctx: Context, entity: Declaration) -> dict[str, Field]:
    """Return the fields that the caller may compare, by name."""
    visible = ctx.rights.visible(entity.name)
    return {
        f.name: f
        for f in entity.fields.values()
        if f.filter and f.stored and f.name in visible and f.name != "id" and f.kind != "json"
    }


def read_built(form: Form, fields: Mapping[str, Field]) -> Built:
    """Return what the form says, as far as it makes sense."""
    groups = []
    for g in range(MOST_GROUPS):
        if f"w{g}" not in form:
            break
        terms = []
        for r in range(MOST_ROWS):
            if f"f{g}.{r}" not in form:
                break
            terms.append(_read_term(form, f"{g}.{r}", fields))
        groups.append(Group(_word(form.get(f"w{g}")), tuple(terms) or (Term(),)))
    return Built(_word(form.get("j")), tuple(groups) or (Group(),))


def _word(text: str) -> str:
    return ANY if text == ANY else ALL


def _read_term(form: Form, place: str, fields: Mapping[str, Field]) -> Term:
    field = fields.get(form.get(f"f{place}"))
    if field is None:
        return Term()
    op = form.get(f"o{place}")
    if op not in OPERATORS[field.kind]:
        op = OPERATORS[field.kind][0]
    if op == "between":
        return Term(field.name, op, (form.get(f"v{place}"), form.get(f"x{place}")))
    return Term(field.name, op, tuple(t for t in form.getall(f"v{place}") if t))


def changed(built: Built, deed: str) -> Built:
    """Return the form after a button: a row or a group more, or one less."""
    name, _, place = deed.partition(":")
    group, _, row = place.partition(".")
    if name == "group" and len(built.groups) < MOST_GROUPS:
        return msgspec.structs.replace(built, groups=(*built.groups, Group()))
    if not group.isdigit() or int(group) >= len(built.groups):
        return built
    at, groups = int(group), list(built.groups)
    terms = groups[at].terms
    if name == "add" and len(terms) < MOST_ROWS:
        groups[at] = msgspec.structs.replace(groups[at], terms=(*terms, Term()))
    elif name == "drop" and row.isdigit():
        rest = tuple(t for i, t in enumerate(terms) if i != int(row))
        groups[at] = msgspec.structs.replace(groups[at], terms=rest)
        groups = [g for g in groups if g.terms]
    return msgspec.structs.replace(built, groups=tuple(groups) or (Group(),))


def tree_of(built: Built, fields: Mapping[str, Field], controls: Controls) -> Any:
    """Return the criteria of the form, None when it asks for nothing.

    Refuses a row without a value, beside that row.
    """
    found, errors = list[Any](), list[FieldError]()
    for g, group in enumerate(built.groups):
        parts = []
        for r, term in enumerate(group.terms):
            if term.field:
                value = _value(term, fields[term.field], controls)
                if value in (None, [], ""):
                    errors.append(
                        FieldError(f"#/v{g}.{r}", controls.say("Fill in a value."), "required")
                    )
                parts.append({"field": term.field, "op": term.op, "value": value})
        if parts:
            found.append((group.word, parts))
    if errors:
        raise Invalid.fields(errors)
    if not found:
        return None
    if len(found) == 1:
        return {found[0][0]: found[0][1]}
    return {built.word: [{word: parts} for word, parts in found]}


def _value(term: Term, field: Field, controls: Controls) -> Any:
    """Return what a row compares with, as criteria take it."""
    texts = term.texts
    if term.op == "is_empty":
        return texts[:1] != ("false",)
    if term.op in ("in", "not_in"):
        parts = texts if field.choices or field.dictionary else ",".join(texts).split(",")
        return [_one(field, part.strip(), controls) for part in parts if part.strip()]
    if term.op == "between":
        return [_one(field, text, controls) for text in texts[:2]] if all(texts[:2]) else None
    text = texts[0] if texts else ""
    return text if term.op in ("contains", "starts_with") else _one(field, text, controls)


def _one(field: Field, text: str, controls: Controls) -> Any:
    if field.kind == "boolean":
        return {"true": True, "false": False}.get(text)
    if field.kind == "datetime":
        return text
    return controls.read(field, text)


def built_of(tree: Any, fields: Mapping[str, Field], controls: Controls) -> Built | None:
    """Return the form that means a tree; None for one that it cannot show."""
    if tree is None:
        return Built()
    try:
        word, parts = _members(tree)
        groups = [_group(part, fields, controls) for part in parts if "field" not in part]
        loose = tuple(_term(part, fields, controls) for part in parts if "field" in part)
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
    if not groups:
        return Built(ALL, (Group(word, loose),))
    if loose and word == ANY:
        groups = [*(Group(ALL, (term,)) for term in loose), *groups]
    elif loose:
        groups = [Group(ALL, loose), *groups]
    return Built(word, tuple(groups))


def _members(tree: Mapping[str, Any]) -> tuple[str, list[Any]]:
    if "field" in tree:
        return ALL, [tree]
    ((word, parts),) = tree.items()
    if word not in (ALL, ANY):
        raise ValueError(word)
    return word, list(parts)


def _group(tree: Any, fields: Mapping[str, Field], controls: Controls) -> Group:
    word, parts = _members(tree)
    return Group(word, tuple(_term(part, fields, controls) for part in parts))


def _term(tree: Mapping[str, Any], fields: Mapping[str, Field], controls: Controls) -> Term:
    field, op, value = fields[tree["field"]], tree["op"], tree["value"]
    values: Iterable[Any] = value if isinstance(value, list) else [value]

    def text(one: Any) -> str:
        if isinstance(one, bool):
            return "true" if one else "false"
        return str(one) if field.kind in WHEN else controls.text(field, one)

    return Term(field.name, op, tuple(text(one) for one in values))
