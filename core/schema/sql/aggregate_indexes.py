"""The index from which an entity's declared figures are read without its table.

It leads with what figures are split by and carries what they count, add up and are walled by, so
that the figures of a million records are one scan of a small index.
"""

import hashlib
from collections.abc import Collection, Iterator

import sqlalchemy as sa

from core.model.aggregates import Aggregate, Through
from core.model.entities import Declaration
from core.registry.registry import Registry
from core.schema.sql.generated import COLUMNS
from core.schema.sql.routines import routine_name

# What never makes an index's entry too long.
SMALL = frozenset(
    ("boolean", "integer", "decimal", "money", "currency", "choice", "date", "datetime", "link")
)
EXISTING = """
SELECT c.relname::text, coalesce(obj_description(c.oid, 'pg_class'), '')
  FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'i'
   AND starts_with(c.relname, :prefix)
"""


def renew_indexes(
    connection: sa.Connection, registry: Registry, absent: Collection[str] = ()
) -> None:
    """Make the indexes that are missing or differ; drop those without a use.

    Those of plugins in ``absent`` (their chain failed) stay as they are.
    """
    columns = {table: frozenset(names) for table, names in connection.execute(sa.text(COLUMNS))}
    prefix = f"{routine_name('figures')}_"
    rows = connection.execute(sa.text(EXISTING), {"prefix": prefix})
    existing = {row[0]: row[1] for row in rows}
    served = [e for e in registry.entities.values() if e.plugin not in absent]
    wanted = {index_of(e): sql for e in served if (sql := _index(e, columns.get(e.table)))}
    for name, sql in wanted.items():
        mark = hashlib.sha256(sql.encode()).hexdigest()[:16]
        if existing.get(name) != mark:
            connection.exec_driver_sql(f"DROP INDEX IF EXISTS {name}")
            connection.exec_driver_sql(sql)
            connection.exec_driver_sql(f"COMMENT ON INDEX {name} IS '{mark}'")
    for entity in served:
        if index_of(entity) in existing and index_of(entity) not in wanted:
            connection.exec_driver_sql(f"DROP INDEX {index_of(entity)}")


def index_of(entity: Declaration) -> str:
    """Return the name of the index of an entity's figures."""
    return routine_name("figures", entity.table)


def _index(entity: Declaration, columns: frozenset[str] | None) -> str | None:
    """Return the statement that makes the index, None where the figures need what is too long."""
    names = dict.fromkeys(name for a in entity.aggregates for name in _counted(entity, a))
    fields = [entity.fields.get(name) for name in names]
    if not columns or not fields or any(f is None or f.kind not in SMALL for f in fields):
        return None
    split = dict.fromkeys(a.by for a in entity.aggregates if a.by)
    more = dict.fromkeys([*names, *_walling(entity)])
    keys = ", ".join(("tenant_id", *split))
    carried = [name for name in more if name not in split and name != "tenant_id"]
    if not columns.issuperset((*split, *carried)):
        return None
    return (
        f"CREATE INDEX {index_of(entity)} ON {entity.table} ({keys})"
        f" INCLUDE ({', '.join(carried)}) WHERE deleted_at IS NULL"
    )


def _counted(entity: Declaration, figure: Aggregate) -> Iterator[str]:
    yield from (name for name in (figure.by, figure.field) if name)
    yield from _criteria_fields(entity, figure.where)


def _criteria_fields(entity: Declaration, tree: object) -> Iterator[str]:
    """Yield the fields that criteria name, as they are stored."""
    if isinstance(tree, dict):
        if "field" in tree:
            found = entity.field(tree["field"])
            yield found.name if found else tree["field"]
        for part in tree.values():
            yield from _criteria_fields(entity, part)
    elif isinstance(tree, list | tuple):
        for part in tree:
            yield from _criteria_fields(entity, part)


def _walling(entity: Declaration) -> Iterator[str]:
    """Yield the columns that the table's role policy looks at."""
    yield "created_by"
    for path in entity.scopes.values():
        yield path.local if isinstance(path, Through) else path
