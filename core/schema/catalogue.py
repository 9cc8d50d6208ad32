"""The rules of the schema: one query per rule, each returning the objects that break it.

They read the catalogue only, so they run as the owner after a migration and as the application's
role at start. ``lints.py`` runs them and says what the parameters are.
"""

import msgspec

from core.schema.sql.routines import KEPT


class Rule(msgspec.Struct, frozen=True):
    """One rule. ``sql`` returns the columns that ``sentence`` names in braces, by position."""

    name: str
    sentence: str
    sql: str


# Relations that no extension owns, outside PostgreSQL's own schemas.
# Of them, the tenant tables: whatever has a column tenant_id.
WITH = f"""
WITH ours AS MATERIALIZED (
  SELECT c.oid, c.relname, c.relkind, c.relowner, c.relacl, c.relrowsecurity,
         c.relforcerowsecurity, c.reloptions, n.nspname, c.oid::regclass::text AS title,
         (SELECT a.attnum FROM pg_attribute a WHERE a.attrelid = c.oid
             AND a.attname = 'tenant_id' AND NOT a.attisdropped) AS tenant_attnum
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relpersistence <> 't'
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
           AND d.objid = c.oid AND d.deptype = 'e')
), tenant AS MATERIALIZED (
  SELECT * FROM ours WHERE relkind IN ('r', 'p') AND tenant_attnum IS NOT NULL
), routine AS MATERIALIZED (
  SELECT p.*, p.oid::regprocedure::text AS title
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
   WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
           AND d.objid = p.oid AND d.deptype = 'e')
), privilege AS MATERIALIZED (
  SELECT o.oid, o.title, o.relkind, o.tenant_attnum, a.grantee, a.privilege_type
    FROM ours o, aclexplode(o.relacl) a WHERE a.grantee <> o.relowner
  UNION ALL
  SELECT o.oid, o.title, o.relkind, o.tenant_attnum, a.grantee, a.privilege_type
    FROM ours o JOIN pg_attribute t ON t.attrelid = o.oid, aclexplode(t.attacl) a
   WHERE a.grantee <> o.relowner
), audited AS (
  -- the triggers that call a generated audit function, as the kernel left it
  SELECT g.tgrelid, g.tgtype, f.prosrc FROM pg_trigger g JOIN pg_proc f ON f.oid = g.tgfoid
   WHERE starts_with(f.proname, 'crm_g_audit_') AND g.tgenabled IN ('O', 'A')
     AND g.tgtype & 1 = 0 AND g.tgqual IS NULL AND g.tgattr = ''::int2vector
     AND split_part(obj_description(f.oid, 'pg_proc'), ' ', 3) = {KEPT}
)
"""  # noqa: S608

# How the server prints the tenant policy that tables.wall_sql makes.
TENANT_EXPRESSION = (
    "(tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)"
)

TABLES = (
    Rule(
        "stray_table",
        "table {0} is neither a tenant table (it has no tenant_id) nor one that the kernel knows",
        """SELECT title FROM ours
            WHERE relkind IN ('r', 'p') AND (nspname <> 'public' OR tenant_attnum IS NULL)
              AND NOT (nspname = 'public' AND (relname = ANY (CAST(:global_tables AS text[]))
                                               OR relname ~ '^alembic_version_'))""",
    ),
    Rule(
        "row_security",
        "table {0} has no row security",
        "SELECT title FROM tenant WHERE NOT relrowsecurity",
    ),
    Rule(
        "forced",
        "table {0} has FORCE ROW LEVEL SECURITY, which breaks the checks of foreign keys",
        "SELECT title FROM tenant WHERE relforcerowsecurity",
    ),
    Rule(
        "owner",
        "{0} belongs to {1}, not to crm_owner",
        """SELECT title, pg_get_userbyid(relowner) FROM ours
            WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
              AND pg_get_userbyid(relowner) <> 'crm_owner'
           UNION ALL
           SELECT 'function ' || title, pg_get_userbyid(proowner) FROM routine
            WHERE prosecdef AND pg_get_userbyid(proowner) <> 'crm_owner'""",
    ),
    Rule(
        "tenant_column",
        "column tenant_id of table {0} must be a uuid that is never null",
        """SELECT title FROM tenant JOIN pg_attribute a ON a.attrelid = tenant.oid
              AND a.attnum = tenant_attnum
            WHERE NOT a.attnotnull OR a.atttypid <> 'uuid'::regtype""",
    ),
    Rule(
        "touch_trigger",
        "table {0} may be updated but has no trigger that calls crm_touch for each row",
        """SELECT title FROM tenant t
            WHERE EXISTS (SELECT FROM privilege p WHERE p.oid = t.oid
                            AND p.privilege_type = 'UPDATE')
              AND NOT EXISTS (SELECT FROM pg_trigger g JOIN pg_proc f ON f.oid = g.tgfoid
                    WHERE g.tgrelid = t.oid AND f.proname = 'crm_touch'
                      AND g.tgenabled IN ('O', 'A') AND g.tgtype & 19 = 19 AND g.tgtype & 64 = 0
                      AND g.tgqual IS NULL AND g.tgattr = ''::int2vector)""",
    ),
    Rule(
        "sequence",
        "sequence {0} counts across tenants; ids are UUIDs, numbers come from a row per tenant",
        "SELECT title FROM ours WHERE relkind = 'S'",
    ),
    Rule(
        "rewrite_rule",
        "rule {0} on {1} rewrites statements",
        """SELECT r.rulename::text, o.title FROM pg_rewrite r JOIN ours o ON o.oid = r.ev_class
            WHERE r.rulename <> '_RETURN'""",
    ),
)

