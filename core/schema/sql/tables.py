"""Making tenant tables in a migration: keys, policies, grants and triggers come with the table.

Everything here is emitted through Alembic's ``op``. What depends on the registry (the role
policies) is written after each chain by ``core/schema/sync.py``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from core.schema.sql.routines import PREFIX
from core.schema.sql.scopes import PRINCIPAL, TENANT

APP = "crm_app"
Links = Mapping[str, tuple[str, str]]
_DROP_GENERATED = """
DO $$ DECLARE found record; BEGIN
  FOR found IN
    SELECT p.oid::regprocedure AS routine FROM pg_proc p
     WHERE p.pronamespace = 'public'::regnamespace AND p.proname ~ '{names}'
       AND starts_with(obj_description(p.oid, 'pg_proc'), '{table} ')
  LOOP EXECUTE format('DROP FUNCTION %s CASCADE', found.routine); END LOOP;
END $$
"""


def _op() -> Any:
    """Return Alembic's operations; a server imports this module too, and does without Alembic."""
    from alembic import op

    return op


def _standard_columns() -> list[sa.Column[Any]]:
    now = sa.text("now()")
    stamp = sa.DateTime(timezone=True)
    return [
        sa.Column("tenant_id", sa.Uuid(), nullable=False, server_default=sa.text(TENANT)),
        sa.Column("id", sa.Uuid(), nullable=False, server_default=sa.text("crm_uuid7()")),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("created_at", stamp, nullable=False, server_default=now),
        sa.Column("updated_at", stamp, nullable=False, server_default=now),
        sa.Column("created_by", sa.Uuid(), server_default=sa.text(PRINCIPAL)),
        sa.Column("updated_by", sa.Uuid(), server_default=sa.text(PRINCIPAL)),
        sa.Column("deleted_at", stamp),
        sa.Column("custom", JSONB(), nullable=False, server_default="{}"),
    ]


def key_column(name: str) -> sa.Column[Any]:
    """Return the folded companion of a text column: it sorts people's words and serves prefixes."""
    return sa.Column(
        f"{name}_key", sa.Text(collation="C"), sa.Computed(f"crm_fold({name})", persisted=True)
    )


def tenant_table(
    name: str,
    *columns: sa.Column[Any],
    keys: Sequence[str] = (),
    unique: Sequence[str | tuple[str, ...]] = (),
    links: Links | None = None,
    indexes: Sequence[tuple[str, ...]] = (),
    checks: Mapping[str, str] | None = None,
    append_only: bool = False,
) -> None:
    """Make a tenant table: standard columns, composite keys, row security, grants and trigger.

    ``keys`` are text columns that sort; ``unique`` holds among rows that are not in the trash;
    ``links`` maps a column to (table, restrict | cascade | null); an index is (filter…, sort)
    with ``-`` for descending. An append-only table gives the application no UPDATE and no DELETE.
    """
    _op().create_table(
        name,
        *_standard_columns(),
        *columns,
        *(key_column(key) for key in keys),
        *(sa.CheckConstraint(sql, name=f"{name}_{why}") for why, sql in (checks or {}).items()),
        # No key to the directory of tenants: each insert would lock the tenant's one row there, and
        # the directory may live on another server than the tenant.
        sa.PrimaryKeyConstraint("tenant_id", "id", name=f"{name}_pk"),
    )
    _connect(name, columns, links, unique, indexes)
    secure(name, append_only=append_only)


def tenant_columns(
    host: str,
    *columns: sa.Column[Any],
    keys: Sequence[str] = (),
    unique: Sequence[str | tuple[str, ...]] = (),
    links: Links | None = None,
    indexes: Sequence[tuple[str, ...]] = (),
    checks: Mapping[str, str] | None = None,
) -> None:
    """Add a plugin's columns to another plugin's table; each may be null or has a default."""
    for column in (*columns, *(key_column(key) for key in keys)):
        _op().add_column(host, column)
    for why, sql in (checks or {}).items():
        _op().create_check_constraint(f"{host}_{why}", host, sa.text(sql))
    _connect(host, columns, links, unique, indexes)


