"""The kernel's functions, the tenant directory, the users and what people edit."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from core.schema.sql.tables import drop_tenant_table, tenant_table

revision = "core_0001"
down_revision = None

UUID7 = """
CREATE FUNCTION crm_uuid7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
  SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING
    substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
    FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
$$
"""
FOLD = r"""
CREATE FUNCTION crm_fold(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
  SELECT lower(regexp_replace(normalize(words, NFKD), '[\u0300-\u036F]', '', 'g'))
$$
"""
TOUCH = """
CREATE FUNCTION crm_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id THEN
    RAISE EXCEPTION 'the key of a record never changes' USING ERRCODE = '23514';
  END IF;
  NEW.version := OLD.version + 1;
  NEW.updated_at := now();
  NEW.updated_by := coalesce(nullif(current_setting('app.principal', true), '')::uuid,
                             NEW.updated_by);
  NEW.created_at := OLD.created_at;
  NEW.created_by := OLD.created_by;
  RETURN NEW;
END $$
"""
SCOPES = r"""
CREATE FUNCTION crm_scopes(entity text) RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT CASE current_setting('app.scopes', true)
    WHEN '*' THEN ARRAY['all']
    ELSE string_to_array(substring(current_setting('app.scopes', true)
      FROM '\|' || replace(entity, '.', '\.') || ':([a-z_+]*)\|'), '+') END
$$
"""
# The stamp changes whenever a user's rights, attributes or credentials do (crm_user_stamp), so a
# principal that a worker remembers is refused in the next transaction.
CHECK = """
CREATE FUNCTION crm_check(person uuid, stamp integer) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM core_user
    WHERE tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid
      AND id = person AND token_version = stamp AND is_active AND deleted_at IS NULL) THEN
    RAISE EXCEPTION 'the credential is no longer good' USING ERRCODE = 'TR401';
  END IF;
END $$
"""
STAMP = """
CREATE FUNCTION crm_user_stamp() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  idle text[] := ARRAY['version', 'updated_at', 'updated_by', 'name', 'name_key', 'custom',
                       'token_version'];
BEGIN
  IF to_jsonb(NEW) - idle <> to_jsonb(OLD) - idle THEN
    NEW.token_version := OLD.token_version + 1;
  END IF;
  RETURN NEW;
END $$
"""
# One tenant's id, or none: an address that several tenants know has to name its tenant.
TENANT_OF = """
CREATE FUNCTION crm_tenant_of_email(address text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT min(tenant_id::text)::uuid FROM core_user
   WHERE email = lower(address) AND is_active AND deleted_at IS NULL
  HAVING count(*) = 1
$$
"""
ENROL = """
CREATE FUNCTION crm_enrol_tenant(wanted text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  INSERT INTO core_tenant (id, slug, number)
  SELECT crm_uuid7(), wanted, coalesce(max(number), 0) + 1 FROM core_tenant
  ON CONFLICT (slug) DO NOTHING
$$
"""
DEFINED = ("crm_check(uuid, integer)", "crm_tenant_of_email(text)", "crm_enrol_tenant(text)")


def upgrade() -> None:
    """Make the functions, the directory of tenants and the table of users."""
    for sql in (UUID7, FOLD, TOUCH, SCOPES):
        op.execute(sql)
    op.create_table(
        "core_tenant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False, server_default="here"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()")),
        sa.PrimaryKeyConstraint("id", name="core_tenant_pk"),
        sa.UniqueConstraint("slug", name="core_tenant_slug_unique"),
        sa.UniqueConstraint("number", name="core_tenant_number_unique"),
    )
    op.execute("REVOKE ALL ON core_tenant FROM PUBLIC")
    op.execute("GRANT SELECT ON core_tenant TO crm_app")
    tenant_table(
        "core_user",
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("roles", ARRAY(sa.Text()), nullable=False, server_default="{}"),
        sa.Column("is_active", sa.Boolean(), nullable=False, server_default="true"),
        sa.Column("token_version", sa.Integer(), nullable=False, server_default="1"),
        keys=("name",),
        unique=("email",),
        indexes=(("created_at",), ("name_key",)),
    )
    tenant_table(
        "core_setting",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", JSONB(), nullable=False),
        unique=(("kind", "name"),),
    )
    op.execute("CREATE INDEX core_user_email_any ON core_user (email) WHERE deleted_at IS NULL")
    for sql in (CHECK, STAMP, TENANT_OF, ENROL):
        op.execute(sql)
    op.execute(
        "CREATE TRIGGER core_user_stamp BEFORE UPDATE ON core_user"
        " FOR EACH ROW EXECUTE FUNCTION crm_user_stamp()"
    )
    for signature in DEFINED:
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO crm_app")


def downgrade() -> None:
    """Drop everything that the kernel made."""
    drop_tenant_table("core_setting")
    drop_tenant_table("core_user")
    op.drop_table("core_tenant")
    for name in (
        "crm_tenant_of_email(text)",
        "crm_enrol_tenant(text)",
        "crm_user_stamp()",
        "crm_check(uuid, integer)",
        "crm_scopes(text)",
        "crm_touch()",
        "crm_fold(text)",
        "crm_uuid7()",
    ):
        op.execute(f"DROP FUNCTION {name}")