POLICIES = (
    Rule(
        "tenant_policy",
        "table {0} has no tenant policy {1}: RESTRICTIVE, for every command, on its tenant_id",
        """SELECT t.title, (t.relname || '_tenant')::name::text FROM tenant t
            WHERE NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.oid
                AND p.polname = (t.relname || '_tenant')::name AND NOT p.polpermissive
                AND p.polcmd = '*' AND p.polroles = ARRAY['crm_app'::regrole::oid]
                AND pg_get_expr(p.polqual, p.polrelid) = CAST(:tenant_expression AS text)
                AND coalesce(pg_get_expr(p.polwithcheck, p.polrelid), :tenant_expression)
                    = :tenant_expression)""",
    ),
    Rule(
        "role_policy",
        "table {0} of an entity has no role policy {0}_role as its scopes want it",
        """SELECT w.entity_table FROM unnest(CAST(:role_tables AS text[]),
                  CAST(:role_marks AS text[])) AS w (entity_table, mark)
             JOIN tenant t ON t.relname = w.entity_table AND t.nspname = 'public'
            WHERE NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.oid
                AND p.polname = (t.relname || '_role')::name AND NOT p.polpermissive
                AND p.polcmd = '*' AND p.polroles = ARRAY['crm_app'::regrole::oid]
                AND p.polwithcheck IS NULL AND obj_description(p.oid, 'pg_policy')
                  = w.mark || ' ' || md5(pg_get_expr(p.polqual, p.polrelid)))""",
    ),
    Rule(
        "strange_policy",
        "policy {0} on {1} is not the kernel's",
        """SELECT p.polname::text, o.title FROM pg_policy p JOIN ours o ON o.oid = p.polrelid
            WHERE NOT (o.tenant_attnum IS NOT NULL AND (
              p.polname = (o.relname || '_tenant')::name AND NOT p.polpermissive
              OR p.polname = (o.relname || '_role')::name AND NOT p.polpermissive
              OR p.polname = (o.relname || '_base')::name AND p.polpermissive AND p.polcmd = '*'
                 AND p.polroles = ARRAY['crm_app'::regrole::oid]
                 AND pg_get_expr(p.polqual, p.polrelid) = 'true'))""",
    ),
)

