"""Reading criteria from people: every problem is listed, nothing unchecked gets through."""

from collections.abc import Mapping
from itertools import count
from typing import Any, Literal

import msgspec

from core.criteria.names import Sight, Subject, resolve, shown
from core.criteria.sql import Group, Leaf, Shape, render
from core.criteria.terms import leaf
from core.errors import FieldError, Invalid
from core.model.conversion import Terms, WrongValue
from core.model.entities import Declaration

DEEPEST = 5
MOST_TERMS = 30
MOST_ERRORS = 50
_GROUPS: tuple[Literal["all", "any", "not"], ...] = ("all", "any", "not")
_TERM = ("field", "op", "value")


class Checked(msgspec.Struct, frozen=True):
    """Criteria that may run: equal shapes give equal SQL, ``values`` fill its placeholders."""

    shape: Shape
    values: list[Any]
    tree: Any

    def sql(self, alias: str, first: int) -> str:
        """Return the condition on the rows of ``alias``; placeholders count from ``first``.

        ``$1`` is the tenant. Aliases ``k1`` and ``k2`` belong to the condition.
        """
        return render(self.shape, alias, count(first))


def parse_and_check(
    tree: Any,
    entity: Declaration,
    entities: Mapping[str, Declaration],
    rights: Sight,
    terms: Terms,
    *,
    trusted: bool = False,
) -> Checked:
    """Return ``tree`` checked for this principal, or refuse with ``Invalid`` and every problem."""
    reading = _Reading(Subject(entity, entities, rights, terms, trusted))
    shape = reading.node(tree, "#", 1)
    if shape is None or reading.errors:
        raise Invalid.fields(reading.errors)
    return Checked(shape, reading.values, tree)


class _Reading:
    """One pass over a tree: what was found wrong, and the values in order."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.errors: list[FieldError] = []
        self.values: list[Any] = []
        self.terms = 0
        self.groups = 0

    def complain(self, pointer: str, detail: str, code: str, allowed: tuple[str, ...] = ()) -> None:
        if len(self.errors) < MOST_ERRORS:
            self.errors.append(FieldError(pointer, detail, code, allowed))

    def node(self, tree: Any, pointer: str, depth: int) -> Shape | None:
        if not isinstance(tree, Mapping):
            self.complain(pointer, "Criteria are objects.", "type", (*_GROUPS, "field"))
            return None
        if "field" in tree or not tree.keys() & set(_GROUPS):
            return self._term(tree, pointer)
        return self._group(tree, pointer, depth)

    def _group(self, tree: Mapping[str, Any], pointer: str, depth: int) -> Shape | None:
        self.groups += 1
        if depth > DEEPEST or self.groups > MOST_TERMS:
            detail = f"Criteria have at most {DEEPEST} levels and {MOST_TERMS} groups."
            self.complain(pointer, detail, "too_deep")
            return None
        if len(tree) != 1:
            self.complain(pointer, "A group has one word: all, any or not.", "keys", _GROUPS)
            return None
        word = next(name for name in _GROUPS if name in tree)
        if word == "not":
            inner = self.node(tree["not"], f"{pointer}/not", depth + 1)
            return None if inner is None else Group("not", (inner,))
        return self._members(word, tree[word], f"{pointer}/{word}", depth)

    def _members(
        self, word: Literal["all", "any"], items: Any, pointer: str, depth: int
    ) -> Shape | None:
        if not isinstance(items, list | tuple):
            self.complain(pointer, f"{word} takes a list of criteria.", "type")
            return None
        if len(items) > MOST_TERMS:
            self.complain(pointer, f"At most {MOST_TERMS} terms are allowed.", "too_many")
            return None
        parts = [self.node(item, f"{pointer}/{n}", depth + 1) for n, item in enumerate(items)]
        return Group(word, tuple(part for part in parts if part is not None))

    def _term(self, tree: Mapping[str, Any], pointer: str) -> Leaf | None:
        self.terms += 1
        if self.terms > MOST_TERMS:
            if self.terms == MOST_TERMS + 1:
                self.complain(pointer, f"At most {MOST_TERMS} terms are allowed.", "too_many")
            return None
        for name in sorted(tree.keys() - set(_TERM), key=str):
            detail = f"{shown(name)} is not a word of criteria."
            self.complain(pointer, detail, "unknown_key", (*_GROUPS, *_TERM))
        missing = [name for name in _TERM if name not in tree]
        for name in missing:
            self.complain(f"{pointer}/{name}", f"{name} is required.", "required")
        return None if missing else self._comparison(tree, pointer)

    def _comparison(self, tree: Mapping[str, Any], pointer: str) -> Leaf | None:
        for name in ("field", "op"):
            if not isinstance(tree[name], str):
                self.complain(f"{pointer}/{name}", f"{name} must be text.", "type")
                return None
        try:
            target = resolve(self.subject, tree["field"])
        except WrongValue as wrong:
            self.complain(f"{pointer}/field", wrong.detail, wrong.code, wrong.allowed)
            return None
        made = leaf(
            target,
            tree["op"],
            tree["value"],
            self.subject.terms,
            lambda where, wrong: self.complain(
                pointer + where, wrong.detail, wrong.code, wrong.allowed
            ),
        )
        if made is None:
            return None
        self.values.extend(made[1])
        return made[0]
