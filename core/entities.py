"""Declaring an entity: ``@entity``, ``Entity`` and ``@extend``.

A declaration is never mapped itself. Each application maps a subclass of its own
(``core/database/models.py``), so two applications can live side by side.
"""

import re
import types
import typing
from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Literal, TypeVar
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped
from sqlalchemy.orm.properties import MappedColumn

from core.errors import StartRefused
from core.fields import Display, Field, kind_of

C = TypeVar("C", bound=type)
Criteria = Mapping[str, Any]
ALL_VERBS = ("list", "view", "create", "update", "delete", "trash", "restore", "purge")
MOST_FIELDS = 25
MOST_INDEXES = 12


class Aggregate(msgspec.Struct, frozen=True, kw_only=True):
    """A figure over the visible records, part of ``GET /api/<resource>/stats/``.

    ``by`` splits it by a choice field; its value is then an object with one number per code.
    """

    key: str
    label: str
    function: Literal["count", "sum"] = "count"
    field: str | None = None
    where: Criteria | None = None
    by: str | None = None
    plugin: str = ""


class NamedFilter(msgspec.Struct, frozen=True, kw_only=True):
    """A query parameter of the list that is not a field: ``?loyalty_level=gold``.

    ``criteria`` turns the value into criteria, or raises ``ValueError`` that says what is allowed.
    """

    key: str
    label: str
    uses: tuple[str, ...]
    criteria: Callable[[str], Criteria]
    plugin: str = ""


