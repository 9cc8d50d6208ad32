"""What people type, per kind of field: a field as a control of a form, and its text as JSON.

A control's text is what stands in the form. Whatever cannot be read goes on as it was typed, so
that the rules of REST refuse it, in one place and in one way.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import phonenumbers
from babel import Locale
from phonenumbers import PhoneNumberFormat

from core.admin.parts import Option
from core.admin.view import View
from core.admin.words.i18n import locale_of
from core.admin.words.numerals import PLAIN, ascii_digit, read_number, write_number
from core.model.entities import Declaration
from core.model.fields import Field
from core.runtime.tenant import Tenant

_INTEGER = re.compile(r"[+-]?\d{1,19}", re.ASCII)
TICKED = "1"
# Kinds of fields to kinds of the macro; numbers with decimals are texts, for the locale's comma.
KINDS = {
    "long_text": "textarea",
    "email": "email",
    "phone": "tel",
    "integer": "number",
    "decimal": "money",
    "number": "money",
    "money": "money",
    "boolean": "switch",
    "date": "date",
    "datetime": "datetime-local",
    "choice": "select",
    "json": "textarea",
    "link": "lookup",
}


class Control(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One field of a form as the macro ``field`` takes it: ``ui.control(control)``.

    ``value`` is its text, of a lookup the id; ``text`` is then the words of the lookup, and
    ``create`` the form in which a record to link to is made.
    """

    name: str
    label: str
    kind: str = "text"
    value: Any = ""
    text: str = ""
    error: str = ""
    help: str = ""
    required: bool = False
    readonly: bool = False
    disabled: bool = False
    options: tuple[Option, ...] = ()
    empty: str | None = None
    suffix: str = ""
    src: str = ""
    create: str = ""
    min: str = ""
    max: str = ""
    step: str = ""
    maxlength: str = ""
    inputmode: str = ""
    autocomplete: str = ""
    rows: int = 4
    multiple: bool = False
    wide: bool = False

    def arguments(self) -> dict[str, Any]:
        """Return what differs from the macro's own defaults."""
        given = msgspec.structs.asdict(self)
        return {name: value for name, value in given.items() if value != _DEFAULTS.get(name)}


_DEFAULTS = {
    field.name: field.default
    for field in msgspec.structs.fields(Control)
    if field.default is not msgspec.NODEFAULT
}


