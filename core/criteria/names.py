"""From a name in criteria to a field that this principal may compare, also over links."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from core.criteria.sql import Step
from core.model.conversion import Terms, WrongValue
from core.model.entities import Declaration
from core.model.fields import Field

MOST_LINKS = 2
_SHOWN = 60

_SAME = ("=", "!=", "in", "not_in", "is_empty")
_ORDER = ("<", "<=", ">", ">=", "between")
_WORDS = (*_SAME, "contains", "starts_with")
OPERATORS: dict[str, tuple[str, ...]] = {
    "text": _WORDS,
    "long_text": _WORDS,
    "email": _WORDS,
    "phone": _WORDS,
    "integer": (*_SAME, *_ORDER),
    "decimal": (*_SAME, *_ORDER),
    "number": (*_SAME, *_ORDER),
    "money": (*_SAME, *_ORDER),
    "date": (*_SAME, *_ORDER),
    "datetime": ("=", "!=", "is_empty", *_ORDER),
    "boolean": ("=", "!=", "is_empty"),
    "currency": _SAME,
    "choice": _SAME,
    "link": _SAME,
    "tags": ("contains", "is_empty"),
    "json": ("is_empty",),
}


class Sight(Protocol):
    """What criteria ask of a principal's rights."""

    def may(self, entity: str, action: str) -> bool: ...

    def visible(self, entity: str) -> frozenset[str]: ...

    def predicate(self, entity: Declaration, action: str, alias: str) -> str: ...


class Subject(msgspec.Struct, frozen=True):
    """What criteria are about: the entity, its neighbours, and who asks.

    ``trusted`` criteria are written in code and may use fields that are not declared as filters.
    """

    entity: Declaration
    entities: Mapping[str, Declaration]
    rights: Sight
    terms: Terms
    trusted: bool = False


class FieldPath(msgspec.Struct, frozen=True):
    """The field that a dotted name leads to, and the links on the way."""

    field: Field
    steps: tuple[Step, ...] = ()


def shown(text: object) -> str:
    """Return a bounded, printable form of what somebody sent."""
    given = text if isinstance(text, str) else type(text).__name__
    return ascii(given[:_SHOWN] + "…" if len(given) > _SHOWN else given)


def resolve(subject: Subject, name: str) -> FieldPath:
    """Return the path of ``name``; refuses with the names that are allowed.

    A field that may not be read is refused in the very words of one that does not exist.
    """
    *links, last = name.split(".")
    if len(links) > MOST_LINKS:
        raise WrongValue(f"{shown(name)} goes over more than {MOST_LINKS} links.", "too_deep")
    entity, steps = subject.entity, list[Step]()
    for position, word in enumerate(links, start=1):
        field = _usable(subject, entity, word)
        target = None if field is None else _target(subject, field)
        if field is None or target is None:
            raise _unknown(subject, entity, name, links[: position - 1])
        entity = target
        verb = "view" if subject.rights.may(entity.name, "view") else "list"
        predicate = subject.rights.predicate(entity, verb, f"k{position}")
        steps.append(Step(field.name, entity.table, predicate))
    found = _usable(subject, entity, last)
    if found is None:
        raise _unknown(subject, entity, name, links)
    return FieldPath(found, tuple(steps))


def filters(subject: Subject, entity: Declaration) -> list[str]:
    """Return the names of the fields of ``entity`` that may be compared, sorted."""
    visible = subject.rights.visible(entity.name)
    return sorted(f.name for f in entity.fields.values() if _may(subject, f, visible))


def _may(subject: Subject, field: Field, visible: frozenset[str]) -> bool:
    declared = field.filter or subject.trusted or field.name == "id"
    return declared and field.stored and field.name in visible


def _usable(subject: Subject, entity: Declaration, name: str) -> Field | None:
    field = entity.field(name)
    if field is None or not _may(subject, field, subject.rights.visible(entity.name)):
        return None
    return field


def _target(subject: Subject, field: Field) -> Declaration | None:
    """Return the entity behind a link when the principal may see some of its records."""
    target = subject.entities.get(field.target) if isinstance(field.target, str) else None
    if field.kind != "link" or target is None:
        return None
    may = subject.rights.may
    return target if may(target.name, "view") or may(target.name, "list") else None


def _unknown(subject: Subject, entity: Declaration, name: str, links: list[str]) -> WrongValue:
    way = "".join(f"{word}." for word in links)
    allowed = tuple(way + found for found in filters(subject, entity))
    return WrongValue(f"There is no field {shown(name)} to filter by.", "unknown_field", allowed)
