"""Reading one JSON value as a field's kind wants it, whatever its bounds."""

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Context, Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
import phonenumbers
from email_validator import EmailNotValidError, ValidatedEmail, validate_email
from email_validator.rfc_constants import DOT_ATOM_TEXT as _NAME

from core.model import relative_dates
from core.model.currencies import digits, known_currencies
from core.model.fields import Field
from core.model.types import INT8

MOST_TAGS = 50
TAG_LENGTH = 50
JSON_DEPTH = 32
JSON_BYTES = 16 * 1024
# Anything longer than an address or a number can be is refused before a library parses it.
_LONGEST = {"email": 254, "phone": 40, "money": 40, "decimal": 40}
NUMBER = re.compile(r"[+-]?\d{1,25}(\.\d{1,25})?", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
# Domains in ASCII whose labels encode nothing else.
_DOMAIN = re.compile(r"(?!.*xn--)[a-z0-9.-]+", re.ASCII | re.IGNORECASE)
_EXACT = Context(prec=100)


class WrongValue(Exception):
    """A value that the field does not take; ``detail`` is a sentence for people."""

    def __init__(self, detail: str, code: str, allowed: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code
        self.allowed = allowed


class Terms(msgspec.Struct, frozen=True):
    """What of a tenant a conversion needs; ``choices`` gives the codes of a dictionary."""

    region: str
    currency: str
    timezone: str
    choices: Callable[[str], tuple[str, ...]]


def plain_text(label: str, value: Any) -> str:
    """Return ``value`` when it is text that the database can hold."""
    if not isinstance(value, str):
        raise WrongValue(f"{label} must be text.", "type")
    if "\0" in value:
        raise WrongValue(f"{label} contains a character that cannot be stored.", "characters")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as wrong:
            raise WrongValue(
                f"{label} contains a character that cannot be stored.", "characters"
            ) from wrong
    return value


def _short(field: Field, value: str) -> str:
    """Bound what a parser gets to see."""
    if len(value) > _LONGEST[field.kind]:
        raise WrongValue(f"{field.label} is too long.", "max_length")
    return value


def _text(field: Field, value: Any, *_: Any) -> str:
    return plain_text(field.label, value)


def _email(field: Field, value: Any, *_: Any) -> str | None:
    given = _short(field, plain_text(field.label, value).strip())
    if not given and field.nullable:
        return None
    name, at, domain = given.rpartition("@")
    try:
        # What stands before a plain domain is the library's own pattern, and domains repeat: looked
        # at whole, each address of an import would take as long as the rest of its row.
        if at and _NAME.fullmatch(name) and _DOMAIN.fullmatch(domain):
            return f"{name}@{_domain(domain)}".lower()
        return _address(given).normalized.lower()
    except EmailNotValidError as wrong:
        raise WrongValue(f"{field.label} must be a valid e-mail address.", "email") from wrong


def _address(text: str) -> ValidatedEmail:
    # test_environment lets .test addresses pass; nothing is sent to find out.
    return validate_email(text, check_deliverability=False, test_environment=True)


@lru_cache(4096)
def _domain(text: str) -> str:
    return _address(f"a@{text}").domain


def _phone(field: Field, value: Any, terms: Terms, *_: Any) -> str | None:
    given = _short(field, plain_text(field.label, value).strip())
    if not given and field.nullable:
        return None
    try:
        found = phonenumbers.parse(given, terms.region)
    except phonenumbers.NumberParseException:
        found = None
    # "Possible" and not "valid": numbering plans grow faster than the library's tables.
    if found is None or found.extension or not phonenumbers.is_possible_number(found):
        raise WrongValue(
            f"{field.label} must be a telephone number of region {terms.region},"
            " or an international one that begins with +.",
            "phone",
        )
    return phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)


def _integer(field: Field, value: Any, *_: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise WrongValue(f"{field.label} must be a whole number.", "type")
    if not INT8[0] <= value <= INT8[1]:
        raise WrongValue(f"{field.label} is out of range.", "range")
    return value


def _decimal(field: Field, value: Any, *_: Any) -> int:
    return _units(field, value, field.scale)


def _money(field: Field, value: Any, terms: Terms, currency: str | None) -> int:
    return _units(field, value, digits(currency or terms.currency))


def _units(field: Field, value: Any, scale: int) -> int:
    """Return a number times ten to the ``scale``, exactly, within int8."""
    number = _number_of(field, value)
    if not -INT8[1] <= number <= INT8[1]:
        raise WrongValue(f"{field.label} is out of range.", "range")
    exact = _EXACT.scaleb(number, scale)
    units = int(exact)
    if units != exact:
        raise WrongValue(f"{field.label} may have at most {scale} decimals.", "decimals")
    if abs(units) > INT8[1]:
        raise WrongValue(f"{field.label} is out of range.", "range")
    return units


def _number_of(field: Field, value: Any) -> Decimal:
    if isinstance(value, str):
        if len(value) <= _LONGEST["decimal"] and NUMBER.fullmatch(value):
            return Decimal(value)
    elif isinstance(value, float) and math.isfinite(value):
        return Decimal(repr(value))
    elif isinstance(value, int) and not isinstance(value, bool):
        return Decimal(_integer(field, value))
    elif isinstance(value, Decimal) and value.is_finite():
        return value
    raise WrongValue(f"{field.label} must be a number, such as 12.50.", "type")


def _number(field: Field, value: Any, *_: Any) -> float:
    if isinstance(value, int) and not isinstance(value, bool):
        return float(_integer(field, value))
    if not isinstance(value, float) or not math.isfinite(value):
        raise WrongValue(f"{field.label} must be a number.", "type")
    return value


def _boolean(field: Field, value: Any, *_: Any) -> bool:
    if not isinstance(value, bool):
        raise WrongValue(f"{field.label} must be true or false.", "type", ("true", "false"))
    return value


def read_date(field: Field, value: Any, *_: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return msgspec.convert(value, date)
    except (msgspec.ValidationError, UnicodeEncodeError) as wrong:
        raise WrongValue(f"{field.label} must be a date, such as 2025-12-31.", "date") from wrong


def read_datetime(field: Field, value: Any, terms: Terms, *_: Any) -> datetime:
    try:
        found = value if isinstance(value, datetime) else msgspec.convert(value, datetime)
        if found.tzinfo is None:
            found = found.replace(tzinfo=relative_dates.zone(terms.timezone))
        return found.astimezone(UTC)
    except (msgspec.ValidationError, OverflowError, ValueError) as wrong:
        raise WrongValue(
            f"{field.label} must be a date and time, such as 2025-12-31T23:59:00Z.", "datetime"
        ) from wrong


def _currency(field: Field, value: Any, *_: Any) -> str:
    code = plain_text(field.label, value).upper()
    if code not in known_currencies():
        raise WrongValue(f"{field.label} must be an ISO 4217 code, such as USD.", "currency")
    return code


def _choice(field: Field, value: Any, terms: Terms, *_: Any) -> str | None:
    given = plain_text(field.label, value)
    allowed = tuple(code for code, _ in field.choices)
    if field.dictionary is not None:
        allowed = terms.choices(field.dictionary)
    if given in allowed:
        return str(given)
    if not given and field.nullable:
        return None
    names = ", ".join(allowed)
    raise WrongValue(f"{field.label} must be one of: {names}.", "choice", allowed)


def _tags(field: Field, value: Any, *_: Any) -> list[str]:
    if not isinstance(value, list | tuple):
        raise WrongValue(f"{field.label} must be a list of words.", "type")
    if len(value) > MOST_TAGS:
        raise WrongValue(f"{field.label} has more than {MOST_TAGS} words.", "max_items")
    words = [plain_text(f"Each word of {field.label}", word) for word in value]
    if any(not word.strip() or len(word) > TAG_LENGTH for word in words):
        raise WrongValue(
            f"Each word of {field.label} has 1 to {TAG_LENGTH} characters.", "max_length"
        )
    return list(dict.fromkeys(words))


def _json(field: Field, value: Any, *_: Any) -> str:
    if not isinstance(value, dict):
        raise WrongValue(f"{field.label} must be an object.", "type")
    waiting: list[tuple[Any, int]] = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        waiting.extend((inner, depth + 1) for inner in _inside(field, item, depth))
    text = msgspec.json.encode(value)
    if len(text) > JSON_BYTES:
        raise WrongValue(f"{field.label} is larger than {JSON_BYTES // 1024} KiB.", "too_large")
    return text.decode()


def _inside(field: Field, item: Any, depth: int) -> list[Any]:
    """Check one part of a JSON value and return the parts within it."""
    if isinstance(item, dict | list):
        if depth > JSON_DEPTH:
            raise WrongValue(f"{field.label} is nested deeper than {JSON_DEPTH}.", "depth")
        return [*item, *item.values()] if isinstance(item, dict) else item
    if isinstance(item, str):
        plain_text(field.label, item)
    elif isinstance(item, int) and not isinstance(item, bool):
        _integer(field, item)
    elif isinstance(item, float):
        _number(field, item)
    elif item is not None and not isinstance(item, bool):
        raise WrongValue(f"{field.label} must be plain JSON.", "type")
    return []


def _link(field: Field, value: Any, *_: Any) -> UUID:
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise WrongValue(f"{field.label} must be the id of a record, a UUID.", "uuid")
    return UUID(value)


READ: dict[str, Callable[[Field, Any, Terms, str | None], Any]] = {
    "text": _text,
    "long_text": _text,
    "email": _email,
    "phone": _phone,
    "integer": _integer,
    "decimal": _decimal,
    "boolean": _boolean,
    "date": read_date,
    "datetime": read_datetime,
    "money": _money,
    "currency": _currency,
    "choice": _choice,
    "tags": _tags,
    "json": _json,
    "link": _link,
    "number": _number,
}
