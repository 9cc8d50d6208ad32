"""The style page: every macro with sample values, in the reader's own theme."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
from litestar.response.base import ASGIResponse

from core.admin.parts import Bar, Column, Link, Option, Series, TimelineItem
from core.admin.words.i18n import Formats

Say = Callable[[str], str]
DAY = datetime(2026, 3, 17, 9, 41, tzinfo=UTC)
TIERS = {"platinum": 1000, "gold": 500, "silver": 100, "bronze": 0}


class Sample(msgspec.Struct, frozen=True):
    """A sample customer of this page."""

    id: str
    name: str
    email: str
    status: str
    points: int
    spent: Decimal
    since: date

    @property
    def tier(self) -> str:
        """The loyalty tier of the points."""
        return next(name for name, least in TIERS.items() if self.points >= least)


class Stage(msgspec.Struct, frozen=True):
    """A column of the sample board."""

    key: str
    label: str
    tone: str
    count: int
    sum: str
    cards: tuple["Deal", ...]


class Deal(msgspec.Struct, frozen=True):
    """A card of the sample board."""

    id: str
    title: str
    who: str
    worth: str
    action: str = "/app/styleguide"


def _samples() -> tuple[Sample, ...]:
    rows = (
        ("Siti Rahmawati", "siti@kopinusantara.id", "active", 1284, "48250000"),
        ("Bengkel Maju Jaya", "halo@majujaya.co.id", "active", 742, "18900000"),
        ("ليلى الحسن", "layla@example.org", "active", 310, "7420000"),
        ("Oskar Lindqvist", "oskar@lindqvist.se", "paused", 145, "2175000"),
        ("Amara Okafor", "amara.okafor@example.com", "closed", 12, "189000"),
    )
    return tuple(
        Sample(str(i), name, mail, status, points, Decimal(spent), date(2024 - i % 3, 5, 3 + 4 * i))
        for i, (name, mail, status, points, spent) in enumerate(rows)
    )


def _columns(say: Say) -> list[Column]:
    return [
        Column("name", say("Customer"), primary=True, sort="?order=-name", order="ascending"),
        Column("status", say("Status")),
        Column("tier", say("Loyalty level")),
        Column("points", say("Points"), "number", sort="?order=points"),
        Column("spent", say("Spent"), "money", sort="?order=spent"),
        Column("since", say("Customer since"), "date"),
        Column("actions", say("Actions"), "actions"),
    ]


def _stages(fmt: Formats, say: Say) -> list[Stage]:
    def worth(amount: int) -> str:
        return fmt.money(amount, "IDR")

    new = (
        Deal("1", "Espresso machines, 3 branches", "Kopi Nusantara", worth(72_000_000)),
        Deal("2", "Yearly service contract", "Bengkel Maju Jaya", worth(18_500_000)),
    )
    talks = (Deal("3", "Loyalty cards for staff", "Lindqvist & Co", worth(9_750_000)),)
    won = (Deal("4", "Catering, spring fair", "Amara Okafor", worth(31_200_000)),)
    return [
        Stage("new", say("New"), "info", 2, worth(90_500_000), new),
        Stage("talks", say("In talks"), "warning", 1, worth(9_750_000), talks),
        Stage("won", say("Won"), "success", 1, worth(31_200_000), won),
        Stage("lost", say("Lost"), "danger", 0, worth(0), ()),
    ]


def _happenings(fmt: Formats, say: Say) -> list[TimelineItem]:
    def at(hour: int, title: str, **more: str) -> TimelineItem:
        moment = DAY.replace(hour=hour)
        return TimelineItem(title, moment.isoformat(), fmt.time(moment), **more)

    return [
        at(
            15,
            say("Points added"),
            icon="coins",
            tone="gold",
            who="Dewi Lestari",
            day=fmt.date(DAY, "full"),
            text="points",
        ),
        at(
            11,
            say("Customer changed"),
            icon="pencil",
            tone="info",
            who="Dewi Lestari",
            text="change",
        ),
        at(
            9, say("Customer created"), icon="user-plus", tone="success", who=say("Import of March")
        ),
    ]


def _months(fmt: Formats, say: Say) -> tuple[list[str], list[Series]]:
    new, lost = (18, 24, 21, 32, 38, 41), (4, 6, 3, 5, 8, 4)
    months = [fmt.month(date(2026, number, 1)) for number in range(1, 7)]
    return months, [
        Series(say("New customers"), new, tuple(map(fmt.number, new))),
        Series(say("Left"), lost, tuple(map(fmt.number, lost))),
    ]


def values(fmt: Formats, say: Say) -> dict[str, Any]:
    """Return what the page shows."""
    months, series = _months(fmt, say)
    bars = (("Platinum", 4, 5), ("Gold", 18, 2), ("Silver", 61, 3), ("Bronze", 117, 4))
    return {
        "columns": _columns(say),
        "rows": _samples(),
        "stages": _stages(fmt, say),
        "happenings": _happenings(fmt, say),
        "months": months,
        "series": series,
        "bars": [
            Bar(label, n, fmt.number(n), href="/app/styleguide", tone=tone)
            for label, n, tone in bars
        ],
        "tabs": [
            Link(say("Details"), "#details", active=True),
            Link(say("History"), "#history", count=fmt.number(12)),
            Link(say("Orders"), "#orders", count=fmt.number(1204)),
            Link(say("Files"), "#files", "paperclip"),
        ],
        "crumbs": [Link(say("Start page"), "/app/"), Link(say("Style page"), "/app/styleguide")],
        "chips": [Link(say("Status: Active"), "?"), Link(say("Points at least 100"), "?")],
        "statuses": [
            Option("active", say("Active")),
            Option("paused", say("Paused")),
            Option("closed", say("Closed")),
        ],
        "tiers": [Option(name, name.capitalize()) for name in TIERS],
    }


async def styleguide(page: Any) -> ASGIResponse:
    """Answer with the style page."""
    found: ASGIResponse = page.render("styleguide.html", **values(page.formats, page.translate))
    return found