KEYS = (
    Rule(
        "foreign_key",
        "foreign key {0} of table {1} does not pair its tenant_id with that of {2}",
        """SELECT k.conname::text, t.title, other.title FROM pg_constraint k
             JOIN tenant t ON t.oid = k.conrelid JOIN tenant other ON other.oid = k.confrelid
            WHERE k.contype = 'f' AND NOT EXISTS (
              SELECT FROM unnest(k.conkey, k.confkey) AS pair (here, there)
               WHERE here = t.tenant_attnum AND there = other.tenant_attnum)""",
    ),
    Rule(
        "on_delete",
        "foreign key {0} of table {1} sets columns to null or default, the tenant's with them",
        """SELECT k.conname::text, o.title FROM pg_constraint k JOIN ours o ON o.oid = k.conrelid
            WHERE k.contype = 'f' AND (k.confdeltype IN ('n', 'd') OR k.confupdtype IN ('n', 'd'))
        """,
    ),
    Rule(
        "unique",
        "unique key {0} of table {1} does not begin with tenant_id",
        """SELECT i.relname::text, t.title FROM pg_index x JOIN tenant t ON t.oid = x.indrelid
             JOIN pg_class i ON i.oid = x.indexrelid
            WHERE (x.indisunique OR x.indisprimary OR x.indisexclusion)
              AND x.indkey[0] <> t.tenant_attnum""",
    ),
    Rule(
        "index",
        "index {0} of table {1} does not begin with tenant_id",
        """SELECT i.relname::text, t.title FROM pg_index x JOIN tenant t ON t.oid = x.indrelid
             JOIN pg_class i ON i.oid = x.indexrelid
            WHERE NOT (x.indisunique OR x.indisprimary OR x.indisexclusion)
              AND x.indkey[0] <> t.tenant_attnum
              AND i.relname <> ALL (CAST(:exempt_indexes AS text[]))""",
    ),
    Rule(
        "primary_key",
        "table {0} has no primary key",
        """SELECT title FROM tenant WHERE NOT EXISTS (
             SELECT FROM pg_index x WHERE x.indrelid = tenant.oid AND x.indisprimary)""",
    ),
)

PRIVILEGES = (
    Rule(
        "view",
        "view {0} runs with its owner's rights; it needs security_invoker",
        """SELECT title FROM ours WHERE relkind = 'v' AND NOT coalesce((
             SELECT option_value::boolean FROM pg_options_to_table(reloptions)
              WHERE option_name = 'security_invoker'), false)""",
    ),
    Rule(
        "copy",
        "{0} is a materialised view or foreign table, which no row security guards; {1} reads it",
        """SELECT title, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee) END
             FROM privilege WHERE relkind IN ('m', 'f')
              AND (grantee = 0 OR pg_has_role('crm_app', grantee, 'MEMBER')) GROUP BY 1, 2""",
    ),
    Rule(
        "definer_path",
        "SECURITY DEFINER function {0} must SET search_path, with pg_temp last",
        # Without pg_temp at the end a caller's temporary table takes the place of a real one.
        """SELECT title FROM routine WHERE prosecdef AND NOT EXISTS (
             SELECT FROM unnest(proconfig) AS one
              WHERE one ~ '^search_path=(.*[ ,])?"?pg_temp"?$')""",
    ),
    Rule(
        "definer_public",
        "SECURITY DEFINER function {0} may be executed by PUBLIC",
        "SELECT title FROM routine WHERE prosecdef"
        " AND has_function_privilege('public', oid, 'EXECUTE')",
    ),
    Rule(
        "grant",
        "crm_app holds {1} on {0}",
        """SELECT title, string_agg(DISTINCT privilege_type, ', ') FROM privilege
            WHERE grantee = 'crm_app'::regrole
              AND privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE') GROUP BY 1""",
    ),
    Rule(
        "global_grant",
        "crm_app holds {1} on {0}, which belongs to no tenant",
        """SELECT title, string_agg(DISTINCT privilege_type, ', ') FROM privilege
            WHERE grantee = 'crm_app'::regrole AND relkind IN ('r', 'p') AND tenant_attnum IS NULL
              AND privilege_type IN ('INSERT', 'UPDATE', 'DELETE') GROUP BY 1""",
    ),
    Rule(
        "public_grant",
        "PUBLIC holds {1} on {0}",
        """SELECT title, string_agg(DISTINCT privilege_type, ', ') FROM privilege
            WHERE grantee = 0 GROUP BY 1
           UNION ALL
           SELECT 'schema ' || nspname, 'CREATE' FROM pg_namespace
            WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
              AND has_schema_privilege('public', oid, 'CREATE')""",
    ),
    Rule(
        "role",
        "role crm_app {0}; row security would not bind it",
        """SELECT power FROM pg_roles, LATERAL (VALUES
              (rolsuper, 'is a superuser'), (rolbypassrls, 'has BYPASSRLS'),
              (rolcreaterole, 'has CREATEROLE'), (rolreplication, 'has REPLICATION'),
              (pg_has_role(oid, 'crm_owner', 'MEMBER'), 'may become crm_owner'),
              (has_database_privilege(oid, current_database(), 'CREATE'),
               'may create schemas in the database'),
              (has_schema_privilege(oid, 'public', 'CREATE'), 'may create objects in public')
            ) AS powers (held, power)
            WHERE rolname = 'crm_app' AND held""",
    ),
)

