"""Converting one JSON value to what asyncpg takes and back, per kind of field."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from core.model import relative_dates
from core.model.currencies import digits
from core.model.fields import Field
from core.model.parsing import NUMBER, READ, Terms, WrongValue, plain_text, read_date, read_datetime
from core.model.types import INT4

__all__ = [
    "Terms",
    "WrongValue",
    "amount",
    "digits",
    "from_database",
    "from_text",
    "missing",
    "operand",
    "plain_text",
    "to_database",
]
_INTEGER = re.compile(r"-?\d{1,19}", re.ASCII)
_WORDS = {"true": True, "1": True, "false": False, "0": False}


def missing(field: Field) -> WrongValue:
    """Return the refusal of a body that lacks a required field."""
    return WrongValue(f"{field.label} is required", "required")


def to_database(field: Field, value: Any, terms: Terms, currency: str | None = None) -> Any:
    """Return ``value`` as the driver takes it, within the bounds and validators of the field.

    ``currency`` is the code beside an amount; the tenant's when not given. Refuses with
    ``WrongValue``.
    """
    converted = None if value is None else READ[field.kind](field, value, terms, currency)
    if converted is None:
        if field.nullable:
            return None
        raise WrongValue(f"{field.label} is required", "null" if value is None else "required")
    _fit(field, converted)
    try:
        for validator in field.validators:
            converted = validator(converted)
    except ValueError as wrong:
        raise WrongValue(str(wrong), "invalid") from wrong
    return converted


def operand(field: Field, value: Any, terms: Terms, currency: str | None = None) -> Any:
    """Return ``value`` as the driver takes it for a comparison with the field.

    Its form is checked, its bounds are not: one may ask for more than a field can hold. Dates may
    be relative; a day compared with a time comes back as a ``date``.
    """
    if value is None:
        raise WrongValue(f"{field.label} cannot be compared with null; use is_empty.", "null")
    if field.kind in ("date", "datetime"):
        return _when(field, value, terms)
    if field.kind == "email":
        return plain_text(field.label, value).lower()
    converted = READ[field.kind](field, value, terms, currency)
    if converted is None:
        raise WrongValue(f"{field.label} cannot be compared with nothing; use is_empty.", "null")
    return converted


def from_database(field: Field) -> Callable[[Any, Any], Any] | None:
    """Return what turns (driver's value, currency) into a JSON value; None when nothing must."""
    if field.kind == "money":
        return lambda value, currency: None if value is None else amount(value, currency)
    if field.kind == "decimal":
        scale = field.scale
        return lambda value, _: None if value is None else _scaled(value, scale)
    return None


def amount(value: int, currency: str) -> str:
    """Return an amount, stored in the smallest unit of its currency, as it stands in JSON."""
    return _scaled(value, digits(currency))


def from_text(field: Field, text: str, op: str, terms: Terms) -> Any:
    """Return the JSON value that ``text`` of a query string stands for with ``op``.

    The result is checked as the operator will check it: ``WrongValue`` or good.
    """
    if op == "is_empty":
        return _word(field, text)
    if op in ("in", "not_in", "between"):
        return [from_text(field, part, "=", terms) for part in text.split(",")]
    if op in ("contains", "starts_with"):
        return plain_text(field.label, text)
    value: Any = text
    if field.kind == "boolean":
        value = _word(field, text)
    elif field.kind == "integer":
        value = int(text) if _INTEGER.fullmatch(text) else text
    elif field.kind == "number":
        value = float(text) if NUMBER.fullmatch(text) else text
    operand(field, value, terms)
    return value


def _fit(field: Field, value: Any) -> None:
    """Refuse a converted value outside what the field may store."""
    if isinstance(value, str):
        if field.required and not value.strip():
            raise missing(field)
        if field.max_length is not None and field.kind != "json" and len(value) > field.max_length:
            raise WrongValue(
                f"{field.label} has more than {field.max_length} characters.", "max_length"
            )
        return
    if field.kind not in ("integer", "decimal", "number"):
        return
    unit = 10**field.scale if field.kind == "decimal" else 1
    least, most = INT4 if field.kind == "integer" else (None, None)
    least = least if field.minimum is None else field.minimum
    most = most if field.maximum is None else field.maximum
    if least is not None and value < least * unit:
        raise WrongValue(f"{field.label} must be at least {least}.", "minimum")
    if most is not None and value > most * unit:
        raise WrongValue(f"{field.label} must be at most {most}.", "maximum")


def _when(field: Field, value: Any, terms: Terms) -> date | datetime:
    """Read an absolute or relative day or instant; a date field always gets a day."""
    timezone = relative_dates.zone(terms.timezone)
    try:
        found = relative_dates.resolve_date(value, timezone) if isinstance(value, str) else None
        if found is None:
            day = isinstance(value, str) and len(value) == len("2025-12-31")
            read = read_date if day or field.kind == "date" else read_datetime
            found = read(field, value, terms)
        if isinstance(found, datetime):
            return found.astimezone(timezone).date() if field.kind == "date" else found
        if field.kind == "datetime":  # both ends of the day are instants
            relative_dates.start_of_day(found, timezone)
            relative_dates.start_of_day(found + timedelta(days=1), timezone)
    except (OverflowError, ValueError) as wrong:
        raise WrongValue(f"{field.label}: the calendar ends there.", "range") from wrong
    return found


def _word(field: Field, text: str) -> bool:
    if text.lower() not in _WORDS:
        raise WrongValue(f"{field.label} must be true or false.", "type", tuple(_WORDS))
    return _WORDS[text.lower()]


def _scaled(value: int, scale: int) -> str:
    return format(Decimal(value).scaleb(-scale), "f")