class Controls:
    """Texts and controls for one reader: their locale, their zone, their tenant's choices."""

    def __init__(self, page: View, tenant: Tenant) -> None:
        self.locale: Locale = locale_of(page.locale)
        self.zone: ZoneInfo = page.zone
        self.tenant = tenant
        self.say: Callable[[str], str] = page.translate

    def texts(
        self, entity: Declaration, names: list[str], row: Mapping[str, Any]
    ) -> dict[str, str]:
        """Return what stands in the form for the fields of a record, as REST answers it."""
        return {
            name: self.text(field, row.get(name))
            for name in names
            if (field := entity.fields.get(name)) is not None
        }

    def text(self, field: Field, value: Any) -> str:
        """Return what stands in the form for a value as REST answers it."""
        if value is None:
            return ""
        write = _TEXTS.get(field.kind)
        return str(value) if write is None else write(self, value)

    def read(self, field: Field, text: str) -> Any:
        """Return the JSON value of a text; None for an empty one."""
        if field.kind == "boolean":
            return text == TICKED
        if field.kind == "tags":
            return _words(text)
        if not text.strip():
            plain = field.kind in ("text", "long_text") and not (field.nullable or field.required)
            return "" if plain else None
        read = _VALUES.get(field.kind)
        return text if read is None else read(self, text)

    def control(
        self,
        field: Field,
        value: str = "",
        *,
        text: str = "",
        error: str = "",
        src: str = "",
        currency: str = "",
    ) -> Control:
        """Return the control of a field with a text in it; ``text`` are the words of a link."""
        given = {
            "name": field.name,
            "label": self.say(field.label),
            "kind": KINDS.get(field.kind, "text"),
            "value": value == TICKED if field.kind == "boolean" else value,
            "error": error,
            "help": self.say(field.help) if field.help else "",
            "required": field.required and field.kind != "boolean",
            "maxlength": str(field.max_length or "") if field.kind in ("text", "currency") else "",
            "autocomplete": "off",
            "wide": field.kind in ("long_text", "json"),
        }
        more = self._more(field, value)
        if field.kind == "link":
            more = {"text": text, "src": src}
        elif field.kind == "money":
            more = {"suffix": currency or self.tenant.config.currency}
        return Control(**{**given, **more})

    def _more(self, field: Field, value: str) -> dict[str, Any]:
        """Return what only controls of this kind have."""
        if field.kind == "choice":
            needed = not field.nullable and (value or field.default)
            offered = self.options(field, value)
            return {"options": offered, "empty": None if needed else ""}
        if field.kind == "tags":
            if "\n" in value:
                return {"kind": "textarea", "help": self.say("One in each line.")}
            return {"help": self.say("Separate them with commas.")}
        if field.kind == "integer":
            return {"step": "1", "min": _bound(field.minimum), "max": _bound(field.maximum)}
        if field.kind == "json":
            return {"help": self.say("An object in JSON.")}
        if field.kind == "datetime":
            return {"step": "any" if value.count(":") > 1 else ""}
        return {}

    def options(self, field: Field, value: str = "") -> tuple[Option, ...]:
        """Return the choices of a field in the tenant's order, in the reader's words.

        A retired one is offered to the record alone that has it.
        """
        if field.dictionary is not None:
            found = self.tenant.dictionary(field.dictionary)
            offered = (c for c in found if not c.retired or c.code == value)
            return tuple(Option(c.code, self.say(c.label)) for c in offered)
        return tuple(Option(code, self.say(label)) for code, label in field.choices)

    def number(self, value: Any) -> str:
        """Return a number in the locale, ungrouped, with the decimals that it has."""
        return write_number(value, self.locale)

    def read_number(self, text: str) -> str:
        """Return a number of the locale as digits and a point; what is none stays as it is."""
        return read_number(text, self.locale)

    def moment(self, value: datetime) -> str:
        """Return a moment as its day and time in the reader's zone."""
        local = value.astimezone(self.zone).replace(tzinfo=None)
        fine = "auto" if local.second or local.microsecond else "minutes"
        return local.isoformat(timespec=fine)

    def read_moment(self, text: str) -> str:
        """Return a day and time of the reader's zone as an instant."""
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            return text
        return (found if found.tzinfo else found.replace(tzinfo=self.zone)).isoformat()

    def phone(self, value: str) -> str:
        """Return a telephone number as people write it: of the own region without its code."""
        return write_phone(value, self.tenant.config.phone_region)


def write_phone(value: str, region: str) -> str:
    """Return a stored telephone number as people of ``region`` write it."""
    try:
        found = phonenumbers.parse(value)
    except phonenumbers.NumberParseException:
        return value
    own = phonenumbers.country_code_for_region(region) == found.country_code
    form = PhoneNumberFormat.NATIONAL if own else PhoneNumberFormat.INTERNATIONAL
    written: str = phonenumbers.format_number(found, form)
    return written


def _bound(value: int | None) -> str:
    return "" if value is None else str(value)


def _list(_: Controls, value: Any) -> str:
    words = [str(word) for word in value]
    if any("," in word for word in words):
        return "\n".join(words) + "\n"
    return ", ".join(words)


def _words(text: str) -> list[str]:
    parts = text.split("\n") if "\n" in text else text.split(",")
    return list(dict.fromkeys(word.strip() for word in parts if word.strip()))


def _json(_: Controls, value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() if value else ""


def _object(_: Controls, text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return text


def _integer(_: Controls, text: str) -> Any:
    plain = "".join(map(ascii_digit, text.strip()))
    return int(plain) if _INTEGER.fullmatch(plain) else text


def _float(controls: Controls, text: str) -> Any:
    plain = controls.read_number(text)
    return float(plain) if PLAIN.fullmatch(plain) else text


_TEXTS: dict[str, Callable[[Controls, Any], str]] = {
    "boolean": lambda _, value: TICKED if value else "",
    "tags": _list,
    "json": _json,
    "money": Controls.number,
    "decimal": Controls.number,
    "number": Controls.number,
    "datetime": Controls.moment,
    "date": lambda _, value: value.isoformat() if isinstance(value, date) else str(value),
    "phone": Controls.phone,
}
_VALUES: dict[str, Callable[[Controls, str], Any]] = {
    "json": _object,
    "integer": _integer,
    "number": _float,
    "money": Controls.read_number,
    "decimal": Controls.read_number,
    "datetime": Controls.read_moment,
}