DICTIONARY = (
    Rule(
        "missing_table",
        "entity {1} has no table {0}",
        """SELECT w.entity_table, w.entity FROM unnest(CAST(:entity_tables AS text[]),
                  CAST(:entity_names AS text[])) AS w (entity_table, entity)
            WHERE NOT EXISTS (SELECT FROM tenant t
                               WHERE t.relname = w.entity_table AND t.nspname = 'public')""",
    ),
    Rule(
        "missing_column",
        "column {0}.{1} is declared but does not exist",
        """SELECT w.entity_table, w.title FROM unnest(CAST(:wanted_tables AS text[]),
                  CAST(:wanted_columns AS text[])) AS w (entity_table, title)
             JOIN tenant t ON t.relname = w.entity_table AND t.nspname = 'public'
            WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.oid
                                AND a.attname = w.title AND NOT a.attisdropped)""",
    ),
    Rule(
        "wrong_type",
        "column {0}.{1} is declared as {2} but is {3}",
        """SELECT w.entity_table, w.title, w.kind, format_type(a.atttypid, a.atttypmod)
             FROM unnest(CAST(:wanted_tables AS text[]), CAST(:wanted_columns AS text[]),
                         CAST(:wanted_types AS text[])) AS w (entity_table, title, kind)
             JOIN tenant t ON t.relname = w.entity_table AND t.nspname = 'public'
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = w.title
              AND NOT a.attisdropped
            WHERE w.kind <> format_type(a.atttypid, a.atttypmod)""",
    ),
    Rule(
        "unknown_column",
        "column {0}.{1} is declared by no plugin",
        """SELECT t.relname::text, a.attname::text FROM tenant t
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
            WHERE t.nspname = 'public' AND t.relname = ANY (CAST(:entity_tables AS text[]))
              AND NOT EXISTS (
                SELECT FROM unnest(CAST(:known_tables AS text[]), CAST(:known_columns AS text[]))
                    AS k (entity_table, title)
                 WHERE k.entity_table = t.relname AND k.title = a.attname)
              AND NOT EXISTS (
                SELECT FROM ours v WHERE v.relname ~ '^alembic_version_'
                   AND starts_with(a.attname, substr(v.relname, 17) || '_')
                   AND substr(v.relname, 17) <> ALL (CAST(:served AS text[])))""",
    ),
    Rule(
        "added_column",
        "column {0}.{1} may not be null and has no default, so its host cannot be written alone",
        """SELECT w.entity_table, w.title FROM unnest(CAST(:added_tables AS text[]),
                  CAST(:added_columns AS text[])) AS w (entity_table, title)
             JOIN tenant t ON t.relname = w.entity_table AND t.nspname = 'public'
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = w.title
            WHERE a.attnotnull AND NOT a.atthasdef AND NOT a.attisdropped""",
    ),
)

AUDIT = (
    Rule(
        "audit_trigger",
        "{1} on table {0} is not audited: its trigger is missing, switched off or changed",
        """SELECT t.title, e.event FROM tenant t,
                  (VALUES ('INSERT', 4), ('DELETE', 8), ('UPDATE', 16)) AS e (event, bit)
             WHERE t.nspname = 'public' AND t.relname <> ALL (CAST(:unaudited_tables AS text[]))
               AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = t.oid)
               AND NOT EXISTS (SELECT FROM audited a
                                WHERE a.tgrelid = t.oid AND a.tgtype & e.bit > 0)""",
    ),
    Rule(
        "audit_column",
        "column {0}.{1} is not audited",
        """SELECT t.relname::text, c.attname::text FROM tenant t
              JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum > 0
               AND NOT c.attisdropped AND c.attgenerated = ''
              JOIN audited a ON a.tgrelid = t.oid AND a.tgtype & 16 > 0
             WHERE position(format('"%s":', c.attname) IN a.prosrc) = 0
               AND c.attname <> ALL (CAST(:unaudited_columns AS text[]))
               AND t.relname || '.' || c.attname <> ALL (CAST(:unaudited_columns AS text[]))""",
    ),
)

RULES = (*TABLES, *POLICIES, *KEYS, *PRIVILEGES, *AUDIT, *DICTIONARY)
