"""Migrations: an empty database gets what is declared; numbers are unique; down and up is whole."""

import re
from pathlib import Path
from typing import Any

import pytest

from core.model.entities import Declaration
from core.model.standard_fields import STANDARD_TYPES
from core.registry.registry import Plugin
from core.schema.chains import chain
from core.schema.migrate import migrate, purge
from core.testing.servers import MakeScratch, Scratch
from tests.contract.subjects import ENTITIES, LOADED, REGISTRY, named

pytestmark = pytest.mark.postgresql

COLUMNS = """
SELECT a.attname AS name, NOT a.attnotnull AS nullable, a.attgenerated = 's' AS computed
  FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped
"""
# Everything that a migration makes, as text: two databases are equal when these lines are.
SCHEMA = """
SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull::text,
       pg_get_expr(d.adbin, d.adrelid)
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
       AND NOT a.attisdropped LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
 WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'index', tablename, indexname, indexdef, '', '' FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'policy', tablename, policyname, permissive || cmd, qual, with_check
  FROM pg_policies WHERE schemaname = 'public'
UNION ALL
SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), '', ''
  FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT 'function', proname, pg_get_functiondef(oid), proacl::text, '', ''
  FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
UNION ALL
SELECT 'grants', relname, relacl::text, '', '', ''
  FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""


def expected(entity: Declaration) -> dict[str, tuple[bool, bool]]:
    """Return (nullable, computed) of each column that the declaration asks for."""
    found = {"tenant_id": (False, False)}
    always = set(STANDARD_TYPES) - {"created_by", "updated_by", "deleted_at"}
    for name in STANDARD_TYPES | entity.column_types:
        field = entity.fields[name]
        # What is computed from other columns is as empty as they are.
        nullable = (field.nullable and name not in always) or bool(field.sql)
        found[name] = (nullable, bool(field.sql))
        if field.has_key:
            found[field.sort_column] = (True, True)
    return found


@pytest.fixture
async def empty(make_scratch: MakeScratch) -> Scratch:
    """A database in which no migration has run."""
    return await make_scratch()


async def schema(scratch: Scratch) -> set[tuple[Any, ...]]:
    connection = await scratch.connect("crm_owner")
    rows = {tuple(row) for row in await connection.fetch(SCHEMA)}
    await connection.close()
    return rows


async def test_empty_to_head_is_what_is_declared_and_back(empty: Scratch) -> None:
    outcomes = await migrate(empty.url("crm_owner"), REGISTRY)
    assert [o for o in outcomes if o.error] == []
    connection = await empty.connect("crm_owner")
    for entity in ENTITIES:
        rows = await connection.fetch(COLUMNS, entity.table)
        found = {r["name"]: (r["nullable"], r["computed"]) for r in rows}
        wanted = expected(entity)
        assert set(found) == set(wanted), entity.name
        different = {n for n in wanted if found[n][1] != wanted[n][1]}
        different |= {n for n in wanted if found[n][0] and not wanted[n][0]}
        assert different == set(), entity.name
    await connection.close()
    first = await schema(empty)
    await _down_and_up(empty)
    assert await schema(empty) ^ first == set()


async def _down_and_up(scratch: Scratch) -> None:
    """Take every plugin away, the last first, and bring all back."""
    plugins = [p for p in reversed(LOADED.registry.plugins.values()) if p.name != "core"]
    for plugin in plugins:
        await purge(scratch.url("crm_owner"), plugin, LOADED.registry)
    connection = await scratch.connect("crm_owner")
    left = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        " AND relname NOT LIKE 'core\\_%' AND relname <> 'alembic_version_core'"
    )
    await connection.close()
    assert [row["relname"] for row in left] == []
    outcomes = await migrate(scratch.url("crm_owner"), REGISTRY)
    assert [o for o in outcomes if o.error] == []


@pytest.mark.parametrize("plugin", REGISTRY.plugins.values(), ids=named)
def test_revisions_are_numbered_without_gaps(plugin: Plugin) -> None:
    folder = chain(plugin)
    if folder is None:
        assert not any(e.plugin == plugin.name for e in ENTITIES)
        return
    files = sorted(p for p in folder.glob("*.py") if p.name != "__init__.py")
    assert [int(p.name[:4]) for p in files] == list(range(1, len(files) + 1))
    before = "None"
    for path in files:
        assert re.fullmatch(r"\d{4}_[a-z0-9_]+\.py", path.name)
        text = path.read_text()
        own = f'"{plugin.name}_{path.name[:4]}"'
        assert re.search(rf"^revision = {own}$", text, re.MULTILINE), path
        assert re.search(rf"^down_revision = {before}$", text, re.MULTILINE), path
        before = own


@pytest.mark.parametrize("plugin", REGISTRY.plugins.values(), ids=named)
def test_a_revision_goes_both_ways(plugin: Plugin) -> None:
    for path in sorted(Path(chain(plugin) or "/nonexistent").glob("[0-9]*.py")):
        text = path.read_text()
        assert "def upgrade() -> None:" in text, path
        assert "def downgrade() -> None:" in text, path
        assert not re.search(r"def downgrade\(\) -> None:\n    pass", text), path
