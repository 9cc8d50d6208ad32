"""A small world for criteria: two entities, a principal, and a second opinion in plain Python."""

import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa
from hypothesis import strategies as st
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped

from core.criteria.names import OPERATORS
from core.model.conversion import Terms
from core.model.entities import Declaration, Entity, entity
from core.model.fields import choice, currency, field, link, money
from core.model.standard_fields import STANDARD, STANDARD_TYPES
from core.model.types import Phone, ScaledDecimal, Tags

TERMS = Terms("ID", "IDR", "Asia/Jakarta", lambda name: ("walk_in", "referral"))
JAKARTA = ZoneInfo("Asia/Jakarta")
HIDDEN = "Hidden"


@entity(label="Company", plural="Companies", title="name")
class Company(Entity):
    """An employer."""

    name: Mapped[str] = field(sa.String(50), label="Name", sort=True, filter=True)
    city: Mapped[str | None] = field(sa.String(50), label="City", filter=True)
    size: Mapped[int | None] = field(label="Size", filter=True)
    margin: Mapped[str | None] = field(label="Margin", filter=True, audience=("admin",))
    parent_id: Mapped[UUID | None] = link("work.company", label="Parent")


@entity(label="Person", plural="People", title="name")
class Person(Entity):
    """Somebody who works."""

    name: Mapped[str | None] = field(sa.String(50), label="Name", sort=True, filter=True)
    notes: Mapped[str | None] = field(label="Notes", filter=True)
    phone: Mapped[str | None] = field(Phone, label="Phone", filter=True)
    points: Mapped[int | None] = field(label="Points", filter=True)
    rate: Mapped[int | None] = field(ScaledDecimal(2), label="Rate", filter=True)
    wage: Mapped[int | None] = money(label="Wage", filter=True)
    currency: Mapped[str | None] = currency()
    weight: Mapped[float | None] = field(label="Weight", filter=True)
    active: Mapped[bool | None] = field(label="Active", filter=True)
    born: Mapped[date | None] = field(label="Born", filter=True)
    seen_at: Mapped[datetime | None] = field(label="Seen", filter=True)
    tags: Mapped[list[str] | None] = field(Tags, label="Tags", filter=True)
    extra: Mapped[dict[str, Any] | None] = field(JSONB, label="Extra", filter=True)
    source: Mapped[str | None] = choice("work.source", label="Source")
    level: Mapped[str | None] = choice((("a", "Gold"), ("b", "Silver")), label="Level")
    secret: Mapped[str | None] = field(label="Secret", filter=True, audience=("admin",))
    quiet: Mapped[str | None] = field(label="Quiet")
    company_id: Mapped[UUID | None] = link(Company, label="Company")


def _registered(cls: Any, name: str, targets: Mapping[str, str]) -> Declaration:
    """Return the declaration as the loader leaves it."""
    declared: Declaration = cls.__entity__
    fields = {
        key: msgspec.structs.replace(spec, name=key, target=targets.get(key, spec.target))
        for key, spec in (STANDARD | declared.fields).items()
    }
    return msgspec.structs.replace(
        declared, name=name, plugin="work", table=name.replace(".", "_"), fields=fields
    )


PERSON = _registered(Person, "work.person", {"company_id": "work.company"})
COMPANY = _registered(Company, "work.company", {"parent_id": "work.company"})
ENTITIES = {"work.person": PERSON, "work.company": COMPANY}


class Reader:
    """A principal's rights: all but the secrets, and no company in a hidden city."""

    def __init__(self, *, hidden: frozenset[str] = frozenset({"secret", "margin"})) -> None:
        self.hidden = hidden
        self.allowed = {"work.person": {"list", "view"}, "work.company": {"list", "view"}}

    def may(self, entity: str, action: str) -> bool:
        return action in self.allowed.get(entity, ())

    def visible(self, entity: str) -> frozenset[str]:
        return frozenset(ENTITIES[entity].fields) - self.hidden

    def predicate(self, entity: Declaration, action: str, alias: str) -> str:
        assert action in ("list", "view")
        return f"{alias}.city IS DISTINCT FROM '{HIDDEN}'" if entity is COMPANY else "true"


def types_of(declared: Declaration) -> dict[str, Any]:
    return STANDARD_TYPES | declared.column_types


def fold(text: str) -> str:
    """Fold as ``crm_fold`` does."""
    marks = {chr(code) for code in range(0x300, 0x370)}
    return "".join(c for c in unicodedata.normalize("NFKD", text) if c not in marks).lower()


