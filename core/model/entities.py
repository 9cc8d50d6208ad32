"""Declaring an entity: ``@entity``, ``Entity`` and ``@extend``.

A declaration is never mapped itself. Each application maps a subclass of its own
(``core/database/models.py``), so two applications can live side by side.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy.orm import Mapped

from core.errors import StartRefused
from core.model.aggregates import Aggregate, NamedFilter, Through
from core.model.fields import Field
from core.model.introspection import read_fields
from core.model.standard_fields import STANDARD

C = TypeVar("C", bound=type)
Names = tuple[str, ...]
ALL_VERBS = ("list", "view", "create", "update", "delete", "trash", "restore", "purge")
# A right on every entity: no verb of a declaration, and none can go without it.
HISTORY = "history"
MOST_FIELDS = 25
MOST_INDEXES = 12
# How an entity is drawn, and where it stands in the menu, unless it says otherwise.
ICON, MENU_POSITION = "table-2", 50


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
    credit: tuple[str, ...] = ()
    stage: str | None = None
    stage_sum: str | None = None
    aggregates: tuple[Aggregate, ...] = ()
    named_filters: tuple[NamedFilter, ...] = ()
    icon: str = ICON
    menu: int | None = MENU_POSITION
    subtitle: str | None = None
    inplace: tuple[str, ...] = ()
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
    columns: tuple[str, ...] = ()


RESERVED = frozenset((*STANDARD, "tenant_id", "metadata", "registry"))


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


def _where(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _named(declared: Declaration) -> dict[str, tuple[str, ...]]:
    """Return the fields that each option of a declaration names."""
    flat = {"indexed": declared.indexed, "unique": declared.unique}
    return {
        "title": (declared.title,),
        "columns": declared.columns,
        "order": (declared.order,),
        "subject": (declared.subject,) if declared.subject else (),
        "responsible": (declared.responsible,) if declared.responsible else (),
        "credit": declared.credit,
        "subtitle": (declared.subtitle,) if declared.subtitle else (),
        "inplace": declared.inplace,
        "stage": (declared.stage,) if declared.stage else (),
        "stage_sum": (declared.stage_sum,) if declared.stage_sum else (),
        "scopes": tuple(c if isinstance(c, str) else c.local for c in declared.scopes.values()),
        "aggregates": tuple(n for a in declared.aggregates for n in (a.field, a.by) if n),
        "named_filters": tuple(n for f in declared.named_filters for n in f.uses),
        **{option: tuple(n for names in lists for n in names) for option, lists in flat.items()},
    }


def _check(where: str, declared: Declaration, search: Names, filters: Names) -> None:
    """Refuse a class without docstring, too much of something, and every name that is no field."""
    if not declared.doc or declared.doc == (Entity.__doc__ or "").strip():
        raise StartRefused(f"{where}: an entity states its invariant in a docstring")
    if len(declared.fields) > MOST_FIELDS:
        raise StartRefused(f"{where}: {len(declared.fields)} fields; at most {MOST_FIELDS}")
    if len(declared.indexed) > MOST_INDEXES:
        raise StartRefused(f"{where}: {len(declared.indexed)} indexes; at most {MOST_INDEXES}")
    if unknown := set(declared.verbs) - set(ALL_VERBS):
        raise StartRefused(f"{where}: verbs {sorted(unknown)}; known are {ALL_VERBS}")
    if declared.credit and not declared.responsible:
        raise StartRefused(f"{where}: credit needs responsible: whom are the changes credited to?")
    known = STANDARD | declared.fields
    _check_stage(where, declared)
    for option, names in {**_named(declared), "search": search, "filters": filters}.items():
        for name in names:
            plain = name.lstrip("-")
            if plain not in known and f"{plain}_id" not in known:
                fields = ", ".join(sorted(known))
                raise StartRefused(f"{where}: {option} names {plain!r}; fields are {fields}")


def _check_stage(where: str, declared: Declaration) -> None:
    """Refuse a stage that is no stored choice, and a sum of what is no number."""
    stage, added = (
        declared.fields.get(declared.stage or ""),
        declared.fields.get(declared.stage_sum or ""),
    )
    if stage is not None and (stage.kind != "choice" or stage.sql):
        raise StartRefused(f"{where}: stage={declared.stage!r} is not a choice that can be changed")
    if declared.stage_sum and not declared.stage:
        raise StartRefused(f"{where}: stage_sum needs stage: which field are the columns?")
    if added is not None and added.kind not in ("money", "integer", "decimal"):
        raise StartRefused(f"{where}: stage_sum={declared.stage_sum!r} is not a number")


def _marked(fields: dict[str, Field], search: Names, filters: Names) -> dict[str, Field]:
    """Return the fields, those marked that the entity's own lists name."""

    def listed(name: str, names: Names) -> bool:
        return name in names or name.removesuffix("_id") in names

    return {
        name: msgspec.structs.replace(
            field,
            search=field.search or listed(name, search),
            filter=field.filter or listed(name, filters),
        )
        for name, field in fields.items()
    }


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
    credit: tuple[str, ...] = (),
    stage: str | None = None,
    stage_sum: str | None = None,
    aggregates: tuple[Aggregate, ...] = (),
    named_filters: tuple[NamedFilter, ...] = (),
    icon: str = ICON,
    menu: int | None = MENU_POSITION,
    subtitle: str | None = None,
    inplace: tuple[str, ...] = (),
) -> Callable[[C], C]:
    """Declare a class as an entity; the kernel makes table, REST, screens and rights from it.

    ``title`` is the field by which people know a record. ``verbs`` are the generated operations
    that exist at all; ``actions`` name further permissions. ``indexed`` lists (filter…, sort)
    columns, at most twelve. ``scopes`` says, per scope, which column holds the principal's
    attribute. ``subject`` and ``responsible`` are the links that name the person concerned and the
    salesperson for the history; ``credit`` lists the fields whose changes count as theirs.
    ``stage`` is the choice whose codes are the columns of the board, ``stage_sum`` the number that
    is added up in each. ``icon`` draws it; ``menu`` is its place in the menu, small numbers
    first, ``None`` where it stands in no menu; ``subtitle`` is shown under the title. Fields
    named ``inplace`` can be changed in the list itself. Refuses at
    import, with ``StartRefused``, every name that is not a
    field, a class without docstring, and more than 25 fields.
    """

    def declare(cls: C) -> C:
        fields, column_types = read_fields(cls, RESERVED)
        declared = Declaration(
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
            credit=credit,
            stage=stage,
            stage_sum=stage_sum,
            aggregates=aggregates,
            named_filters=named_filters,
            icon=icon,
            menu=menu,
            subtitle=subtitle,
            inplace=inplace,
            fields=_marked(fields, search, filters),
            column_types=column_types,
        )
        _check(_where(cls), declared, search, filters)
        cls.__entity__ = declared  # type: ignore[attr-defined]
        return cls

    return declare


def extend(
    host: Any,
    *,
    indexed: tuple[tuple[str, ...], ...] = (),
    aggregates: tuple[Aggregate, ...] = (),
    named_filters: tuple[NamedFilter, ...] = (),
    columns: tuple[str, ...] = (),
) -> Callable[[C], C]:
    """Declare a class as an extension: its fields become columns of ``host``'s table.

    Each name begins with the extending plugin's name. ``host`` is a class or ``"plugin.entity"``.
    ``columns`` are shown in the host's list, in the places that are given like ``"phone+points"``:
    behind the host's column of that name, or at its end.
    The columns may be null or have a default, so that the host can be written without the plugin;
    anything else is refused at start with ``StartRefused``.
    """

    def declare(cls: C) -> C:
        fields, column_types = read_fields(cls, RESERVED)
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
            columns=columns,
        )
        return cls

    return declare
