"""A history in words: what happened, who did it, from where, and each value as people write it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any, TypeVar

import asyncpg
import msgspec

from core.admin.page import Page
from core.admin.words.cells import title_of
from core.admin.words.devices import device
from core.admin.words.i18n import Formats
from core.admin.words.wording import Wording
from core.audit.entries import USER
from core.model.entities import Declaration
from core.model.fields import Field
from core.records.visible_records import visible_records

MOST_TEXT = 200
MOST_TITLES = 200
ACTION_ICONS = {
    "created": ("plus", "success"),
    "updated": ("pencil", "info"),
    "trashed": ("trash-2", "danger"),
    "restored": ("undo-2", "success"),
    "purged": ("x", "danger"),
}
Say = Callable[[str], str]
Happening = TypeVar("Happening")
Titles = Mapping[tuple[str, str], str]
RestoreValue = Callable[[Mapping[str, Any], Mapping[str, Any]], str]


class ChangeText(msgspec.Struct, frozen=True):
    """One field's change in words; ``put`` is what puts the old value back."""

    label: str
    old: str
    new: str
    put: str = ""


class Badge(msgspec.Struct, frozen=True):
    """A badge: what kind of change this was."""

    label: str
    tone: str
    icon: str = ""


class Entry(msgspec.Struct, frozen=True):
    """One entry of the timeline; ``day`` is a heading over it, if it is the first of its day."""

    title: str
    icon: str
    tone: str
    who: str
    at: str
    when: str
    day: str
    marks: tuple[Badge, ...]
    changes: tuple[ChangeText, ...]
    origin: str
    reason: str
    responsible: str
    record: str = ""


def action_labels(say: Say) -> dict[str, str]:
    """Return what can happen to a record, in words."""
    return {
        "created": say("Created"),
        "updated": say("Changed"),
        "trashed": say("Moved to the trash"),
        "restored": say("Restored from the trash"),
        "purged": say("Deleted for good"),
    }


def person_label(say: Say, one: Mapping[str, Any] | None) -> str:
    """Return a person's name; who has left is marked, and nobody is the empty text."""
    if one is None or one.get("id") is None:
        return ""
    name = one["name"] or say("Somebody")
    return say("%(name)s (has left)") % {"name": name} if one["gone"] else str(name)


def by_day(
    fmt: Formats, events: Iterable[Happening], at: Callable[[Happening], datetime]
) -> Iterator[tuple[Happening, str]]:
    """Yield each with its day as a heading, if it is the first of that day."""
    before = ""
    for one in events:
        day = fmt.date(at(one), "full")
        yield one, "" if day == before else day
        before = day


async def titles_of(
    page: Page,
    connection: asyncpg.Connection,
    views: Mapping[str, Declaration],
    entries: Iterable[Mapping[str, Any]],
) -> Titles:
    """Return the titles of the records that links in entries name: one statement per entity.

    What the reader may not see, or is gone, has none.
    """
    wanted: dict[str, dict[str, None]] = {}
    for entry in entries:
        fields = views[entry["entity"]].fields
        for change in entry["changes"]:
            field = fields[change["field"]]
            if field.kind == "link" and field.target not in (None, USER):
                ids = wanted.setdefault(str(field.target), {})
                ids |= {str(v): None for v in (change["old"], change["new"]) if v}
    found: dict[tuple[str, str], str] = {}
    for name, ids in wanted.items():
        target = page.ctx.tenant.entities.get(name)
        if target is None or target.fields[target.title].kind == "link":
            continue
        where = {"field": "id", "op": "in", "value": list(ids)[:MOST_TITLES]}
        title = title_of(page, target)
        for row in await visible_records(page.ctx, connection, name, where) or ():
            found[name, str(row["id"])] = title(row)
    return found


