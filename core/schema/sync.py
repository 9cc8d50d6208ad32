"""After each chain: what the database holds of the registry's decisions is written anew.

Role policies follow from the declared scopes, triggers from the declared fields and grants from
the table's kind, so a plugin that adds any of them needs no migration for it.
"""

import hashlib
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.registry.registry import Registry
from core.schema.sql.aggregate_indexes import renew_indexes
from core.schema.sql.generated import discard, renew
from core.schema.sql.scopes import role_policy
from core.schema.sql.tables import APP

# The comment of a role policy holds the mark of its source and the hash of what the server made of
# it: neither a new declaration nor a changed policy goes unnoticed.
EXISTING = """
SELECT c.relname, obj_description(p.oid, 'pg_policy'), md5(pg_get_expr(p.polqual, p.polrelid))
  FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid
       AND p.polname = (c.relname || '_role')::name
 WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
"""
PRINTED = """
SELECT md5(pg_get_expr(polqual, polrelid)) FROM pg_policy
 WHERE polrelid = CAST(:entity_table AS regclass) AND polname = CAST(:policy AS name)
"""


def policy_mark(sql: str) -> str:
    """Return the mark of a role policy's source."""
    return hashlib.sha256(sql.encode()).hexdigest()[:16]


async def synchronise(
    connection: AsyncConnection, registry: Registry, failed: Collection[str] = ()
) -> None:
    """Write what differs: functions and triggers, role policies, indexes, the reading grants."""
    await connection.run_sync(renew, registry, failed)
    rows = (await connection.execute(sa.text(EXISTING))).all()
    noted = {name: (comment, printed) for name, comment, printed in rows}
    for entity in registry.entities.values():
        if entity.table not in noted or entity.plugin in failed:
            continue
        sql = role_policy(entity, registry.entities)
        comment, printed = noted[entity.table]
        if comment != f"{policy_mark(sql)} {printed}":
            await _write_policy(connection, entity.table, sql)
    await connection.run_sync(discard, registry, failed)
    await connection.run_sync(renew_indexes, registry, failed)
    for name in noted:
        if name.startswith("alembic_version_"):
            await connection.exec_driver_sql(f'GRANT SELECT ON "{name}" TO {APP}')


async def _write_policy(connection: AsyncConnection, table: str, sql: str) -> None:
    policy = f"{table}_role"
    await connection.exec_driver_sql(f"DROP POLICY IF EXISTS {policy} ON {table}")
    await connection.exec_driver_sql(
        f"CREATE POLICY {policy} ON {table} AS RESTRICTIVE FOR ALL TO {APP} USING {sql}"
    )
    printed = await connection.scalar(sa.text(PRINTED), {"entity_table": table, "policy": policy})
    await connection.exec_driver_sql(
        f"COMMENT ON POLICY {policy} ON {table} IS '{policy_mark(sql)} {printed}'"
    )
