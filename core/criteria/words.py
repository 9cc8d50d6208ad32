"""Criteria in an English sentence, with the labels that people know."""

from collections.abc import Mapping
from typing import Any

from core.criteria.check import Checked
from core.model import relative_dates
from core.model.entities import Declaration
from core.model.fields import Field

_SHOWN = 5
_PHRASES = {
    "=": "is",
    "!=": "is not",
    "<": "is less than",
    "<=": "is at most",
    ">": "is more than",
    ">=": "is at least",
    "in": "is",
    "not_in": "is not",
    "contains": "contains",
    "starts_with": "starts with",
}
_DATES = {
    "<": "is before",
    "<=": "is on or before",
    ">": "is after",
    ">=": "is on or after",
}


def explain(
    criteria: Checked | Mapping[str, Any],
    entity: Declaration,
    entities: Mapping[str, Declaration],
) -> str:
    """Return checked criteria as one sentence: ``Points is at least 500 and City is Jakarta``."""
    tree = criteria.tree if isinstance(criteria, Checked) else criteria
    return _sentence(tree, entity, entities, inner=False)


def _sentence(
    tree: Mapping[str, Any],
    entity: Declaration,
    entities: Mapping[str, Declaration],
    *,
    inner: bool,
) -> str:
    if "field" in tree:
        return _term(tree, entity, entities)
    if "not" in tree:
        return f"not ({_sentence(tree['not'], entity, entities, inner=False)})"
    word = "all" if "all" in tree else "any"
    items = tree[word]
    if not items:
        return "every record" if word == "all" else "no record"
    parts = [_sentence(item, entity, entities, inner=len(items) > 1) for item in items]
    joined = (" and " if word == "all" else " or ").join(parts)
    return f"({joined})" if inner and len(parts) > 1 else joined


def _term(tree: Mapping[str, Any], entity: Declaration, entities: Mapping[str, Declaration]) -> str:
    field, label = _named(tree["field"], entity, entities)
    op, value = tree["op"], tree["value"]
    if op == "is_empty":
        return f"{label} is {'empty' if value else 'not empty'}"
    if op == "between":
        return f"{label} is between {_describe(field, value[0])} and {_describe(field, value[1])}"
    phrases = _PHRASES | _DATES if field and field.kind in ("date", "datetime") else _PHRASES
    if op in ("in", "not_in"):
        return f"{label} {phrases[op]} {_list([_describe(field, item) for item in value])}"
    return f"{label} {phrases[op]} {_describe(field, value)}"


def _named(
    name: str, entity: Declaration, entities: Mapping[str, Declaration]
) -> tuple[Field | None, str]:
    """Return the field at the end of ``name`` and the labels on the way to it."""
    labels: list[str] = []
    field: Field | None = None
    here: Declaration | None = entity
    for word in name.split("."):
        field = here.field(word) if here else None
        labels.append(field.label if field else word)
        here = entities.get(field.target) if field and isinstance(field.target, str) else None
    return field, "'s ".join(labels)


def _describe(field: Field | None, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field and field.kind in ("date", "datetime") and isinstance(value, str):
        return relative_dates.describe(value)
    labels = dict(field.choices) if field else {}
    return labels.get(value, str(value)) if isinstance(value, str) else str(value)


def _list(words: list[str]) -> str:
    if not words:
        return "one of nothing"
    if len(words) > _SHOWN:
        return f"one of {', '.join(words[:_SHOWN])} and {len(words) - _SHOWN} more"
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
