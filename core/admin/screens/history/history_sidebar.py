"""What stands beside a timeline: filters, figures, and who was responsible when."""

from collections.abc import Mapping
from typing import Any

import msgspec

from core.admin.page import Page
from core.admin.parts import Bar, Option
from core.admin.screens.history.history_format import ACTION_ICONS, HistoryFormatter, action_labels
from core.audit.rendering import HistoryView
from core.model.entities import Declaration

MOST_BARS = 8


class Period(msgspec.Struct, frozen=True):
    """How long somebody was responsible, and what was achieved in that time."""

    who: str
    since: str
    until: str
    credit: tuple[str, ...]


def filters(
    page: Page,
    entity: Declaration,
    figures: Mapping[str, Any],
    authors: Mapping[Any, Mapping[str, Any]],
    chosen: Mapping[str, str],
) -> list[dict[str, Any]]:
    """Return the selects over the timeline: what happened, to which field, by whom."""
    say, deeds = page.translate, action_labels(page.translate)
    held = {*figures["by_action"], chosen.get("action")}
    kinds = [Option(name, deeds[name]) for name in ACTION_ICONS if name in held]
    visible = HistoryView(page.ctx, entity).fields
    names = {*figures["by_field"], chosen.get("field")} & visible.keys()
    fields = sorted((Option(n, say(visible[n].label)) for n in names), key=lambda o: o.label)
    people = [Option(str(id), one["name"] or say("Somebody")) for id, one in authors.items()]
    choices = (
        ("action", say("What happened"), kinds),
        ("field", say("Field"), fields),
        ("by", say("Person"), sorted(people, key=lambda o: o.label)),
    )
    return [
        {"name": name, "label": label, "options": options, "value": chosen.get(name, "")}
        for name, label, options in choices
        if options
    ]


def figures(page: Page, entity: Declaration, figures: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the cards: all changes, those that count for the responsible person, people, last."""
    say, fmt = page.translate, page.formats
    total, last = figures["total_changes"], figures["last_at"]
    found = [_figure(say("Changes"), fmt.number(total), "history")]
    for name in HistoryView(page.ctx, entity).credit_fields:
        label = say("%(field)s: changes") % {"field": say(entity.fields[name].label)}
        found.append(_figure(label, fmt.number(figures["by_field"].get(name, 0)), "award"))
    found.append(_figure(say("People"), fmt.number(figures["people"]), "users"))
    when = fmt.date(last) if last else "\N{EN DASH}"
    found.append(_figure(say("Last change"), when, "clock"))
    return found


def _figure(label: str, value: str, icon: str) -> dict[str, str]:
    return {"label": label, "value": value, "icon": icon}


def bars(page: Page, entity: Declaration, figures: Mapping[str, Any], base: str) -> list[Bar]:
    """Return how often which field was changed; each bar leads to those changes."""
    ranked = sorted(figures["by_field"].items(), key=lambda pair: (-pair[1], pair[0]))
    return [
        Bar(
            page.translate(entity.fields[name].label),
            number,
            page.formats.number(number),
            f"{base}?field={name}",
        )
        for name, number in ranked[:MOST_BARS]
    ]


def responsible(page: Page, entity: Declaration) -> str:
    field = entity.field(entity.responsible) if entity.responsible else None
    return page.translate(field.label) if field else ""


def periods(teller: HistoryFormatter, hands: Mapping[str, Any] | None) -> list[Period]:
    """Return who was responsible and when, the latest first (HIS-07 to HIS-09)."""
    if hands is None:
        return []
    say, fmt = teller.say, teller.fmt
    return [
        Period(
            teller.person(one["responsible"]),
            fmt.date(one["from"]) if one["from"] else say("from the beginning"),
            fmt.date(one["to"]) if one["to"] else say("today"),
            tuple(credited(teller, one["credit"])),
        )
        for one in reversed(hands["results"])
    ]


def credited(teller: HistoryFormatter, credit: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return what counts for somebody, in words."""
    say = teller.say
    known = {
        "gained": say("%(field)s: gained (%(times)s)"),
        "regained": say("%(field)s: regained (%(times)s)"),
        "lost": say("%(field)s: lost (%(times)s)"),
    }
    return [
        words
        % {
            "field": say(teller.entity.fields[name].label),
            "times": teller.fmt.number(numbers[kind]),
        }
        for name, numbers in sorted(credit.items())
        for kind, words in known.items()
        if numbers[kind]
    ]
