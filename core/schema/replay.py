"""What a chain of migrations makes, without a database: its operations are recorded, not run.

A shape holds the tables that a plugin makes and the columns that it adds to others' tables.
"""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic.operations import Operations, ops
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from core.errors import StartRefused
from core.registry.registry import Plugin
from core.schema.chain_config import alembic_config
from core.schema.chains import chain

_INDEX = re.compile(
    r"CREATE (UNIQUE )?INDEX (?:IF NOT EXISTS )?(\w+) ON (\w+) \(tenant_id, (.+?)\)"
)
_LINK = re.compile(
    r"ALTER TABLE (\w+) ADD CONSTRAINT (\w+) FOREIGN KEY \(tenant_id, (\w+)\)"
    r" REFERENCES (\w+) \(tenant_id, id\) ON DELETE (\w+)"
)
_DROPPED_COLUMN = re.compile(r"ALTER TABLE (\w+) DROP COLUMN (?:IF EXISTS )?(\w+)")
_DROPPED_INDEX = re.compile(r"DROP INDEX (?:IF EXISTS )?(\w+)")
_DROPPED_LINK = re.compile(r"ALTER TABLE (\w+) DROP CONSTRAINT (?:IF EXISTS )?(\w+)_link\b")


class Index(msgspec.Struct, frozen=True):
    """One index: the columns after the tenant, ``-`` before a descending one."""

    name: str
    columns: tuple[str, ...]
    unique: bool


class Table:
    """What one plugin has put into one table."""

    def __init__(self) -> None:
        self.columns: dict[str, sa.Column[Any]] = {}
        self.indexes: dict[str, Index] = {}
        self.links: dict[str, tuple[str, str]] = {}
        self.made = False

    def drop_column(self, name: str) -> None:
        """Forget a column and what the server drops with it."""
        self.columns.pop(name, None)
        self.links.pop(name, None)
        for index in list(self.indexes.values()):
            if name in {column.lstrip("-") for column in index.columns}:
                del self.indexes[index.name]


class Shape:
    """The tables by name; fills itself from the operations of migrations."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {}

    def table(self, name: str) -> Table:
        """Return a table, noted when it is met for the first time."""
        return self.tables.setdefault(name, Table())

    def record(self, operation: Any) -> None:
        """Take over one operation of Alembic; what has no columns or indexes is passed over."""
        for kind, take in _TAKES:
            if isinstance(operation, kind):
                take(self, operation)
                return

    def execute(self, sql: str) -> None:
        """Take over one statement."""
        if found := _INDEX.search(sql):
            unique, name, table, listed = found.groups()
            index = Index(name, _columns(listed, unique=bool(unique)), bool(unique))
            self.table(table).indexes[name] = index
        elif found := _LINK.search(sql):
            table, _, column, target, action = found.groups()
            kept = "cascade" if action == "CASCADE" else "restrict"
            self.table(table).links[column] = (target, kept)
        elif found := _DROPPED_COLUMN.search(sql):
            self.table(found[1]).drop_column(found[2])
        elif found := _DROPPED_LINK.search(sql):
            self.table(found[1]).links.pop(found[2].removeprefix(f"{found[1]}_"), None)
        elif found := _DROPPED_INDEX.search(sql):
            for table in self.tables.values():
                table.indexes.pop(found[1], None)


def _columns(listed: str, *, unique: bool) -> tuple[str, ...]:
    """Return an index's columns as they are declared: without the id that ends it."""
    names = []
    for part in listed.split(", "):
        name, _, direction = part.partition(" ")
        names.append(f"-{name}" if direction.startswith("DESC") else name)
    return tuple(names if unique or names[-1].lstrip("-") != "id" else names[:-1])


def _create_table(shape: Shape, operation: ops.CreateTableOp) -> None:
    table = shape.tables[operation.table_name] = Table()
    table.made = True
    table.columns = {c.name: c for c in operation.columns if isinstance(c, sa.Column)}


def _drop_table(shape: Shape, operation: ops.DropTableOp) -> None:
    shape.tables.pop(operation.table_name, None)


def _add_column(shape: Shape, operation: ops.AddColumnOp) -> None:
    shape.table(operation.table_name).columns[operation.column.name] = operation.column


def _drop_column(shape: Shape, operation: ops.DropColumnOp) -> None:
    shape.table(operation.table_name).drop_column(operation.column_name)


def _alter_column(shape: Shape, operation: ops.AlterColumnOp) -> None:
    columns = shape.table(operation.table_name).columns
    old = columns.get(operation.column_name)
    if old is None:
        return
    name = operation.modify_name or old.name
    nullable = old.nullable if operation.modify_nullable is None else operation.modify_nullable
    del columns[old.name]
    columns[name] = sa.Column(
        name,
        operation.modify_type or old.type,
        nullable=nullable,
        server_default=old.server_default,
    )


def _rename_table(shape: Shape, operation: ops.RenameTableOp) -> None:
    shape.tables[operation.new_table_name] = shape.tables.pop(operation.table_name, Table())


def _execute(shape: Shape, operation: ops.ExecuteSQLOp) -> None:
    shape.execute(" ".join(str(operation.sqltext).split()))


_TAKES: tuple[tuple[type, Callable[[Shape, Any], None]], ...] = (
    (ops.CreateTableOp, _create_table),
    (ops.DropTableOp, _drop_table),
    (ops.AddColumnOp, _add_column),
    (ops.DropColumnOp, _drop_column),
    (ops.AlterColumnOp, _alter_column),
    (ops.RenameTableOp, _rename_table),
    (ops.ExecuteSQLOp, _execute),
)


@contextmanager
def recording() -> Iterator[Shape]:
    """Let ``op`` write into a shape instead of a database until the block ends."""
    shape = Shape()
    options = {"as_sql": True, "output_buffer": io.StringIO()}
    context = MigrationContext.configure(dialect_name="postgresql", opts=options)
    with Operations.context(context) as operations:
        # Nothing reaches a server: the operations end here.
        operations.invoke = shape.record  # type: ignore[method-assign,assignment]
        yield shape


def replayed(plugin: Plugin) -> Shape:
    """Return what the plugin's chain makes; refuses a revision that needs a database to be read."""
    folder = chain(plugin)
    if folder is None:
        return Shape()
    scripts = ScriptDirectory.from_config(alembic_config(plugin, folder))
    with recording() as shape:
        for script in reversed(list(scripts.walk_revisions())):
            try:
                script.module.upgrade()
            except Exception as error:
                raise StartRefused(f"{script.path}: cannot be replayed: {error}") from error
    return shape
