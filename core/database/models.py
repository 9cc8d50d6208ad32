"""From declarations to mapped classes: each application maps subclasses of its own.

The mapper's key is the full key, so every statement the ORM makes names the tenant.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.schema import FetchedValue

from core.model.entities import Declaration, Entity
from core.model.standard_fields import STANDARD_TYPES
from core.registry.registry import Registry

E = TypeVar("E", bound=Entity)
_BY_DATABASE = ("version", "created_at", "updated_at", "created_by", "updated_by", "custom")
_BY_TRIGGER = ("version", "updated_at", "updated_by")


def _column(entity: Declaration, name: str, type_: Any) -> sa.Column[Any]:
    field = entity.fields[name]
    if field.sql:
        return sa.Column(name, type_, sa.Computed(field.sql, persisted=True))
    defaulted = name in _BY_DATABASE or field.default is not None or field.kind in ("tags",)
    return sa.Column(
        name,
        type_,
        nullable=field.nullable,
        server_default=FetchedValue() if defaulted else None,
        server_onupdate=FetchedValue() if name in _BY_TRIGGER else None,
    )


def _table(entity: Declaration, metadata: sa.MetaData) -> sa.Table:
    types = STANDARD_TYPES | entity.column_types
    columns = [_column(entity, name, types[name]) for name in types if name != "id"]
    return sa.Table(
        entity.table,
        metadata,
        sa.Column("tenant_id", sa.Uuid(), primary_key=True),
        sa.Column("id", sa.Uuid(), primary_key=True, server_default=FetchedValue()),
        *columns,
        info={"entity": entity.name, "scope": "tenant"},
    )


class Models:
    """The mapped classes of one application."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.mapping = orm.registry()
        self.tables: Mapping[str, sa.Table] = {
            name: _table(entity, self.mapping.metadata)
            for name, entity in registry.entities.items()
        }
        self._classes = {
            name: type(entity.cls.__name__, (entity.cls,), {"__module__": entity.cls.__module__})
            for name, entity in registry.entities.items()
        }
        for name, entity in registry.entities.items():
            self.mapping.map_imperatively(
                self._classes[name],
                self.tables[name],
                properties=self._links(entity),
                eager_defaults=True,
            )
        self.mapping.configure()

    def _links(self, entity: Declaration) -> dict[str, Any]:
        """Return the relationships: only ``x_id`` is ever written, nothing loads by itself."""
        here = self.tables[entity.name]
        found: dict[str, Any] = {}
        for field in entity.fields.values():
            if field.kind != "link" or not field.name.endswith("_id") or not field.target:
                continue
            there = self.tables[field.target]
            join = sa.and_(
                here.c.tenant_id == there.c.tenant_id,
                orm.foreign(here.c[field.name]) == there.c.id,
            )
            found[field.name.removesuffix("_id")] = orm.relationship(
                self._classes[field.target],
                primaryjoin=join,
                lazy="raise",
                remote_side=[there.c.tenant_id, there.c.id],
            )
        return found

    def __getitem__(self, declared: type[E]) -> type[E]:
        """Return the mapped class of a declaration."""
        return self._classes[self._registry.entity(declared).name]
