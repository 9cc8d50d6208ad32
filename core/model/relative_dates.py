"""Relative dates in people's words: ``today``, ``-7d``, ``start_of_month``; read in one zone."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_OFFSET = re.compile(r"([+-])(\d{1,5})([hdwmy])", re.ASCII)
_UNITS = {"h": "hour", "d": "day", "w": "week", "m": "month", "y": "year"}
_DAYS: dict[str, Callable[[date], date]] = {
    "today": lambda day: day,
    "yesterday": lambda day: day - timedelta(days=1),
    "tomorrow": lambda day: day + timedelta(days=1),
    "start_of_week": lambda day: day - timedelta(days=day.weekday()),
    "start_of_month": lambda day: day.replace(day=1),
    "start_of_quarter": lambda day: day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
    "start_of_year": lambda day: day.replace(month=1, day=1),
}
WORDS = ("now", *_DAYS, "-7d", "+3d", "-24h", "-2w", "-1m", "-1y")


@cache
def zone(name: str) -> ZoneInfo:
    """Return the time zone called ``name``, or UTC when the platform does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def resolve_date(word: str, timezone: ZoneInfo) -> date | datetime | None:
    """Return the day, or for ``now`` and hours the instant, that ``word`` names; else None.

    Raises ``OverflowError`` or ``ValueError`` when the calendar does not reach that far.
    """
    now = datetime.now(UTC)
    if word == "now":
        return now
    today = now.astimezone(timezone).date()
    if word in _DAYS:
        return _DAYS[word](today)
    found = _OFFSET.fullmatch(word)
    if found is None:
        return None
    number = int(found[2]) * (-1 if found[1] == "-" else 1)
    if found[3] == "h":
        return now + timedelta(hours=number)
    return _shifted(today, number, found[3])


def _shifted(day: date, number: int, unit: str) -> date:
    if unit in "dw":
        return day + timedelta(days=number * (7 if unit == "w" else 1))
    months = day.year * 12 + day.month - 1 + number * (12 if unit == "y" else 1)
    year, month = divmod(months, 12)
    first = date(year, month + 1, 1)
    last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return first.replace(day=min(day.day, last.day))


def start_of_day(day: date, timezone: ZoneInfo) -> datetime:
    """Return the instant, in UTC, at which ``day`` begins in ``timezone``."""
    return datetime(day.year, day.month, day.day, tzinfo=timezone).astimezone(UTC)


def parse_offset(word: str) -> tuple[int, str] | None:
    """Return how far from now ``word`` is: ``-7d`` is minus seven, in the unit ``day``."""
    found = _OFFSET.fullmatch(word)
    return (int(found[1] + found[2]), _UNITS[found[3]]) if found else None


def describe(word: str) -> str:
    """Return how a person says ``word``; a calendar date stays as it is."""
    found = _OFFSET.fullmatch(word)
    if found is not None:
        number = int(found[2])
        unit = _UNITS[found[3]] + ("" if number == 1 else "s")
        return f"{number} {unit} ago" if found[1] == "-" else f"in {number} {unit}"
    return word.replace("start_of_", "the start of this ")