class Through(msgspec.Struct, frozen=True, kw_only=True):
    """A scope that runs over a link table: rows of ``entity`` join ``here`` to ``there``.

    ``local`` is the column whose value stands in ``here``: the record's own id, or a link to the
    record that the link table knows.
    """

    entity: str
    here: str
    there: str
    local: str = "id"


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """An entity as declared, and after registration as known: named and with its extensions."""

    cls: Any
    label: str
    plural: str
    title: str
    doc: str = ""
    name: str = ""
    plugin: str = ""
    table: str = ""
    resource: str = ""
    columns: tuple[str, ...] = ()
    order: str = "-created_at"
    verbs: tuple[str, ...] = ALL_VERBS
    actions: tuple[str, ...] = ()
    indexed: tuple[tuple[str, ...], ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    scopes: Mapping[str, str | Through] = {}
    subject: str | None = None
    responsible: str | None = None
    aggregates: tuple[Aggregate, ...] = ()
    named_filters: tuple[NamedFilter, ...] = ()
    fields: dict[str, Field] = {}
    column_types: dict[str, Any] = {}

    def field(self, name: str) -> Field | None:
        """Return the field called ``name``; a link also answers to its name without ``_id``."""
        return self.fields.get(name) or self.fields.get(f"{name}_id")


class Extension(msgspec.Struct, frozen=True, kw_only=True):
    """Fields that a plugin adds to another plugin's entity."""

    host: Any
    cls: Any
    fields: dict[str, Field]
    column_types: dict[str, Any]
    indexed: tuple[tuple[str, ...], ...] = ()
    aggregates: tuple[Aggregate, ...] = ()
    named_filters: tuple[NamedFilter, ...] = ()


def _standard(name: str, kind: Any, label: str, **given: Any) -> Field:
    return Field(name=name, kind=kind, label=label, system=True, readonly=True, **given)


STANDARD: dict[str, Field] = {
    f.name: f
    for f in (
        _standard("id", "link", "ID", nullable=False, mobile=True),
        _standard("version", "integer", "Version", nullable=False, mobile=True),
        _standard("created_at", "datetime", "Created", nullable=False, sort=True, filter=True),
        _standard("updated_at", "datetime", "Updated", nullable=False, sort=True, filter=True),
        _standard(
            "created_by", "link", "Created by", target="core.user", audience=("staff",), filter=True
        ),
        _standard("updated_by", "link", "Updated by", target="core.user", audience=("staff",)),
        _standard("deleted_at", "datetime", "Deleted", audience=("staff",)),
        Field(
            name="custom",
            kind="json",
            label="Custom",
            nullable=False,
            audience=("staff",),
            pii="free_text",
        ),
    )
}
STANDARD_TYPES: dict[str, Any] = {
    "id": sa.Uuid(),
    "version": sa.Integer(),
    "created_at": sa.DateTime(timezone=True),
    "updated_at": sa.DateTime(timezone=True),
    "created_by": sa.Uuid(),
    "updated_by": sa.Uuid(),
    "deleted_at": sa.DateTime(timezone=True),
    "custom": JSONB(),
}


class Entity:
    """The base of every declared entity: the columns that each tenant table has."""

    id: Mapped[UUID]
    tenant_id: Mapped[UUID]
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    created_by: Mapped[UUID | None]
    updated_by: Mapped[UUID | None]
    deleted_at: Mapped[datetime | None]
    custom: Mapped[dict[str, Any]]


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
    if spec.kind == "text" and not isinstance(type_, sa.String):
        found["kind"] = kind_of(type_)
    elif spec.kind == "text":
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
        pairs = tuple((m.value, m.value.replace("_", " ").capitalize()) for m in python)
        changes |= {"kind": "choice", "choices": pairs, "filter": True}
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


def _fields(cls: type) -> tuple[dict[str, Field], dict[str, Any]]:
    fields: dict[str, Field] = {}
    column_types: dict[str, Any] = {}
    for name, value in vars(cls).items():
        if isinstance(value, MappedColumn | Display):
            if name in STANDARD or name in ("tenant_id", "metadata", "registry"):
                raise StartRefused(f"{cls.__qualname__}.{name}: the kernel owns this name")
            fields[name], type_ = _field(cls, name, value)
            if type_ is not None:
                column_types[name] = type_
    return fields, column_types


def _where(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _check_names(
    cls: type, fields: Mapping[str, Field], option: str, names: tuple[str, ...]
) -> None:
    for name in names:
        plain = name.lstrip("-")
        if plain not in fields and f"{plain}_id" not in fields:
            known = ", ".join(sorted(fields))
            raise StartRefused(f"{_where(cls)}: {option} names {plain!r}; fields are {known}")


def kebab(text: str) -> str:
    """Return ``text`` as one lower-case word with hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def snake(text: str) -> str:
    """Return a class name in lower case with underscores."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text).lower()


def entity(
    *,
    label: str,
    plural: str,
    title: str,
    resource: str | None = None,
    columns: tuple[str, ...] = (),
    search: tuple[str, ...] = (),
    filters: tuple[str, ...] = (),
    order: str = "-created_at",
    verbs: tuple[str, ...] = ALL_VERBS,
    actions: tuple[str, ...] = (),
    indexed: tuple[tuple[str, ...], ...] = (),
    unique: tuple[tuple[str, ...], ...] = (),
    scopes: Mapping[str, str | Through] | None = None,
    subject: str | None = None,
    responsible: str | None = None,
    aggregates: tuple[Aggregate, ...] = (),
    named_filters: tuple[NamedFilter, ...] = (),
) -> Callable[[C], C]:
    """Declare a class as an entity; the kernel makes table, REST, screens and rights from it.

    ``title`` is the field by which people know a record. ``verbs`` are the generated operations
    that exist at all; ``actions`` name further permissions. ``indexed`` lists (filter…, sort)
    columns, at most twelve. ``scopes`` says, per scope, which column holds the principal's
    attribute. ``subject`` and ``responsible`` are the links that name the person concerned and the
    salesperson for the history. Refuses at import, with ``StartRefused``, every name that is not a
    field, a class without docstring, and more than 25 fields.
    """

    def declare(cls: C) -> C:
        if not (cls.__doc__ or "").strip() or cls.__doc__ == Entity.__doc__:
            raise StartRefused(f"{_where(cls)}: an entity states its invariant in a docstring")
        fields, column_types = _fields(cls)
        if len(fields) > MOST_FIELDS:
            raise StartRefused(f"{_where(cls)}: {len(fields)} fields; at most {MOST_FIELDS}")
        if len(indexed) > MOST_INDEXES:
            raise StartRefused(f"{_where(cls)}: {len(indexed)} indexes; at most {MOST_INDEXES}")
        every = STANDARD | fields
        named = {
            "title": (title,),
            "columns": columns,
            "search": search,
            "filters": filters,
            "order": (order,),
            "indexed": tuple(name for names in indexed for name in names),
            "unique": tuple(name for names in unique for name in names),
            "subject": (subject,) if subject else (),
            "responsible": (responsible,) if responsible else (),
            "scopes": tuple(c if isinstance(c, str) else c.local for c in (scopes or {}).values()),
            "aggregates": tuple(n for a in aggregates for n in (a.field, a.by) if n),
            "named_filters": tuple(n for f in named_filters for n in f.uses),
        }
        for option, names in named.items():
            _check_names(cls, every, option, names)
        unknown = set(verbs) - set(ALL_VERBS)
        if unknown:
            raise StartRefused(f"{_where(cls)}: verbs {sorted(unknown)}; known are {ALL_VERBS}")
        searched = {n if n in fields else f"{n}_id" for n in search}
        filtered = {n if n in fields else f"{n}_id" for n in filters}
        for name in fields:
            fields[name] = msgspec.structs.replace(
                fields[name],
                search=fields[name].search or name in searched,
                filter=fields[name].filter or name in filtered,
            )
        cls.__entity__ = Declaration(  # type: ignore[attr-defined]
            cls=cls,
            label=label,
            plural=plural,
            title=title,
            doc=(cls.__doc__ or "").strip(),
            resource=resource or kebab(plural),
            columns=columns or (title, "created_at"),
            order=order,
            verbs=verbs,
            actions=actions,
            indexed=indexed,
            unique=unique,
            scopes=scopes or {},
            subject=subject,
            responsible=responsible,
            aggregates=aggregates,
            named_filters=named_filters,
            fields=fields,
            column_types=column_types,
        )
        return cls

    return declare


def extend(
    host: Any,
    *,
    indexed: tuple[tuple[str, ...], ...] = (),
    aggregates: tuple[Aggregate, ...] = (),
    named_filters: tuple[NamedFilter, ...] = (),
) -> Callable[[C], C]:
    """Declare a class as an extension: its fields become columns of ``host``'s table.

    Each name begins with the extending plugin's name. ``host`` is a class or ``"plugin.entity"``.
    The columns may be null or have a default, so that the host can be written without the plugin;
    anything else is refused at start with ``StartRefused``.
    """

    def declare(cls: C) -> C:
        fields, column_types = _fields(cls)
        for name, spec in fields.items():
            if spec.required:
                raise StartRefused(f"{_where(cls)}.{name}: an extension's field needs a default")
        cls.__extension__ = Extension(  # type: ignore[attr-defined]
            host=host,
            cls=cls,
            fields=fields,
            column_types=column_types,
            indexed=indexed,
            aggregates=aggregates,
            named_filters=named_filters,
        )
        return cls

    return declare
