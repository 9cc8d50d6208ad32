"""Passwords, sessions, API keys, reset tokens, sign-in counters and security events."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from core.schema.sql.tables import drop_tenant_table, tenant_table

revision = "core_0002"
down_revision = "core_0001"

# These run at the beginning of every transaction: planning them anew each time costs more than all
# the rest of a small one, and the plan is one look at a primary key.
CHECK_KEY = """
CREATE FUNCTION crm_check_key(credential uuid) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM core_api_key
    WHERE tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid
      AND id = credential AND deleted_at IS NULL
      AND (expires_at IS NULL OR expires_at > now())) THEN
    RAISE EXCEPTION 'the key is no longer good' USING ERRCODE = 'TR401';
  END IF;
END $$
"""
CHECK_SESSION = """
CREATE FUNCTION crm_check_session(session uuid) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM core_session
    WHERE tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid
      AND id = session AND revoked_at IS NULL AND expires_at > now()) THEN
    RAISE EXCEPTION 'the session has ended' USING ERRCODE = 'TR401';
  END IF;
END $$
"""
# The account and the network wait apart. A network from which the account was opened before has a
# counter of its own and no other, so that strangers who guess cannot keep the owner out, and an
# own account cannot pay for guesses at others. A refused attempt is not counted: nobody is locked
# out for good.
WAIT = """
CREATE FUNCTION crm_attempt_wait(failures integer, last_at timestamptz, free integer,
                                 forget interval) RETURNS integer
LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN failures < free OR last_at < clock_timestamp() - forget THEN 0
    ELSE greatest(0, ceil(extract(epoch FROM last_at
      + make_interval(secs => least(900, 2 ^ least(failures - free, 10))::float8)
      - clock_timestamp())))::integer END
$$
"""
KNOWN = """
CREATE FUNCTION crm_attempt_known(pair_kind text, pair bytea) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT 1 FROM core_attempt a WHERE a.kind = pair_kind AND a.key = pair
    AND a.succeeded_at > clock_timestamp() - interval '90 days')
$$
"""
ATTEMPT = """
CREATE FUNCTION crm_attempt(purpose text, account bytea, network bytea, pair bytea)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  kinds text[] := ARRAY[purpose || '/account', purpose || '/network', purpose || '/pair'];
  keys bytea[] := ARRAY[account, network, pair];
  free integer[] := ARRAY[5, 50, 10];
  forget interval[] := ARRAY['1 day', '1 hour', '1 hour'];
  seen core_attempt;
  known boolean;
  waiting integer := 0;
BEGIN
  known := crm_attempt_known(kinds[3], pair);
  FOR i IN 1..3 LOOP
    INSERT INTO core_attempt (kind, key) VALUES (kinds[i], keys[i]) ON CONFLICT DO NOTHING;
    SELECT * INTO seen FROM core_attempt a WHERE a.kind = kinds[i] AND a.key = keys[i] FOR UPDATE;
    IF i = 3 OR NOT known THEN
      waiting := greatest(waiting,
        crm_attempt_wait(seen.failures, seen.last_at, free[i], forget[i]));
    END IF;
  END LOOP;
  IF waiting > 0 THEN
    RETURN waiting;
  END IF;
  FOR i IN 1..3 LOOP
    IF i = 3 OR NOT known THEN
      UPDATE core_attempt a SET last_at = clock_timestamp(), failures = 1
        + CASE WHEN a.last_at < clock_timestamp() - forget[i] THEN 0 ELSE a.failures END
       WHERE a.kind = kinds[i] AND a.key = keys[i];
    END IF;
  END LOOP;
  RETURN 0;
END $$
"""
# Every attempt is counted as failed before the password is looked at, so that guesses sent at the
# same moment count too; the good one takes itself back.
GOOD = """
CREATE FUNCTION crm_attempt_good(purpose text, account bytea, network bytea, pair bytea)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  UPDATE core_attempt SET failures = 0 WHERE kind = purpose || '/account' AND key = account
     AND NOT crm_attempt_known(purpose || '/pair', pair);
  UPDATE core_attempt SET failures = greatest(failures - 1, 0)
   WHERE kind = purpose || '/network' AND key = network
     AND NOT crm_attempt_known(purpose || '/pair', pair);
  UPDATE core_attempt SET failures = 0, succeeded_at = clock_timestamp()
   WHERE kind = purpose || '/pair' AND key = pair;
$$
"""
REFUSED = """
CREATE FUNCTION crm_attempt_refused(purpose text, network bytea) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  UPDATE core_attempt SET refused = refused + 1
   WHERE kind = purpose || '/network' AND key = network;
