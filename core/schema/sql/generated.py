"""What each tenant table carries because of its declaration: functions and triggers, kept right.

The audit and the search index write themselves below everything that reaches a table. Their
functions are generated from the registry and the catalogue, so no plugin's migration makes them:
they are renewed inside each revision's transaction and again after all chains.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping

import msgspec
import sqlalchemy as sa

from core.registry.registry import Registry
from core.schema.sql import audit_triggers as audit
from core.schema.sql import scopes
from core.schema.sql import search_triggers as search
from core.schema.sql.routines import KEPT, PREFIX, Generated

# The columns that a row of each tenant table brings along: no generated ones.
COLUMNS = """
SELECT c.relname::text, array_agg(a.attname::text ORDER BY a.attnum)
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT c.relispartition
   AND NOT a.attisdropped AND a.attgenerated = ''
 GROUP BY c.relname HAVING bool_or(a.attname = 'tenant_id')
"""
# The comment of a function names its table, the mark of its source and the hash of what the
# server keeps of it: neither a new declaration nor a changed function goes unnoticed.
EXISTING = f"""
SELECT f.proname::text AS name, f.oid::regprocedure::text AS signature,
       coalesce(obj_description(f.oid, 'pg_proc'), '') AS comment, {KEPT} AS kept
  FROM pg_proc f WHERE f.pronamespace = 'public'::regnamespace AND starts_with(f.proname, :prefix)
"""


class Existing(msgspec.Struct, frozen=True):
    """A generated function as the catalogue has it."""

    signature: str
    comment: str
    kept: str

    @property
    def table(self) -> str:
        """The table that it follows from."""
        return self.comment.partition(" ")[0]


def renew(connection: sa.Connection, registry: Registry, absent: Collection[str] = ()) -> None:
    """Make every generated function anew that is missing or differs; drop those without a use.

    What belongs to a plugin in ``absent`` (its chain failed), or to one that is not on disk, stays
    as it is, and so does what a policy may still use: ``discard`` takes that.
    """
    existing, wanted = _both(connection, registry, absent)
    for name, one in wanted.items():
        have = existing.get(name)
        if have is None or have.comment != _comment(one, have.kept):
            _make(connection, one)
    for name, have in existing.items():
        if name not in wanted and not name.startswith(scopes.LINKED):
            connection.exec_driver_sql(f"DROP FUNCTION {have.signature} CASCADE")
    connection.exec_driver_sql(search.TIDY)


def discard(connection: sa.Connection, registry: Registry, absent: Collection[str] = ()) -> None:
    """Drop the functions that no role policy uses any more, once the policies are written."""
    existing, wanted = _both(connection, registry, absent)
    for name, have in existing.items():
        if name not in wanted and name.startswith(scopes.LINKED):
            connection.exec_driver_sql(f"DROP FUNCTION {have.signature}")


def _both(
    connection: sa.Connection, registry: Registry, absent: Collection[str]
) -> tuple[dict[str, Existing], dict[str, Generated]]:
    """Return the functions that are there, of what is served or of no table, and those wanted."""
    columns = {table: frozenset(names) for table, names in connection.execute(sa.text(COLUMNS))}
    served = [name for name in registry.plugins if name not in absent]
    existing = {
        name: have
        for name, have in _existing(connection, PREFIX).items()
        if have.table not in columns or _owner(have.table, served)
    }
    return existing, {one.name: one for one in _target_objects(registry, columns, served)}


def _owner(table: str, served: Collection[str]) -> str | None:
    """Return which of the plugins a table belongs to, or None."""
    found = [name for name in served if table.startswith(f"{name}_")]
    return max(found, key=len, default=None)


def _target_objects(
    registry: Registry, columns: Mapping[str, frozenset[str]], served: Collection[str]
) -> Iterator[Generated]:
    entities = {e.table: e for e in registry.entities.values()}
    for table, names in columns.items():
        owner, entity = _owner(table, served), entities.get(table)
        if owner is None:
            continue
        name = f"{owner}.{table.removeprefix(f'{owner}_')}"
        yield from audit.generated(table, name, names, entity)
        if entity is not None:
            yield from search.generated(registry, entity, names)
            yield from scopes.generated(entity, registry.entities)


def _existing(connection: sa.Connection, prefix: str) -> dict[str, Existing]:
    rows = connection.execute(sa.text(EXISTING), {"prefix": prefix}).all()
    return {row.name: Existing(row.signature, row.comment, row.kept) for row in rows}


def _comment(one: Generated, kept: str) -> str:
    mark = hashlib.sha256("\n".join(one.statements).encode()).hexdigest()[:16]
    return f"{one.table} {mark} {kept}"


def _make(connection: sa.Connection, one: Generated) -> None:
    for sql in one.statements:
        connection.exec_driver_sql(sql)
    kept = _existing(connection, one.name)[one.name].kept
    comment = _comment(one, kept)
    connection.exec_driver_sql(f"COMMENT ON FUNCTION {one.name}({one.arguments}) IS '{comment}'")
