"""Values that the macros take, for tables, tabs, choices and charts."""

import msgspec


class Column(msgspec.Struct, frozen=True):
    """A column of a table. ``sort`` is the address that orders by it; ``order`` how it is now."""

    key: str
    label: str
    kind: str = "text"
    sort: str = ""
    order: str = ""
    primary: bool = False


class Option(msgspec.Struct, frozen=True):
    """One choice of a select, a lookup or a group of ticks."""

    value: str
    label: str
    text: str = ""


class Link(msgspec.Struct, frozen=True):
    """A link with a label: a tab, a chip, a crumb, an action of an error page."""

    label: str
    href: str
    icon: str = ""
    active: bool = False
    count: str = ""


class Fact(msgspec.Struct, frozen=True):
    """A name and its value, as a record shows them; the value may be markup."""

    label: str
    value: str


class Series(msgspec.Struct, frozen=True):
    """One line or group of bars: numbers, and the same as people write them."""

    label: str
    values: tuple[float, ...]
    texts: tuple[str, ...]


class Bar(msgspec.Struct, frozen=True):
    """One bar that the server draws; ``tone`` is the number of a chart colour."""

    label: str
    value: float
    text: str
    href: str = ""
    tone: int = 1


class TimelineItem(msgspec.Struct, frozen=True):
    """One entry of a timeline. ``day`` is a heading over it, if it is the first of its day."""

    title: str
    at: str
    when: str
    icon: str = "history"
    tone: str = "neutral"
    who: str = ""
    day: str = ""
    text: str = ""