$$
"""
SWEEP = """
CREATE FUNCTION crm_attempt_sweep() RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  DELETE FROM core_attempt WHERE last_at < now() - interval '2 days'
    AND coalesce(succeeded_at, '-infinity') < now() - interval '90 days';
$$
"""
END_SESSIONS = """
CREATE FUNCTION crm_end_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE core_session SET revoked_at = now(), revoked_for = 'user_changed'
   WHERE tenant_id = NEW.tenant_id AND user_id = NEW.id AND revoked_at IS NULL;
  RETURN NULL;
END $$
"""
FOR_APP = (
    "crm_check_key(uuid)",
    "crm_check_session(uuid)",
    "crm_attempt(text, bytea, bytea, bytea)",
    "crm_attempt_good(text, bytea, bytea, bytea)",
    "crm_attempt_refused(text, bytea)",
    "crm_attempt_sweep()",
)
TIME = sa.DateTime(timezone=True)
OWNED = {"user_id": ("core_user", "cascade")}


def _person(*, nullable: bool = False) -> "sa.Column[object]":
    return sa.Column("user_id", sa.Uuid(), nullable=nullable)


def upgrade() -> None:
    """Make the tables, then what the application may do with the counters."""
    _secrets()
    _sessions()
    _attempts()
    tenant_table(
        "core_security_event",
        sa.Column("kind", sa.Text(), nullable=False),
        _person(nullable=True),
        sa.Column("detail", JSONB(), nullable=False, server_default="{}"),
        indexes=(("-created_at",),),
        append_only=True,
    )
    for sql in (CHECK_KEY, CHECK_SESSION, WAIT, KNOWN, ATTEMPT, GOOD, REFUSED, SWEEP, END_SESSIONS):
        op.execute(sql)
    op.execute(
        "CREATE TRIGGER core_user_sessions AFTER UPDATE ON core_user FOR EACH ROW"
        " WHEN (OLD.roles IS DISTINCT FROM NEW.roles"
        " OR OLD.is_active IS DISTINCT FROM NEW.is_active"
        " OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at)"
        " EXECUTE FUNCTION crm_end_sessions()"
    )
    op.execute("ALTER FUNCTION crm_check(uuid, integer) SET plan_cache_mode = force_generic_plan")
    op.execute("ALTER FUNCTION crm_check(uuid, integer) SET enable_seqscan = off")
    for signature in FOR_APP:
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO crm_app")


def _secrets() -> None:
    tenant_table(
        "core_password",
        _person(),
        sa.Column("hash", sa.Text(), nullable=False),
        unique=("user_id",),
        links=OWNED,
    )
    tenant_table(
        "core_api_key",
        _person(),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("scopes", ARRAY(sa.Text()), nullable=False),
        sa.Column("expires_at", TIME),
        sa.Column("last_used_at", TIME),
        keys=("name",),
        links=OWNED,
        indexes=(("created_at",), ("name_key",)),
    )
    tenant_table(
        "core_reset",
        _person(),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("used_at", TIME),
        unique=("hash",),
        links=OWNED,
    )


def _sessions() -> None:
    """A session is a family of refresh tokens, of which only the newest is good."""
    tenant_table(
        "core_session",
        _person(),
        sa.Column("family", sa.String(64), nullable=False),
        sa.Column("refresh_hash", sa.String(64), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("ends_at", TIME, nullable=False),
        sa.Column("revoked_at", TIME),
        sa.Column("revoked_for", sa.Text()),
        sa.Column("last_seen_at", TIME, nullable=False, server_default=sa.text("now()")),
        sa.Column("user_agent", sa.String(300), nullable=False, server_default=""),
        sa.Column("address", sa.String(45), nullable=False, server_default=""),
        unique=("family",),
        links=OWNED,
    )


def _attempts() -> None:
    """The counters belong to no tenant: a guess may name none. Keys are keyed digests."""
    op.create_table(
        "core_attempt",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("refused", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("last_at", TIME, nullable=False, server_default=sa.text("now()")),
        sa.Column("succeeded_at", TIME),
        sa.PrimaryKeyConstraint("kind", "key", name="core_attempt_pk"),
    )
    op.execute("REVOKE ALL ON core_attempt FROM PUBLIC")


def downgrade() -> None:
    """Drop everything that this revision made."""
    op.execute("DROP TRIGGER core_user_sessions ON core_user")
    for signature in (
        *FOR_APP,
        "crm_end_sessions()",
        "crm_attempt_known(text, bytea)",
        "crm_attempt_wait(integer, timestamptz, integer, interval)",
    ):
        op.execute(f"DROP FUNCTION {signature}")
    op.drop_table("core_attempt")
    for name in (
        "core_security_event",
        "core_session",
        "core_reset",
        "core_api_key",
        "core_password",
    ):
        drop_tenant_table(name)
