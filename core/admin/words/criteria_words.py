"""Criteria in a sentence for one reader: their language and formats, titles in place of ids."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, cast

from babel.dates import format_timedelta
from babel.lists import format_list

from core.admin.page import Page
from core.admin.words.wording import Wording
from core.model import relative_dates
from core.model.entities import Declaration
from core.model.fields import Field

MOST_SHOWN = 5
WHEN = ("date", "datetime")
# How long the formats take a unit to be; so many of one are never told in a larger one.
SECONDS = {"hour": 3600, "day": 86400, "week": 604800, "month": 2592000, "year": 31536000}
MOST_UNITS = 10**9
NUMBERS = ("integer", "decimal", "number", "money")
# Isolate what stands in another direction than the sentence around it.
ISOLATED = "\N{FIRST STRONG ISOLATE}%s\N{POP DIRECTIONAL ISOLATE}"
Unit = Literal["hour", "day", "week", "month", "year"]
Titles = Mapping[str, str]
FieldPath = tuple[str, Field | None, Declaration]


def field_path(page: Page, entity: Declaration, name: str) -> FieldPath:
    """Return the label of a name in criteria, its field, and the entity that has the field."""
    labels, field, here = list[str](), None, entity
    for word in name.split("."):
        if field is not None and field.target in page.ctx.tenant.entities:
            here = page.ctx.tenant.entities[str(field.target)]
        field = here.field(word)
        labels.append(page.translate(field.label) if field else word)
    label = labels.pop()
    for owner in reversed(labels):
        words = page.translate("%(field)s of %(record)s")
        label = words % {"record": owner, "field": label}
    return label, field, here


def links_in(page: Page, entity: Declaration, tree: Any) -> Iterable[tuple[str, str]]:
    """Yield the entity and the id of every record that a tree compares a link with."""
    if "field" in tree:
        _, field, _ = field_path(page, entity, tree["field"])
        if field is not None and field.kind == "link" and tree["op"] != "is_empty":
            value = tree["value"]
            for id in value if isinstance(value, list) else [value]:
                yield str(field.target), str(id).lower()
        return
    for part in tree.values():
        for inner in part if isinstance(part, list) else [part]:
            yield from links_in(page, entity, inner)


class CriteriaText:
    """Writes checked criteria of one entity for one reader; ``titles`` are those they may see."""

    def __init__(self, page: Page, entity: Declaration, titles: Titles) -> None:
        self.page, self.entity, self.titles = page, entity, titles
        self.say, self.fmt = page.translate, page.formats
        self.mark = ISOLATED if page.direction == "rtl" else "%s"

    def sentence(self, tree: Mapping[str, Any], *, inner: bool = False) -> str:
        """Return a tree in words."""
        if "field" in tree:
            return self.term(tree)
        if "not" in tree:
            return self.say("not (%(what)s)") % {"what": self.sentence(tree["not"])}
        style = "standard" if "all" in tree else "or"
        parts = tree["all" if "all" in tree else "any"]
        if not parts:
            return self.say("every record") if "all" in tree else self.say("no record")
        told = [self.sentence(part, inner=len(parts) > 1) for part in parts]
        joined = self.several(told, style)
        return f"({joined})" if inner and len(told) > 1 else joined

    def term(self, tree: Mapping[str, Any]) -> str:
        """Return one comparison in words."""
        label, field, owner = field_path(self.page, self.entity, tree["field"])
        op, value, say = tree["op"], tree["value"], self.say
        said: dict[str, Any] = {"field": label}
        if op == "is_empty":
            words = say("%(field)s is empty") if value else say("%(field)s is not empty")
            return words % said
        if isinstance(value, bool):
            words = say("%(field)s: yes") if value == (op == "=") else say("%(field)s: no")
            return words % said
        if op == "between":
            ends = {"first": self.value(field, owner, value[0])}
            ends["last"] = self.value(field, owner, value[1])
            return say("%(field)s is between %(first)s and %(last)s") % {**said, **ends}
        several = value if isinstance(value, list) else [value]
        said["value"] = self.choice([self.value(field, owner, one) for one in several])
        return self._phrase(op, when=field is not None and field.kind in WHEN) % said

    def _phrase(self, op: str, *, when: bool) -> str:
        say = self.say
        phrases = {
            "!=": say("%(field)s is not %(value)s"),
            "not_in": say("%(field)s is not %(value)s"),
            "<": say("%(field)s is less than %(value)s"),
            "<=": say("%(field)s is at most %(value)s"),
            ">": say("%(field)s is more than %(value)s"),
            ">=": say("%(field)s is at least %(value)s"),
            "contains": say("%(field)s contains %(value)s"),
            "starts_with": say("%(field)s starts with %(value)s"),
        }
        if when:
            phrases |= {
                "<": say("%(field)s is before %(value)s"),
                "<=": say("%(field)s is on or before %(value)s"),
                ">": say("%(field)s is after %(value)s"),
                ">=": say("%(field)s is on or after %(value)s"),
            }
        return phrases.get(op) or say("%(field)s is %(value)s")

    def several(self, words: list[str], style: Any) -> str:
        return str(format_list(words, style=style, locale=self.fmt.locale))

    def choice(self, words: list[str]) -> str:
        """Return one of several values in words; many are counted."""
        if not words:
            return self.say("one of nothing")
        shown, rest = words[:MOST_SHOWN], len(words) - MOST_SHOWN
        if rest > 0:
            many = self.page.ngettext("%(num)s more", "%(num)s more", rest)
            shown = [*shown, many % {"num": self.fmt.number(rest)}]
        return self.several(shown, "or")

    def value(self, field: Field | None, owner: Declaration, value: Any) -> str:
        """Return a value as the reader writes it, set apart from the words around it."""
        return self.mark % self._plain(field, owner, value)

    def _plain(self, field: Field | None, owner: Declaration, value: Any) -> str:
        if field is None or value is None:
            return str(value)
        if field.kind == "link":
            known = self.titles.get(str(value).lower())
            return known or self.say("a record you cannot see")
        if field.kind in WHEN:
            return self._moment(str(value))
        try:
            if field.kind == "money":
                return self.fmt.money(Decimal(str(value)), self.page.ctx.tenant.config.currency)
            if field.kind in NUMBERS:
                return self.fmt.number(Decimal(str(value)))
        except ArithmeticError:
            return str(value)
        return Wording(self.page, owner).one(field)(value) if field.kind != "tags" else str(value)

    def _moment(self, text: str) -> str:
        """Return a day or a moment, absolute or as it is said from today."""
        offset = relative_dates.parse_offset(text)
        if offset is not None:
            number, unit = offset
            return format_timedelta(
                timedelta(seconds=number * SECONDS[unit]),
                granularity=cast(Unit, unit),
                threshold=MOST_UNITS,
                add_direction=True,
                locale=self.fmt.locale,
            )
        known = self._words().get(text)
        if known is not None:
            return known
        try:
            if len(text) == len("2025-12-31"):
                return self.fmt.date(date.fromisoformat(text))
            found = datetime.fromisoformat(text)
        except ValueError:
            return text
        if found.tzinfo is None:
            found = found.replace(tzinfo=relative_dates.zone(self.page.ctx.tenant.terms.timezone))
        return self.fmt.moment(found)

    def _words(self) -> dict[str, str]:
        say = self.say
        return {
            "now": say("now"),
            "today": say("today"),
            "yesterday": say("yesterday"),
            "tomorrow": say("tomorrow"),
            "start_of_week": say("the start of this week"),
            "start_of_month": say("the start of this month"),
            "start_of_quarter": say("the start of this quarter"),
            "start_of_year": say("the start of this year"),
        }
