"""Rows in every tenant table, made from the catalogue alone, so that no table is forgotten."""

import uuid
from graphlib import TopologicalSorter

import asyncpg

TENANT_TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND c.relnamespace = 'public'::regnamespace AND a.attname = 'tenant_id'
 ORDER BY 1
"""
LINKS = """
SELECT k.conrelid::regclass::text AS here, a.attname AS field, k.confrelid::regclass::text AS there
  FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[2]
 WHERE k.contype = 'f' AND cardinality(k.conkey) = 2
"""
COLUMNS = """
SELECT a.attname AS field, format_type(a.atttypid, NULL) AS kind FROM pg_attribute a
 WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped
   AND a.attgenerated = '' AND a.attname NOT IN ('tenant_id', 'id')
   AND (a.attnotnull AND NOT a.atthasdef)
"""
VALUES = {
    "text": "md5(random()::text)",
    "character varying": "left(md5(random()::text), 20)",
    "bytea": "sha256(random()::text::bytea)",
    "timestamp with time zone": "now() + interval '1 day'",
    "integer": "1",
    "bigint": "1",
    "boolean": "true",
    "text[]": "'{}'",
    "jsonb": "'{}'",
    "date": "current_date",
    "uuid": "gen_random_uuid()",
}


async def tenant_tables(owner: asyncpg.Connection) -> list[str]:
    """Return every tenant table, each after those that its links point at."""
    names = [row["relname"] for row in await owner.fetch(TENANT_TABLES)]
    before: dict[str, set[str]] = {name: set() for name in names}
    for row in await owner.fetch(LINKS):
        required = {r["field"] for r in await owner.fetch(COLUMNS, row["here"])}
        if row["field"] in required and row["here"] != row["there"]:
            before[row["here"]].add(row["there"])
    return list(TopologicalSorter(before).static_order())


async def fill(owner: asyncpg.Connection, tenant: uuid.UUID, rows: int = 2) -> dict[str, uuid.UUID]:
    """Put ``rows`` rows of ``tenant`` into every tenant table; return the last id of each."""
    await owner.execute(
        "INSERT INTO core_tenant (id, slug, number)"
        " SELECT $1, $2, coalesce(max(number), 0) + 1 FROM core_tenant",
        tenant,
        tenant.hex,
    )
    links = {(r["here"], r["field"]): r["there"] for r in await owner.fetch(LINKS)}
    ids: dict[str, uuid.UUID] = {}
    for table in await tenant_tables(owner):
        columns = await owner.fetch(COLUMNS, table)
        made = []
        for row in columns:
            there = links.get((table, row["field"]))
            made.append(f"'{ids[there]}'" if there else VALUES[row["kind"]])
        names = ", ".join(["tenant_id", "id", *(row["field"] for row in columns)])
        for _ in range(1 if links_are_unique(table) else rows):
            ids[table] = uuid.uuid4()
            values = ", ".join([f"'{tenant}'", f"'{ids[table]}'", *made])
            await owner.execute(f"INSERT INTO {table} ({names}) VALUES ({values})")
    return ids


def links_are_unique(table: str) -> bool:
    """A user has one password, so the second row of such a table would need a second user."""
    return table == "core_password"