# Small domains, so that random criteria find something; the words carry every LIKE and quote trap.
LETTERS = "aAéÉb%_\\'\"$1 ;-"
WORDS = st.text(LETTERS, min_size=1, max_size=3)
DAYS = st.dates(date(2025, 3, 1), date(2025, 3, 4))
TIMES = st.integers(0, 96).map(
    lambda hours: datetime(2025, 3, 1, tzinfo=UTC) + timedelta(hours=hours)
)
IDS = st.integers(1, 6).map(lambda number: UUID(int=number))
CENTS = st.integers(-3, 3).map(lambda number: number * 25)
DOMAINS: dict[str, st.SearchStrategy[Any]] = {
    "name": WORDS,
    "notes": WORDS | st.just(""),
    "phone": st.sampled_from(["+628123456789", "+6281111111"]),
    "points": st.integers(-2, 2),
    "rate": CENTS,
    "wage": CENTS,
    "weight": st.sampled_from([-0.5, 0.0, 1.25]),
    "active": st.booleans(),
    "born": DAYS,
    "seen_at": TIMES,
    "source": st.sampled_from(["walk_in", "referral"]),
    "level": st.sampled_from(["a", "b"]),
    "company_id": IDS,
    "city": st.sampled_from(["Jakarta", "Bandung"]),
    "size": st.integers(0, 2),
    "parent_id": IDS,
    "tags": st.lists(st.sampled_from(["vip", "x%", "é"]), max_size=2),
    "extra": st.sampled_from([{}, {"a": 1}]),
}


def written(name: str, value: Any) -> Any:
    """Return the JSON value by which a person writes the stored ``value``."""
    if name in ("rate", "wage"):
        return f"{value / 100:.2f}"
    return msgspec.to_builtins(value)


@st.composite
def _term(draw: st.DrawFn, path: str, name: str, kind: str) -> dict[str, Any]:
    op = draw(st.sampled_from(OPERATORS[kind]))
    value: Any
    one = DOMAINS[name].map(lambda found: written(name, found))
    if kind == "datetime":
        one = one | DAYS.map(str)
    if op == "is_empty":
        value = draw(st.booleans())
    elif op in ("in", "not_in"):
        value = draw(st.lists(one, max_size=3))
    elif op == "between":
        value = [draw(one), draw(one)]
    elif op in ("contains", "starts_with"):
        value = draw(st.sampled_from(["vip", "x%", "zz"]) if kind == "tags" else WORDS)
    else:
        value = draw(one)
    return {"field": path, "op": op, "value": value}


def _field_paths() -> list[tuple[str, str, str]]:
    skipped = ("secret", "quiet", "margin", "currency")
    own = [(n, n, f.kind) for n, f in PERSON.fields.items() if n in DOMAINS and n not in skipped]
    theirs = [(n, f.kind) for n, f in COMPANY.fields.items() if n in DOMAINS and n not in skipped]
    far = [(f"company.{n}", n, kind) for n, kind in theirs]
    return own + far + [(f"company_id.parent.{n}", n, kind) for n, kind in theirs]


FIELD_PATHS = _field_paths()
TERM = st.one_of([_term(*field_path) for field_path in FIELD_PATHS])
TREES: st.SearchStrategy[dict[str, Any]] = st.recursive(
    TERM,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(inner, max_size=3).map(lambda parts: {"any": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=6,
)

Row = dict[str, Any]
Rows = Mapping[UUID, Row]


def holds(tree: Any, row: Row, companies: Rows) -> bool:
    """Return whether ``row`` fulfils the criteria; knows nothing of SQL."""
    if "all" in tree:
        return all(holds(part, row, companies) for part in tree["all"])
    if "any" in tree:
        return any(holds(part, row, companies) for part in tree["any"])
    if "not" in tree:
        return not holds(tree["not"], row, companies)
    here: Row | None = row
    *links, name = tree["field"].split(".")
    for word in links:
        key = (here or {}).get(f"{word.removesuffix('_id')}_id")
        here = companies.get(key) if key else None
    stored = None if here is None else here[name]
    return _compare(name, tree["op"], stored, tree["value"])


def _compare(name: str, op: str, stored: Any, value: Any) -> bool:
    opposite = {"!=": "=", "not_in": "in"}.get(op)
    if opposite:
        return not _compare(name, opposite, stored, value)
    if op == "is_empty":
        return (stored in (None, "", [], {}) and stored is not False and stored != 0) == value
    if stored is None:
        return False
    if op == "contains":
        return value in stored if name == "tags" else fold(value) in fold(stored)
    if op == "starts_with":
        return fold(stored).startswith(fold(value))
    if op == "in":
        return any(_compare(name, "=", stored, item) for item in value)
    if op == "between":
        low, high = value
        return _compare(name, ">=", stored, low) and _compare(name, "<=", stored, high)
    left, right = stored, value
    if isinstance(stored, datetime):
        day = len(value) == 10
        left = stored.astimezone(JAKARTA).date().isoformat() if day else stored
        right = value if day else datetime.fromisoformat(value)
    else:
        left = written(name, stored)
        if name in ("rate", "wage"):
            left, right = float(left), float(right)
    return bool(
        {
            "=": lambda: left == right,
            "<": lambda: left < right,
            "<=": lambda: left <= right,
            ">": lambda: left > right,
            ">=": lambda: left >= right,
        }[op]()
    )
