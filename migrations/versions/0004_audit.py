"""The audit: who changed what, below everything that reaches a table."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import INET, JSONB

from core.schema.sql.tables import wall_sql

revision = "core_0004"
down_revision = "core_0003"

TIME = sa.DateTime(timezone=True)
# Rows reach the log through the triggers alone.
READ_ONLY = "REVOKE INSERT, UPDATE, DELETE ON {table} FROM crm_app"
# Only an internal person, who holds ``history`` on some entity, reads what others changed.
READERS = """
CREATE POLICY {table}_role ON {table} AS RESTRICTIVE FOR ALL TO crm_app
 USING ((SELECT 'all' = ANY (crm_scopes('core.audit'))))
"""
# The origin is the request's JSON in hexadecimal digits, so that it can be SET without quoting.
# A transaction notes its request once; in a rolled back savepoint the mark is gone with the row.
REQUEST = """
CREATE FUNCTION crm_audit_request(tenant uuid, request uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  mark text := tenant || request::text;
  given text := nullif(current_setting('app.origin', true), '');
  origin jsonb := '{}';
BEGIN
  IF current_setting('app.audited', true) IS NOT DISTINCT FROM mark THEN
    RETURN;
  END IF;
  IF given IS NOT NULL THEN
    origin := convert_from(decode(given, 'hex'), 'UTF8')::jsonb;
  END IF;
  INSERT INTO core_audit_request
    (tenant_id, id, principal_kind, principal_id, session_id, key_id, database_user, address,
     user_agent, method, route, operation, reason)
  VALUES (tenant, request,
     coalesce(origin ->> 'kind',
              CASE WHEN session_user <> 'crm_app' THEN 'database' ELSE 'system' END),
     nullif(current_setting('app.principal', true), '')::uuid,
     (origin ->> 'session')::uuid, (origin ->> 'key')::uuid, session_user,
     (origin ->> 'address')::inet, origin ->> 'user_agent', origin ->> 'method',
     origin ->> 'route', origin ->> 'operation', origin ->> 'reason')
  ON CONFLICT (tenant_id, id) DO NOTHING;
  PERFORM set_config('app.audited', mark, true);
END $$
"""
# A partition has the policies of its parent, for whoever names it, and no grants at all.
AHEAD = """
CREATE FUNCTION crm_audit_ahead(months integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  month date; name text; made integer := 0;
BEGIN
  IF months NOT BETWEEN 0 AND 60 THEN
    RAISE EXCEPTION 'months must be 0 to 60' USING ERRCODE = '22023';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('crm_audit_ahead'));
  FOR step IN 0..months LOOP
    month := date_trunc('month', now() AT TIME ZONE 'UTC') + step * interval '1 month';
    name := 'core_audit_entry_' || to_char(month, 'YYYYMM');
    CONTINUE WHEN to_regclass(name) IS NOT NULL;
    EXECUTE format('CREATE TABLE public.%I PARTITION OF core_audit_entry'
      ' FOR VALUES FROM (%L) TO (%L)', name, month::timestamp AT TIME ZONE 'UTC',
      (month + interval '1 month')::timestamp AT TIME ZONE 'UTC');
    PERFORM crm_audit_wall(name);
    made := made + 1;
  END LOOP;
  RETURN made;
END $$
"""
WALL = """
CREATE FUNCTION crm_audit_wall(name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
  EXECUTE format('REVOKE ALL ON %I FROM PUBLIC, crm_app', name);
  EXECUTE format('CREATE POLICY %I ON %I AS RESTRICTIVE FOR ALL TO crm_app USING'
    ' (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid)',
    name || '_tenant', name);
END $$
"""
# Names of people for the history, of those who are gone as well: from the row, or from the entry
# that their purge left.
PEOPLE = """
CREATE FUNCTION crm_audit_people(people uuid[]) RETURNS TABLE (id uuid, name text, gone boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT w.id, coalesce(u.name, (
           SELECT e.changes -> 'name' ->> 0 FROM core_audit_entry e
            WHERE e.tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid
              AND e.record_id = w.id AND e.entity = 'core.user' AND e.action = 'purged'
            ORDER BY e.at DESC LIMIT 1)),
         u.id IS NULL OR u.deleted_at IS NOT NULL
    FROM (SELECT DISTINCT unnest(people)) AS w (id)
    LEFT JOIN core_user u ON u.id = w.id
     AND u.tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid
   WHERE 'all' = ANY (crm_scopes('core.audit'))
$$
"""
GENERATED = """
DO $$ DECLARE found record; BEGIN
  FOR found IN SELECT oid::regprocedure AS routine FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND starts_with(proname, 'crm_g_')
  LOOP EXECUTE format('DROP FUNCTION %s CASCADE', found.routine); END LOOP;
END $$
"""
FUNCTIONS = (
    "crm_audit_people(uuid[])",
    "crm_audit_ahead(integer)",
    "crm_audit_wall(text)",
    "crm_audit_request(uuid, uuid)",
)
INDEXES = (
    "CREATE INDEX core_audit_entry_at ON core_audit_entry (tenant_id, at)",
    "CREATE INDEX core_audit_entry_subject ON core_audit_entry (tenant_id, subject_id, at)"
    " WHERE subject_id <> record_id",
    "CREATE INDEX core_audit_entry_credit ON core_audit_entry (tenant_id, entity, at)"
    " WHERE credited",
)


def upgrade() -> None:
    """Make the two tables, a year of partitions and the functions that write and read them."""
    _requests()
    _entries()
    for sql in (REQUEST, WALL, AHEAD, PEOPLE):
        op.execute(sql)
    for signature in FUNCTIONS:
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
    for signature in FUNCTIONS[:2]:
        op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO crm_app")
    for table in ("core_audit_request", "core_audit_entry"):
        for sql in (*wall_sql(table), READ_ONLY.format(table=table), READERS.format(table=table)):
            op.execute(sql)
    op.execute("CREATE TABLE core_audit_entry_other PARTITION OF core_audit_entry DEFAULT")
    op.execute("SELECT crm_audit_wall('core_audit_entry_other')")
    op.execute("SELECT crm_audit_ahead(12)")


def _requests() -> None:
    """Who, from where and why: once per request."""
    op.create_table(
        "core_audit_request",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", TIME, nullable=False, server_default=sa.text("clock_timestamp()")),
        sa.Column("principal_kind", sa.Text(), nullable=False),
        sa.Column("principal_id", sa.Uuid()),
        sa.Column("session_id", sa.Uuid()),
        sa.Column("key_id", sa.Uuid()),
        sa.Column("database_user", sa.Text(), nullable=False),
        sa.Column("address", INET()),
        sa.Column("user_agent", sa.Text()),
        sa.Column("method", sa.Text()),
        sa.Column("route", sa.Text()),
        sa.Column("operation", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="core_audit_request_pk"),
    )


def _entries() -> None:
    """What changed, by month. ``changes`` is null for a new row: the row itself is the state.

    ``commitment`` = sha256(salt || changes) lets a seal outlive the erasure of what it sealed.
    """
    op.create_table(
        "core_audit_entry",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False, server_default=sa.text("gen_random_uuid()")),
        sa.Column("at", TIME, nullable=False),
        sa.Column("txid", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid()),
        sa.Column("responsible_id", sa.Uuid()),
        sa.Column("credited", sa.Boolean(), nullable=False, server_default="false"),
        sa.Column("changes", JSONB()),
        sa.Column("salt", sa.LargeBinary()),
        sa.Column("commitment", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("tenant_id", "record_id", "at", "id", name="core_audit_entry_pk"),
        postgresql_partition_by="RANGE (at)",
    )
    op.execute(
        "ALTER TABLE core_audit_entry ALTER txid TYPE xid8 USING txid::xid8,"
        " ALTER txid SET DEFAULT pg_current_xact_id()"
    )
    for sql in INDEXES:
        op.execute(sql)


def downgrade() -> None:
    """Drop the log, its functions and every trigger that writes it."""
    op.execute(GENERATED)
    for signature in FUNCTIONS:
        op.execute(f"DROP FUNCTION {signature}")
    op.drop_table("core_audit_entry")
    op.drop_table("core_audit_request")
