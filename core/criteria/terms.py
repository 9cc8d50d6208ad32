"""One comparison of criteria: which form of SQL it takes and which values are bound to it."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from core.criteria.names import OPERATORS, FieldPath, shown
from core.criteria.sql import TYPES, Leaf
from core.model import relative_dates
from core.model.conversion import Terms, WrongValue, operand, plain_text
from core.model.fields import Field

MOST_VALUES = 1000
LONGEST_TEXT = 1000
_TEXTS = ("text", "long_text", "email", "phone", "currency", "choice")
# Stored in one way of writing, so that nothing needs to be folded row by row.
_CANONICAL = ("email", "phone")
_POSITIVE = {"!=": "=", "not_in": "in", "outside": "during"}
_NOTHING = {"tags": "no_tags", "json": "no_keys"} | dict.fromkeys(_TEXTS, "blank")
Complain = Callable[[str, WrongValue], None]


def leaf(
    target: FieldPath, op: str, value: Any, terms: Terms, complain: Complain
) -> tuple[Leaf, list[Any]] | None:
    """Return the shape of one comparison and its bound values.

    ``complain`` gets each problem with its place below the term, such as ``/value/3``; then the
    result is None.
    """
    field = target.field
    allowed = OPERATORS[field.kind]
    if op not in allowed:
        detail = f"{field.label} cannot be compared with {shown(op)}."
        complain("/op", WrongValue(detail, "unknown_operator", allowed))
        return None
    values = _values(field, op, value, terms, complain)
    if values is None:
        return None
    if op == "is_empty":
        form = _NOTHING.get(field.kind, "null")
        return _leaf(target, form, not value), []
    if field.kind == "datetime":
        op, values = _whole_days(op, values, terms)
    if op in ("in", "not_in"):
        values = [values]
    return _leaf(target, _POSITIVE.get(op, op), op in _POSITIVE), values


def _leaf(target: FieldPath, form: str, negated: bool) -> Leaf:
    field, column = target.field, target.field.name
    if field.kind == "tags" and form == "contains":
        form = "tagged"
    elif form in ("contains", "starts_with") and field.has_key:
        form, column = f"key_{form}", field.sort_column
    elif form in ("contains", "starts_with") and field.kind in _CANONICAL:
        form = f"plain_{form}"
    return Leaf(form, column, TYPES[field.kind], negated, target.steps)


def _values(
    field: Field, op: str, value: Any, terms: Terms, complain: Complain
) -> list[Any] | None:
    if op in ("in", "not_in", "between"):
        return _several(field, op, value, terms, complain)
    try:
        return [_one(field, op, value, terms)]
    except WrongValue as wrong:
        complain("/value", wrong)
        return None


def _several(
    field: Field, op: str, value: Any, terms: Terms, complain: Complain
) -> list[Any] | None:
    if not isinstance(value, list | tuple):
        complain("/value", WrongValue(f"{op} takes a list of values.", "type"))
        return None
    if op == "between" and len(value) != 2:
        complain("/value", WrongValue("between takes two values.", "count"))
        return None
    if len(value) > MOST_VALUES:
        complain("/value", WrongValue(f"{op} takes at most {MOST_VALUES} values.", "too_many"))
        return None
    found = []
    for position, item in enumerate(value):
        try:
            found.append(_one(field, op, item, terms))
        except WrongValue as wrong:
            complain(f"/value/{position}", wrong)
    return found if len(found) == len(value) else None


def _one(field: Field, op: str, value: Any, terms: Terms) -> Any:
    if op == "is_empty":
        if not isinstance(value, bool):
            raise WrongValue("is_empty takes true or false.", "type", ("true", "false"))
        return value
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise WrongValue(f"A value has at most {LONGEST_TEXT} characters.", "max_length")
    if op in ("contains", "starts_with"):
        if not plain_text(field.label, value):
            raise WrongValue(f"{op} needs at least one character.", "blank")
        return value
    return operand(field, value, terms)


def _whole_days(op: str, values: list[Any], terms: Terms) -> tuple[str, list[Any]]:
    """Compare times with days as people mean it: up to a day includes the day."""
    days = [not isinstance(value, datetime) for value in values]
    if not any(days):
        return op, values
    timezone = relative_dates.zone(terms.timezone)

    def begin(position: int) -> datetime:
        value: date | datetime = values[position]
        return (
            value if isinstance(value, datetime) else relative_dates.start_of_day(value, timezone)
        )

    def end(position: int) -> datetime:
        return relative_dates.start_of_day(values[position] + timedelta(days=1), timezone)

    if op == "between":
        return ("during", [begin(0), end(1)]) if days[1] else (op, [begin(0), begin(1)])
    if op in ("=", "!="):
        return ("during" if op == "=" else "outside"), [begin(0), end(0)]
    if op in ("<", ">="):
        return op, [begin(0)]
    return ("<" if op == "<=" else ">="), [end(0)]
