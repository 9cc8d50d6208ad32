"""The next migration of a plugin, drafted from what its declarations ask and its chain makes."""

from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from core.errors import StartRefused
from core.model.standard_fields import STANDARD_TYPES
from core.registry.registry import Plugin, Registry
from core.schema.render import Call, column_source, names_in, pairs, render, text, type_source
from core.schema.replay import Index, Shape, Table, replayed
from core.schema.sql.tables import index_sql
from core.schema.target import TargetSchema, shape_of, target_schema

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
_KERNELS = {"tenant_id", *STANDARD_TYPES}
_NEVER_NULL = {"id", "version", "created_at", "updated_at"}


class Step(msgspec.Struct, frozen=True):
    """One change: a sentence for people, and the calls that make and unmake it."""

    says: str
    up: tuple[Call, ...]
    down: tuple[Call, ...]


def differences(registry: Registry, plugin: Plugin) -> list[Step]:
    """Return the steps from what the chain makes to what the declarations ask; empty when even."""
    have, want = replayed(plugin), shape_of(registry, plugin.name)
    given = {found.table: found for _, found in target_schema(registry, plugin.name)}
    steps: list[Step] = []
    for name, table in want.tables.items():
        old = have.tables.get(name)
        if table.made and (old is None or not old.made):
            steps.append(_new_table(given[name]))
        else:
            steps += _table_steps(name, old or Table(), table, given[name])
    steps += _gone(have, want, plugin.name)
    return steps


def draft(steps: list[Step], *, revision: str, before: str | None, says: str) -> str:
    """Return the text of a migration file, formatted."""
    up = [call for step in steps for call in step.up]
    back = [call for step in reversed(steps) for call in step.down]
    return render(up, back, revision=revision, before=before, says=says)


def _new_table(found: TargetSchema) -> Step:
    return Step(
        f"table {found.table} is missing",
        (_make("tenant_table", found),),
        (Call("drop_tenant_table", (text(found.table),)),),
    )


def _make(function: str, found: TargetSchema) -> Call:
    arguments = [text(found.table), *(column_source(c) for c in found.columns)]
    if found.keys:
        arguments.append(f"keys={names_in(found.keys)}")
    if found.unique:
        single = tuple(u[0] if len(u) == 1 else u for u in found.unique)
        arguments.append(f"unique={names_in(single)}")
    if found.links:
        arguments.append(f"links={pairs(found.links)}")
    if found.indexes:
        arguments.append(f"indexes={names_in(found.indexes)}")
    return Call(function, tuple(arguments))


def _table_steps(name: str, old: Table, new: Table, found: TargetSchema) -> Iterator[Step]:
    """Yield the steps for a table that exists, at least in part."""
    fresh = [n for n in new.columns if n not in old.columns]
    removed = [n for n in old.columns if n not in new.columns and n not in _KERNELS]
    for index in old.indexes.values():
        goes_along = any(n.lstrip("-") in removed for n in index.columns)
        if new.indexes.get(index.name) != index and _is_ours(name, index) and not goes_along:
            yield _drop_index(name, index, old)
    if fresh:
        yield _new_columns(name, fresh, old, new, found)
    for column in new.columns:
        if column in old.columns:
            yield from _altered(name, old.columns[column], new.columns[column])
    for index in new.indexes.values():
        made = _comes_with(index, fresh, new)
        if old.indexes.get(index.name) != index and not made:
            yield _add_index(name, index, new)
    if removed:
        yield _old_columns(name, removed, old)


def _comes_with(index: Index, fresh: list[str], table: Table) -> bool:
    """Whether ``tenant_columns`` makes the index with the columns that it adds."""
    names = [n.lstrip("-") for n in index.columns]
    known = {*fresh, *_NEVER_NULL}
    known |= {n for n in names if n in table.columns and not table.columns[n].nullable}
    return any(n in fresh for n in names) and known.issuperset(names)


def _new_columns(name: str, fresh: list[str], old: Table, new: Table, found: TargetSchema) -> Step:
    keys = tuple(n for n in found.keys if f"{n}_key" in fresh)
    columns = tuple(c for c in found.columns if c.name in fresh)
    if old.made:
        for column in columns:
            if not column.nullable and column.server_default is None and not column.computed:
                raise StartRefused(
                    f"{name}.{column.name} is required, and rows may exist: let it be null or"
                    " give it a default; make it required in a later migration."
                )
    part = TargetSchema(
        name,
        columns,
        keys=keys,
        unique=tuple(u for u in found.unique if _with(u, fresh, new)),
        links={n: link for n, link in found.links.items() if n in fresh},
        indexes=tuple(i for i in found.indexes if _with(i, fresh, new)),
    )
    gone = [n for n in fresh if not n.endswith("_key") or n.removesuffix("_key") not in fresh]
    return Step(
        f"columns {', '.join(f'{name}.{n}' for n in fresh)} are missing",
        (_make("tenant_columns", part),),
        (Call("drop_tenant_columns", (text(name), *map(text, gone))),),
    )


