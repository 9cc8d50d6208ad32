"""A field's value in words, by kind, language and time zone; and as it stands in a file."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec
import phonenumbers

from core.admin.page import Page
from core.model.entities import Declaration
from core.model.fields import Field
from core.records.lists.choices import choices
from core.records.projection import Row

# Where a sentence has ended.
SENTENCE = re.compile(r"(?<=[.!?])\s")
# The boolean of an active record; its words are Active and Inactive.
SWITCH = "is_active"
Say = Callable[[str], str]
Show = Callable[[Row], Any]


@lru_cache(maxsize=4096)
def telephone(number: str) -> str:
    """Return a number in E.164 as people write it."""
    try:
        found = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def first_sentence(doc: str) -> str:
    """Return the first sentence of a docstring: what people read of an entity."""
    return SENTENCE.split(" ".join(doc.split()), maxsplit=1)[0].replace("`", "")


def boolean_labels(say: Say, field: Field) -> dict[bool, str]:
    """Return the words for true and for false."""
    if field.name == SWITCH:
        return {True: say("Active"), False: say("Inactive")}
    return {True: say("Yes"), False: say("No")}


def link_key(field: Field) -> str:
    """Return where ``expand`` puts the record of a link."""
    step = field.name.removesuffix("_id")
    return step if step != field.name else f"{step}_record"


def iso(value: date) -> str:
    """Return a day or a moment as programs write it."""
    if isinstance(value, datetime):
        return value.replace(microsecond=0).isoformat()
    return value.isoformat()


class Wording:
    """Writes the values of one entity for one reader."""

    def __init__(self, page: Page, entity: Declaration) -> None:
        self.ctx = page.ctx
        self.entity = entity
        self.say = page.translate
        self.fmt = page.formats
        self.day = lru_cache(maxsize=4096)(self.fmt.date)
        self.number = lru_cache(maxsize=4096)(self.fmt.number)

    def labels(self, field: Field) -> dict[str, str]:
        return {c["value"]: self.say(c["label"]) for c in choices(self.ctx, field) or ()}

    def words(self, field: Field) -> Show:
        """Return a function that writes a row's value; no value is the empty text."""
        if field.kind == "link":
            return self.named(field)
        if field.kind == "money":
            return self.money(field)
        name, one = field.name, self.one(field)
        return lambda row: "" if row[name] is None else one(row[name])

    def one(self, field: Field) -> Callable[[Any], str]:
        """Return a function that writes a value, for kinds that need nothing else of the record."""
        if field.kind == "boolean":
            words = boolean_labels(self.say, field)
            return lambda value: words[bool(value)]
        if field.kind == "choice":
            labels = self.labels(field)
            return lambda value: labels.get(value, str(value))
        known: dict[str, Callable[[Any], str]] = {
            "date": self.day,
            "datetime": self.day,
            "integer": self.number,
            "number": lambda value: self.number(round(value, 2)),
            "decimal": lambda value: self.fmt.number(Decimal(value)),
            "tags": ", ".join,
            "json": lambda value: msgspec.json.encode(value).decode(),
            "phone": telephone,
        }
        return known.get(field.kind, str)

    def money(self, field: Field) -> Show:
        name, currency = field.name, field.currency
        write, own = self.fmt.money, self.ctx.tenant.config.currency

        def show(row: Row) -> str:
            value = row[name]
            if value is None:
                return ""
            return write(Decimal(value), (row.get(currency) if currency else None) or own)

        return show

    def named(self, field: Field) -> Show:
        """Return the title of a linked record, or nothing where it may not be seen."""
        target = self.ctx.tenant.entities.get(field.target)
        place = link_key(field)
        if target is None or target.fields[target.title].kind == "link":
            return lambda row: str(row[field.name] or "")
        title = self.words(target.fields[target.title])

        def show(row: Row) -> str:
            found = row.get(place)
            return "" if not found or target.title not in found else title(found)

        return show

    def plain(self, field: Field) -> Show:
        """Return the value as it stands in a file: exact, in the form that programs read."""
        name, kind = field.name, field.kind
        if kind in ("link", "choice", "boolean", "tags", "json"):
            return self.words(field)
        if kind == "datetime":
            zone = self.fmt.zone
            return lambda row: iso(row[name].astimezone(zone)) if row[name] else ""
        if kind == "date":
            return lambda row: iso(row[name]) if row[name] else ""
        return lambda row: "" if row[name] is None else str(row[name])
