"""What the declarations of one plugin ask of its tables, as ``tenant_table`` takes it."""

from collections.abc import Iterator
from enum import Enum
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from core.errors import StartRefused
from core.model.entities import Declaration
from core.model.fields import Field
from core.model.types import Tags
from core.registry.registry import Registry
from core.schema.replay import Shape, recording
from core.schema.sql import tables


class TargetSchema(msgspec.Struct, frozen=True):
    """One table, or what is added to one: the arguments of ``tenant_table``/``tenant_columns``."""

    table: str
    columns: tuple[Any, ...]
    keys: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    links: dict[str, tuple[str, str]] = {}
    indexes: tuple[tuple[str, ...], ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to make."""
        return not (self.columns or self.keys or self.unique or self.links or self.indexes)

    def make(self, *, whole: bool) -> None:
        """Call the function that makes it, through Alembic's ``op``."""
        function = tables.tenant_table if whole else tables.tenant_columns
        function(
            self.table,
            *(column._copy() for column in self.columns),  # SQLAlchemy has no public word for it
            keys=self.keys,
            unique=self.unique,
            links=self.links,
            indexes=self.indexes,
        )


def target_schema(registry: Registry, plugin: str) -> Iterator[tuple[bool, TargetSchema]]:
    """Yield (is a table of its own, its target schema), in an order in which links find targets."""
    for entity in _linked_first(registry, plugin):
        # As declared: the registered one also holds what extensions add.
        yield True, _of(registry, entity, plugin, entity.cls.__entity__.indexed)
    for entity in registry.entities.values():
        if entity.plugin == plugin:
            continue
        added = [
            pair
            for owner, extension in registry.extensions
            if owner == plugin and registry.entity(extension.host) is entity
            for pair in extension.indexed
        ]
        found = _of(registry, entity, plugin, tuple(added))
        if not found.empty:
            yield False, found


def shape_of(registry: Registry, plugin: str) -> Shape:
    """Return the shape that the plugin's declarations ask for."""
    with recording() as shape:
        for whole, found in target_schema(registry, plugin):
            found.make(whole=whole)
    return shape


def _linked_first(registry: Registry, plugin: str) -> list[Declaration]:
    own = {n: e for n, e in registry.entities.items() if e.plugin == plugin}
    done: dict[str, Declaration] = {}

    def visit(name: str, trail: tuple[str, ...]) -> None:
        if name in trail[:-1]:
            raise StartRefused(f"{' -> '.join(trail)} link in a circle; make one link by hand.")
        for field in own[name].fields.values():
            if field.target in own and field.target != name and field.target not in done:
                visit(str(field.target), (*trail, str(field.target)))
        done.setdefault(name, own[name])

    for name in own:
        if name not in done:
            visit(name, (name,))
    return list(done.values())


def _of(
    registry: Registry, entity: Declaration, plugin: str, indexed: tuple[tuple[str, ...], ...]
) -> TargetSchema:
    fields = [
        f for n, f in entity.fields.items() if f.plugin == plugin and n in entity.column_types
    ]
    single = tuple((f.name,) for f in fields if f.unique)
    several = tuple(tuple(_stored(entity, n) for n in names) for names in entity.unique)
    return TargetSchema(
        table=entity.table,
        columns=tuple(_column(f, entity.column_types[f.name]) for f in fields),
        keys=tuple(f.name for f in fields if f.has_key),
        unique=single + (several if entity.plugin == plugin else ()),
        links={f.name: (registry.entity(f.target).table, f.on_delete) for f in fields if f.target},
        indexes=tuple(_index(entity, names) for names in indexed),
    )


def _stored(entity: Declaration, name: str) -> str:
    found = entity.field(name)
    return found.name if found else name


def _index(entity: Declaration, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns of a declared index; the last one sorts, by its folded key."""
    *filters, last = names
    plain = last.lstrip("-")
    found = entity.field(plain)
    column = found.sort_column if found else plain
    return (
        *(_stored(entity, n.lstrip("-")) for n in filters),
        f"-{column}" if last.startswith("-") else column,
    )


def _column(field: Field, type_: Any) -> sa.Column[Any]:
    if field.sql:
        return sa.Column(field.name, _plain(type_), sa.Computed(field.sql, persisted=True))
    default = _default(field)
    return sa.Column(
        field.name,
        _plain(type_),
        nullable=field.nullable,
        server_default=default,
    )


def _default(field: Field) -> str | None:
    """Return the default that the database fills in, as text."""
    value = field.default
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is not None:
        return str(value)
    if field.nullable:
        return None
    return {"boolean": "false", "tags": "{}", "json": "{}"}.get(field.kind)


def _plain(type_: Any) -> Any:
    """Return a type that a migration can name without the kernel's own types."""
    if isinstance(type_, Tags):
        return ARRAY(sa.Text())
    if isinstance(type_, JSONB | sa.Text | sa.DateTime):
        return type_
    for plain in (sa.BigInteger, sa.Integer):
        if isinstance(type_, plain):
            return plain()
    return sa.String(type_.length) if isinstance(type_, sa.String) else type_
