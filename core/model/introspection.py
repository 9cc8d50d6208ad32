"""From the attributes of a declared class to the fields and column types that they stand for."""

import types
import typing
from collections.abc import Callable, Collection
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm.properties import MappedColumn

from core.errors import StartRefused
from core.model.fields import Display, Field
from core.model.types import kind_of, pairs_of

_PYTHON_TYPES: dict[Any, Callable[[], Any]] = {
    str: sa.Text,
    int: sa.Integer,
    bool: sa.Boolean,
    float: sa.Float,
    date: sa.Date,
    datetime: lambda: sa.DateTime(timezone=True),
    UUID: sa.Uuid,
    dict: JSONB,
}


def _annotation(cls: type, name: str) -> tuple[Any, bool]:
    """Return (python type, nullable) of ``Mapped[X]`` or ``Mapped[X | None]``."""
    annotation = cls.__annotations__.get(name)
    if annotation is None or isinstance(annotation, str):
        raise StartRefused(f"{cls.__qualname__}.{name}: needs a Mapped[...] annotation")
    inner = typing.get_args(annotation)[0]
    if isinstance(inner, types.UnionType):
        args = [a for a in typing.get_args(inner) if a is not types.NoneType]
        return args[0], True
    return inner, False


def _type_of(cls: type, name: str, column: sa.Column[Any], python: Any) -> Any:
    if not isinstance(column.type, sa.types.NullType):
        return column.type
    origin = typing.get_origin(python) or python
    if isinstance(origin, type) and issubclass(origin, StrEnum):
        return sa.String(50)
    made = _PYTHON_TYPES.get(origin)
    if made is None:
        raise StartRefused(f"{cls.__qualname__}.{name}: no field type for {python!r}")
    return made()


def _bounds(spec: Field, type_: Any) -> dict[str, Any]:
    """Return what the column's type says about the values of the field."""
    found: dict[str, Any] = {}
    if isinstance(type_, sa.String) and type_.length and spec.max_length is None:
        found["max_length"] = type_.length
    if spec.kind == "text":
        found["kind"] = kind_of(type_)
    found["scale"] = getattr(type_, "scale", 0) or 0
    return found


def _field(cls: type, name: str, value: Any) -> tuple[Field, Any]:
    """Return the complete record of one declared attribute, and its column type or None."""
    if isinstance(value, Display):
        kind = kind_of(value.type)
        return msgspec.structs.replace(value.spec, name=name, kind=kind), None
    column = value.column
    spec: Field = column.info["field"]
    python, nullable = _annotation(cls, name)
    type_ = _type_of(cls, name, column, python)
    changes = _bounds(spec, type_)
    if isinstance(python, type) and issubclass(python, StrEnum) and not spec.choices:
        changes |= {"kind": "choice", "choices": pairs_of(python), "filter": True}
    kind = changes.get("kind", spec.kind)
    own_default = kind in ("currency", "tags", "boolean", "json")
    required = not nullable and spec.default is None and not spec.sql and not own_default
    if not spec.label:
        raise StartRefused(f"{cls.__qualname__}.{name}: a field needs a label")
    if spec.kind == "link" and not name.endswith("_id"):
        raise StartRefused(f"{cls.__qualname__}.{name}: the name of a link ends in _id")
    return (
        msgspec.structs.replace(
            spec,
            **(
                changes
                | {"name": name, "nullable": nullable, "required": spec.required or required}
            ),
        ),
        type_,
    )


def read_fields(cls: type, reserved: Collection[str]) -> tuple[dict[str, Field], dict[str, Any]]:
    """Return the fields of a declared class and the types of their columns, by name."""
    fields: dict[str, Field] = {}
    column_types: dict[str, Any] = {}
    for name, value in vars(cls).items():
        if isinstance(value, MappedColumn | Display):
            if name in reserved:
                raise StartRefused(f"{cls.__qualname__}.{name}: the kernel owns this name")
            fields[name], type_ = _field(cls, name, value)
            if type_ is not None:
                column_types[name] = type_
    return fields, column_types
