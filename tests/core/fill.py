"""Rows in every tenant table, made from the catalogue alone, so that no table is forgotten."""

import uuid
from graphlib import TopologicalSorter

import asyncpg

# The search index has no rows of its own: it fills itself.
TENANT_TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND c.relnamespace = 'public'::regnamespace AND a.attname = 'tenant_id'
   AND EXISTS (SELECT FROM pg_attribute i WHERE i.attrelid = c.oid AND i.attname = 'id')
 ORDER BY 1
"""
LINKS = """
SELECT k.conrelid::regclass::text AS here, a.attname AS field, k.confrelid::regclass::text AS there
  FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[2]
 WHERE k.contype = 'f' AND cardinality(k.conkey) = 2
"""
COLUMNS = """
SELECT a.attname AS field, format_type(a.atttypid, NULL) AS kind,
       least(a.atttypmod - 4, 20) AS length,
       (SELECT substring(pg_get_constraintdef(k.oid) FROM $q$'([^']+)'$q$)
          FROM pg_constraint k WHERE k.conrelid = a.attrelid AND k.contype = 'c'
           AND k.conkey = ARRAY[a.attnum] ORDER BY k.conname LIMIT 1) AS choice
  FROM pg_attribute a
 WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped
   AND a.attgenerated = '' AND a.attname NOT IN ('tenant_id', 'id')
   AND (a.attnotnull AND NOT a.atthasdef)
"""
UNIQUE = """
SELECT array_agg(a.attname::text) AS fields
  FROM pg_index x JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = ANY (x.indkey)
 WHERE x.indrelid = $1::text::regclass AND x.indisunique AND NOT x.indisprimary
   AND a.attname <> 'tenant_id'
 GROUP BY x.indexrelid
"""
VALUES = {
    "text": "md5(random()::text)",
    "character varying": "left(md5(random()::text), {length})",
    "bytea": "sha256(random()::text::bytea)",
    "timestamp with time zone": "now() + interval '1 day'",
    "integer": "1 + (random() * 1000000)::integer",
    "smallint": "1",
    "tsvector": "''",
    "double precision": "1",
    "bigint": "1 + (random() * 1000000)::integer",
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
    ids: dict[str, uuid.UUID] = {}
    for table in await tenant_tables(owner):
        for _ in range(1 if await links_are_unique(owner, table) else rows):
            names, values = await new_row(owner, table, tenant, ids)
            await owner.execute(f"INSERT INTO {table} ({names}) VALUES ({values})")
    return ids


async def new_row(
    owner: asyncpg.Connection, table: str, tenant: uuid.UUID, ids: dict[str, uuid.UUID]
) -> tuple[str, str]:
    """Return columns and values of one row more; ``ids`` holds a row to link to per table."""
    links = {(r["here"], r["field"]): r["there"] for r in await owner.fetch(LINKS)}
    columns = await owner.fetch(COLUMNS, table)
    made = []
    for row in columns:
        there = links.get((table, row["field"]))
        if there:
            made.append(f"'{ids[there]}'")
        elif row["choice"]:
            made.append(f"'{row['choice']}'")
        else:
            made.append(VALUES[row["kind"]].replace("{length}", str(row["length"])))
    ids[table] = uuid.uuid4()
    names = ", ".join(["tenant_id", "id", *(row["field"] for row in columns)])
    return names, ", ".join([f"'{tenant}'", f"'{ids[table]}'", *made])


async def links_are_unique(owner: asyncpg.Connection, table: str) -> bool:
    """Whether a second row would need a second row to link to: a user has one password."""
    links: set[str] = {r["field"] for r in await owner.fetch(LINKS) if r["here"] == table}
    keys = await owner.fetch(UNIQUE, table)
    return any(set(key["fields"]) <= links for key in keys)