def _with(names: tuple[str, ...], fresh: list[str], table: Table) -> bool:
    return _comes_with(Index("", names, unique=False), fresh, table)


def _old_columns(name: str, removed: list[str], old: Table) -> Step:
    kept = [n for n in removed if not n.endswith("_key") or n.removesuffix("_key") not in removed]
    part = _restored(name, old, kept)
    return Step(
        f"columns {', '.join(f'{name}.{n}' for n in kept)} are declared by nobody",
        (Call("drop_tenant_columns", (text(name), *map(text, kept))),),
        (_make("tenant_columns", part),),
    )


def _restored(name: str, table: Table, columns: list[str]) -> TargetSchema:
    """Return what the chain made of these columns, so that it can be made again."""
    keys = tuple(n for n in columns if f"{n}_key" in table.columns)
    present = {*columns, *(f"{n}_key" for n in keys)}
    indexes = [
        i for i in table.indexes.values() if any(c.lstrip("-") in present for c in i.columns)
    ]
    return TargetSchema(
        name,
        tuple(table.columns[n] for n in columns),
        keys=keys,
        unique=tuple(i.columns for i in indexes if i.unique),
        links={n: link for n, link in table.links.items() if n in columns},
        indexes=tuple(i.columns for i in indexes if i.name.endswith("_by")),
    )


def _altered(name: str, old: sa.Column[Any], new: sa.Column[Any]) -> Iterator[Step]:
    type_ = _ddl(old) != _ddl(new)
    if not type_ and old.nullable == new.nullable:
        return
    if new.computed is not None or old.computed is not None:
        raise StartRefused(f"{name}.{new.name}: write the change of a computed column by hand.")
    yield Step(
        f"column {name}.{new.name} is {_ddl(old)}{_null(old)}, declared {_ddl(new)}{_null(new)}",
        (_alter(name, old, new, type_=type_),),
        (_alter(name, new, old, type_=type_),),
    )


def _alter(name: str, old: sa.Column[Any], new: sa.Column[Any], *, type_: bool) -> Call:
    arguments = [text(name), text(new.name)]
    if type_:
        arguments.append(f"type_={type_source(new.type)}")
    if old.nullable != new.nullable:
        arguments.append(f"nullable={new.nullable}")
    return Call("op.alter_column", tuple(arguments))


def _ddl(column: sa.Column[Any]) -> str:
    return str(column.type.compile(dialect=_DIALECT))


def _null(column: sa.Column[Any]) -> str:
    return "" if column.nullable else " NOT NULL"


def _is_ours(table: str, index: Index) -> bool:
    """Whether the declaration is what made the index; one made by hand is its author's."""
    names = "_".join(n.lstrip("-") for n in index.columns)
    return index.name in (f"{table}_{names}_by", f"{table}_{names}_unique")


def _sql_of(name: str, index: Index, table: Table) -> str:
    if index.unique:
        listed = ", ".join(index.columns)
        return (
            f"CREATE UNIQUE INDEX {index.name} ON {name} (tenant_id, {listed})"
            " WHERE deleted_at IS NULL"
        )
    if index.name.endswith("_link"):
        return f"CREATE INDEX {index.name} ON {name} (tenant_id, {index.columns[0]})"
    return index_sql(name, index.columns, {n for n, c in table.columns.items() if c.nullable})


def _add_index(name: str, index: Index, table: Table) -> Step:
    return Step(
        f"index {index.name} is missing",
        (Call("op.execute", (text(_sql_of(name, index, table)),)),),
        (Call("op.execute", (text(f"DROP INDEX {index.name}"),)),),
    )


def _drop_index(name: str, index: Index, table: Table) -> Step:
    back = _add_index(name, index, table)
    return Step(f"index {index.name} is declared no longer", back.down, back.up)


def _gone(have: Shape, want: Shape, plugin: str) -> Iterator[Step]:
    """Yield the steps for tables, and columns on others' tables, that nobody declares."""
    for name, table in reversed(have.tables.items()):
        if name in want.tables:
            continue
        own = [n for n in table.columns if n not in _KERNELS]
        if not table.made:
            if own:
                yield _old_columns(name, own, table)
            continue
        kept = [n for n in own if not n.endswith("_key") or n.removesuffix("_key") not in own]
        yield Step(
            f"table {name} is declared by no entity of {plugin}",
            (Call("drop_tenant_table", (text(name),)),),
            (_make("tenant_table", _restored(name, table, kept)),),
        )
