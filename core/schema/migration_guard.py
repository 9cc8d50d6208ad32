"""What a plugin's revision may not do: break a rule of the schema, or touch what is not its own.

Both are looked at inside the revision's transaction, so a revision that does either leaves nothing
behind, its plugin is quarantined, and the rest goes on.
"""

from typing import Any

import sqlalchemy as sa

from core.registry.registry import Registry
from core.schema.lints import broken_by_revision
from core.schema.sql.generated import renew

# Name and shape of everything that belongs neither to the plugin nor to PostgreSQL. What a plugin
# adds to another's table carries the plugin's name, or speaks of a column that does.
FOREIGN = """
WITH relation AS (
  SELECT c.oid AS id, c.relname::text AS place, c.relkind, c.relowner, c.relrowsecurity,
         c.relforcerowsecurity, c.relacl FROM pg_class c
   WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
     AND NOT starts_with(c.relname, :prefix) AND c.relname <> 'alembic_version_' || :plugin
), object AS (
  SELECT 'table ' || place, '' AS name, concat_ws(' ', relkind, relowner, relrowsecurity,
         relforcerowsecurity, relacl::text) AS shape FROM relation
  UNION ALL
  SELECT 'column ' || place || '.' || a.attname, a.attname::text, concat_ws(' ', a.attnotnull,
         format_type(a.atttypid, a.atttypmod), a.attgenerated, a.attidentity, a.attacl::text,
         pg_get_expr(d.adbin, d.adrelid))
    FROM relation JOIN pg_attribute a ON a.attrelid = relation.id
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
   WHERE a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT 'constraint ' || k.conname || ' on ' || place, k.conname::text, pg_get_constraintdef(k.oid)
    FROM relation JOIN pg_constraint k ON k.conrelid = relation.id
  UNION ALL
  SELECT 'index ' || x.indexrelid::regclass, x.indexrelid::regclass::text,
         pg_get_indexdef(x.indexrelid)
    FROM relation JOIN pg_index x ON x.indrelid = relation.id
  UNION ALL
  SELECT 'policy ' || p.polname || ' on ' || place, '', concat_ws(' ', p.polpermissive, p.polcmd,
         p.polroles, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    FROM relation JOIN pg_policy p ON p.polrelid = relation.id
  UNION ALL
  SELECT 'trigger ' || t.tgname || ' on ' || place, t.tgname::text,
         concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled)
    FROM relation JOIN pg_trigger t ON t.tgrelid = relation.id WHERE NOT t.tgisinternal
     AND NOT starts_with(t.tgname, 'crm_g_')
  UNION ALL
  SELECT 'function ' || p.oid::regprocedure, p.proname::text, concat_ws(' ', p.prosrc, p.prosecdef,
         p.proconfig, p.proacl::text, p.proowner)
    FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
     AND NOT starts_with(p.proname, 'crm_g_')
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
           AND d.objid = p.oid AND d.deptype = 'e')
)
SELECT * FROM object
 WHERE NOT (name ~ ('(^|_)' || :prefix)
            OR name <> '' AND shape ~ ('(^|[^a-z0-9_])' || :prefix))
"""


class Trespass(Exception):
    """A revision broke a rule of the schema or changed what is not its plugin's."""


class Watch:
    """Looks at the database before a plugin's chain and after each of its revisions.

    What the kernel generates for the plugin's tables is made in the revision's transaction, so
    that no column is ever without its audit.
    """

    def __init__(self, plugin: str, connection: sa.Connection, registry: Registry) -> None:
        self._plugin = plugin
        self._registry = registry
        self._broken = set(broken_by_revision(connection))
        self._foreign = self._objects(connection)

    def _objects(self, connection: sa.Connection) -> dict[str, str]:
        given = {"plugin": self._plugin, "prefix": f"{self._plugin}_"}
        rows = connection.execute(sa.text(FOREIGN), given).all()
        return {title: shape for title, _, shape in rows}

    def __call__(self, ctx: Any, **_: Any) -> None:
        """Refuse, with ``Trespass``, what the revision did; Alembic then rolls it back."""
        connection = ctx.connection
        renew(connection, self._registry)
        for finding in broken_by_revision(connection):
            if finding not in self._broken:
                raise Trespass(finding)
        now = self._objects(connection)
        for title, shape in self._foreign.items():
            if now.get(title) != shape:
                done = "changes" if title in now else "drops"
                raise Trespass(f"the revision {done} {title}, which is not {self._plugin}'s")
