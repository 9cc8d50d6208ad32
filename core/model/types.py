"""The types of columns beyond SQLAlchemy's own, and the kind of field each type stands for."""

from enum import StrEnum
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import TypeEngine

from core.errors import StartRefused

Kind = Literal[
    "text",
    "long_text",
    "email",
    "phone",
    "integer",
    "decimal",
    "boolean",
    "date",
    "datetime",
    "money",
    "currency",
    "choice",
    "tags",
    "json",
    "link",
    "number",
]

INT4 = (-(2**31), 2**31 - 1)
INT8 = (-(2**63), 2**63 - 1)


class Email(sa.String):
    """An e-mail address, normalised and stored in lower case."""

    def __init__(self, length: int = 254) -> None:
        super().__init__(length)


class Phone(sa.String):
    """A telephone number, stored as E.164; national input is read in the tenant's region."""

    def __init__(self, length: int = 20) -> None:
        super().__init__(length)


class Tags(ARRAY[str]):
    """A set of short words."""

    def __init__(self) -> None:
        super().__init__(sa.Text)


class ScaledDecimal(sa.BigInteger):
    """A decimal number with a fixed scale, stored as a scaled bigint (numeric is not leakproof)."""

    def __init__(self, scale: int = 2) -> None:
        super().__init__()
        self.scale = scale


# Order matters: the most specific type first.
_KINDS: tuple[tuple[type[TypeEngine[Any]], Kind], ...] = (
    (Email, "email"),
    (Phone, "phone"),
    (Tags, "tags"),
    (ScaledDecimal, "decimal"),
    (JSONB, "json"),
    (sa.JSON, "json"),
    (sa.Text, "long_text"),
    (sa.String, "text"),
    (sa.Boolean, "boolean"),
    (sa.Float, "number"),
    (sa.Integer, "integer"),
    (sa.DateTime, "datetime"),
    (sa.Date, "date"),
)


def kind_of(type_: TypeEngine[Any]) -> Kind:
    """Return the kind that stands for a SQLAlchemy type; refuses one the kernel cannot serve."""
    for known, kind in _KINDS:
        if isinstance(type_, known):
            return kind
    raise StartRefused(f"type {type_!r} is not one that a field can have")


def pairs_of(codes: type[StrEnum]) -> tuple[tuple[str, str], ...]:
    """Return the members of an enum as pairs of code and label."""
    return tuple((code.value, named(code.value)) for code in codes)


def named(code: str) -> str:
    """Return what people read for the name of something in code."""
    return code.replace("_", " ").capitalize()
