"""Criteria out of query parameters: ``city=Jakarta``, ``points__gte=500``, ``city__in=a,b``."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.criteria.names import OPERATORS, FieldPath, Sight, Subject, filters, resolve, shown
from core.criteria.terms import LONGEST_TEXT, MOST_VALUES
from core.errors import FieldError, Invalid
from core.model.conversion import Terms, WrongValue, from_text
from core.model.entities import Declaration

SUFFIXES: dict[str, str] = {
    "in": "in",
    "gte": ">=",
    "lte": "<=",
    "gt": ">",
    "lt": "<",
    "isnull": "is_empty",
    "icontains": "contains",
    "startswith": "starts_with",
    "ne": "!=",
}
_WORDS = {op: f"__{suffix}" for suffix, op in SUFFIXES.items()} | {"=": "="}


def from_parameters(
    pairs: Sequence[tuple[str, str]],
    entity: Declaration,
    entities: Mapping[str, Declaration],
    rights: Sight,
    terms: Terms,
) -> dict[str, Any]:
    """Return the criteria that all of ``pairs`` state, or refuse with every wrong parameter.

    Nothing is ever ignored: a mistyped parameter must not return everything.
    """
    subject = Subject(entity, entities, rights, terms)
    found: list[dict[str, Any]] = []
    errors: list[FieldError] = []
    seen: set[str] = set()
    for name, text in pairs:
        try:
            found.append(_term(subject, name, text, name in seen))
        except WrongValue as wrong:
            errors.append(FieldError(_pointer(name), wrong.detail, wrong.code, wrong.allowed))
        seen.add(name)
    if errors:
        raise Invalid.fields(errors)
    return {"all": found}


def _pointer(name: str) -> str:
    # As it stands when it is plain; a name that cannot be printed or sent is shown escaped.
    return f"?{name}" if name.isascii() and name.isprintable() else f"?{shown(name)}"


def _term(subject: Subject, name: str, text: str, repeated: bool) -> dict[str, Any]:
    plain, _, suffix = name.rpartition("__")
    op = SUFFIXES.get(suffix) if plain else None
    target = _resolve_parameter(subject, name, name if op is None else plain)
    op = op or ("contains" if target.field.kind == "tags" else "=")
    if op not in OPERATORS[target.field.kind]:
        allowed = tuple(_WORDS[o] for o in OPERATORS[target.field.kind] if o in _WORDS)
        detail = f"{target.field.label} does not have the filter {shown(name)}."
        raise WrongValue(detail, "unknown_operator", allowed)
    if repeated:
        detail = f"{shown(name)} is given twice; name several values with __in, comma-separated."
        raise WrongValue(detail, "repeated_parameter")
    return {"field": plain if suffix in SUFFIXES and plain else name, "op": op} | {
        "value": _value(target, text, op, subject.terms)
    }


def _resolve_parameter(subject: Subject, name: str, field: str) -> FieldPath:
    try:
        return resolve(subject, field)
    except WrongValue as wrong:
        detail = f"There is no parameter {shown(name)}."
        allowed = wrong.allowed or tuple(filters(subject, subject.entity))
        raise WrongValue(detail, "unknown_parameter", allowed) from wrong


def _value(target: FieldPath, text: str, op: str, terms: Terms) -> Any:
    most = LONGEST_TEXT * (MOST_VALUES if op == "in" else 1)
    if len(text) > most or text.count(",") >= MOST_VALUES:
        raise WrongValue(f"{target.field.label}: that is too long.", "too_many")
    if op in ("contains", "starts_with") and not text:
        raise WrongValue(f"{target.field.label}: the filter is empty.", "blank")
    return from_text(target.field, text, op, terms)
