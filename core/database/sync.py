"""After each chain: what the database holds of the registry's decisions is written anew.

Role policies follow from the declared scopes and grants follow from the table's kind, so a plugin
that adds a scope or a table needs no migration for either.
"""

import hashlib

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from core.access.scopes import role_policy
from core.database.tables import APP
from core.registry import Registry

EXISTING = """
SELECT c.relname, obj_description(p.oid, 'pg_policy')
  FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = c.relname || '_role'
 WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
"""


async def synchronise(
    connection: AsyncConnection, registry: Registry, failed: set[str] | None = None
) -> None:
    """Write the role policy of every entity's table, where it differs, and the reading grants."""
    rows = (await connection.execute(sa.text(EXISTING))).all()
    noted = {row[0]: row[1] for row in rows}
    for entity in registry.entities.values():
        if entity.table not in noted or entity.plugin in (failed or set()):
            continue
        sql = role_policy(entity, registry.entities)
        mark = hashlib.sha256(sql.encode()).hexdigest()[:16]
        if noted[entity.table] == mark:
            continue
        policy = f"{entity.table}_role"
        for statement in (
            f"DROP POLICY IF EXISTS {policy} ON {entity.table}",
            f"CREATE POLICY {policy} ON {entity.table} AS RESTRICTIVE FOR ALL TO {APP} USING {sql}",
            f"COMMENT ON POLICY {policy} ON {entity.table} IS '{mark}'",
        ):
            await connection.exec_driver_sql(statement)
    for name in noted:
        if name.startswith("alembic_version_"):
            await connection.exec_driver_sql(f'GRANT SELECT ON "{name}" TO {APP}')