def _connect(
    table: str,
    columns: Sequence[sa.Column[Any]],
    links: Links | None,
    unique: Sequence[str | tuple[str, ...]],
    indexes: Sequence[tuple[str, ...]],
) -> None:
    """Make the foreign keys and indexes of new columns."""
    for column, (target, on_delete) in (links or {}).items():
        _link(table, column, target, on_delete)
    for fields in unique:
        _unique(table, (fields,) if isinstance(fields, str) else fields)
    nullable = {c.name for c in columns if c.nullable}
    for names in indexes:
        _op().execute(index_sql(table, names, nullable))


def drop_tenant_table(name: str) -> None:
    """Drop a tenant table with all that ``tenant_table`` made for it.

    A role policy that looks through this table goes first; whoever still needs one gets it anew
    after the chain, and until then the server refuses to start.
    """
    _op().execute(_DROP_GENERATED.format(table=name, names=f"^{PREFIX}"))
    _op().drop_table(name)


def drop_tenant_columns(host: str, *names: str) -> None:
    """Drop a plugin's columns from another plugin's table, with their keys and indexes.

    What is generated for the table names them, so it goes first; it is made anew after the
    revision, in the same transaction.
    """
    # Role policies use the functions of links, which name no column that a plugin adds.
    _op().execute(_DROP_GENERATED.format(table=host, names=f"^{PREFIX}(?!linked_)"))
    for name in names:
        _op().execute(f"ALTER TABLE {host} DROP COLUMN IF EXISTS {name}_key")
        _op().drop_column(host, name)


def _link(table: str, column: str, target: str, on_delete: str) -> None:
    # No SET NULL on composite keys: it would null the tenant too; the service nulls.
    action = "CASCADE" if on_delete == "cascade" else "NO ACTION"
    _op().execute(
        f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_link"
        f" FOREIGN KEY (tenant_id, {column}) REFERENCES {target} (tenant_id, id)"
        f" ON DELETE {action}"
    )
    # Partial, or else the planner takes it for the key (tenant_id, id) until it has statistics,
    # and reads all rows of the tenant for one: each check of a foreign key does.
    _op().execute(
        f"CREATE INDEX {table}_{column}_link ON {table} (tenant_id, {column})"
        f" WHERE {column} IS NOT NULL"
    )


def _unique(table: str, columns: tuple[str, ...]) -> None:
    name = "_".join(columns)
    _op().execute(
        f"CREATE UNIQUE INDEX {table}_{name}_unique ON {table} (tenant_id, {', '.join(columns)})"
        " WHERE deleted_at IS NULL"
    )


def index_sql(table: str, names: Sequence[str], nullable: frozenset[str] | set[str]) -> str:
    """Return the CREATE INDEX of one declared pair: (tenant, filter…, sort, id), live rows only.

    A column that may be null sorts its nulls last in both directions, so its direction is fixed;
    for the others one index serves both.
    """
    parts = []
    down = False
    for name in names:
        plain = name.lstrip("-")
        down = name.startswith("-") and plain in nullable
        parts.append(f"{plain} DESC NULLS LAST" if down else plain)
    title = "_".join(name.lstrip("-") for name in names)
    tail = "id DESC" if down else "id"
    return (
        f"CREATE INDEX {table}_{title}_by ON {table} (tenant_id, {', '.join(parts)}, {tail})"
        " WHERE deleted_at IS NULL"
    )


def secure(table: str, *, append_only: bool = False) -> None:
    """Wall a table: row security, the tenant policy, the application's grants, the trigger."""
    for sql in wall_sql(table, append_only=append_only):
        _op().execute(sql)
    if not append_only:
        _op().execute(
            f"CREATE TRIGGER {table}_touch BEFORE UPDATE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION crm_touch()"
        )


def wall_sql(table: str, *, append_only: bool = False) -> list[str]:
    """Return the statements that make a table a tenant table for the database.

    The tenant policy is RESTRICTIVE, so that no other policy can widen it.
    """
    verbs = "SELECT, INSERT" if append_only else "SELECT, INSERT, UPDATE, DELETE"
    return [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"REVOKE ALL ON {table} FROM PUBLIC",
        f"CREATE POLICY {table}_base ON {table} AS PERMISSIVE FOR ALL TO {APP}"
        " USING (true) WITH CHECK (true)",
        f"CREATE POLICY {table}_tenant ON {table} AS RESTRICTIVE FOR ALL TO {APP}"
        f" USING (tenant_id = {TENANT})",
        f"GRANT {verbs} ON {table} TO {APP}",
    ]