class HistoryFormatter:
    """Writes the entries of one entity's histories for one reader."""

    def __init__(
        self,
        page: Page,
        entity: Declaration,
        currency: str,
        titles: Titles,
        put: RestoreValue | None = None,
    ) -> None:
        self.page, self.entity, self.titles, self.put = page, entity, titles, put
        self.say = page.translate
        self.fmt = page.formats
        self.wording = Wording(page, entity)
        self.currency = currency
        actions = page.ctx.platform.registry.actions.get(entity.name, ())
        self.deeds = {f"{entity.name}.{action.right}": action.label for action in actions}
        responsible = entity.field(entity.responsible) if entity.responsible else None
        self.responsible = responsible.name if responsible else ""

    def tell(self, entries: Iterable[Mapping[str, Any]]) -> list[Entry]:
        """Return the entries in words, each new day with its heading."""
        return [self.entry(*one) for one in by_day(self.fmt, entries, itemgetter("at"))]

    def entry(self, entry: Mapping[str, Any], day: str = "") -> Entry:
        """Return one entry in words."""
        icon, tone = ACTION_ICONS[entry["action"]]
        marks = tuple(self._marks(entry))
        if entry["action"] == "updated" and marks and marks[0].icon:
            icon, tone = marks[0].icon, marks[0].tone
        return Entry(
            title=self._title(entry),
            icon=icon,
            tone=tone,
            who=self.who(entry["by"]),
            at=entry["at"].isoformat(),
            when=self.fmt.time(entry["at"]),
            day=day,
            marks=marks,
            changes=tuple(self._change(entry, change) for change in entry["changes"]),
            origin=self._origin(entry["request"]),
            reason=entry["reason"] or "",
            responsible=self.person(entry.get("responsible")),
            record=str(entry["record_id"]),
        )

    def _title(self, entry: Mapping[str, Any]) -> str:
        deed = self.deeds.get(entry["request"].get("operation") or "")
        if entry["action"] == "updated" and deed:
            return self.say(deed)
        return action_labels(self.say)[str(entry["action"])]

    def _marks(self, entry: Mapping[str, Any]) -> Iterable[Badge]:
        """Yield badges, the most important first: credit, responsibility, other fields."""
        if entry["action"] != "updated":
            return
        names = {change["field"]: change for change in entry["changes"]}
        for name in self.entity.credit:
            if name in names:
                gained = bool(names.pop(name)["new"])
                drawing = "award" if gained else "circle-minus"
                label = self.say(self.entity.fields[name].label)
                words = self.say("%(field)s: yes") if gained else self.say("%(field)s: no")
                yield Badge(words % {"field": label}, "success" if gained else "danger", drawing)
        if self.responsible in names:
            del names[self.responsible]
            yield Badge(self.say("Handed over"), "warning", "user-check")
        for name in list(names)[:4]:
            yield Badge(self.say(self.entity.fields[name].label), "neutral")

    def _change(self, entry: Mapping[str, Any], change: Mapping[str, Any]) -> ChangeText:
        field = self.entity.fields[change["field"]]
        old, new = (
            self._value(field, change[side], change.get(f"{side}_label")) for side in ("old", "new")
        )
        put = self.put(entry, change) if self.put else ""
        return ChangeText(self.say(field.label), old, new, put)

    def _value(self, field: Field, value: Any, label: str | None) -> str:
        """Return a value in words; nothing is the empty text."""
        if value is None or value == "" or value == []:
            return ""
        if field.kind == "link":
            known = label or self.titles.get((str(field.target), str(value)))
            return known or self.say("a record you cannot see")
        if field.kind == "money":
            return self.fmt.money(Decimal(value), self.currency)
        if field.kind == "date" and isinstance(value, str):
            value = date.fromisoformat(value)
        if isinstance(value, datetime):
            return self.fmt.moment(value)
        text = self.wording.one(field)(value)
        return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 1]}…"

    def who(self, by: Mapping[str, Any]) -> str:
        """Return who did something; a person without a name here is somebody."""
        if by["kind"] == "system":
            return self.say("The system")
        if by["kind"] == "database":
            return self.say("In the database: %(name)s") % {"name": by["name"] or ""}
        name = self.person(by) or self.say("Somebody")
        return self.say("%(name)s, by API key") % {"name": name} if "key" in by["kind"] else name

    def person(self, one: Mapping[str, Any] | None) -> str:
        """Return a person's name."""
        return person_label(self.say, one)

    def _origin(self, request: Mapping[str, Any]) -> str:
        agent = request.get("user_agent")
        parts = (request.get("address"), device(agent) if agent else "")
        return " · ".join(part for part in parts if part)
