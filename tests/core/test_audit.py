"""The audit is complete: every table, every way to write, the application's role and the owner."""

import uuid
from collections.abc import AsyncIterator

import asyncpg
import pytest

from core.access.rights import SYSTEM
from core.registry.loader import load
from core.runtime.transaction_settings import transaction_settings
from core.schema.sql.audit_triggers import EXEMPT
from core.testing.kit import PACKAGES, PLUGINS
from core.testing.servers import Scratch, TestServer
from tests.core.fill import fill, links_are_unique, new_row, tenant_tables

pytestmark = [
    pytest.mark.unnamed_tenant("counts what was written, whoever it belongs to"),
    pytest.mark.postgresql,
]
A = uuid.uuid4()
ENTRIES = """
SELECT action, count(*) AS n FROM core_audit_entry e
 WHERE e.tenant_id = $1 AND e.txid = pg_current_xact_id() AND e.entity = $2
   AND EXISTS (SELECT FROM core_audit_request r WHERE r.tenant_id = e.tenant_id
                  AND r.id = e.request_id AND r.principal_kind = $3)
 GROUP BY action
"""
NAMES = """
SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
 WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""
CASCADES = """
SELECT k.conrelid::regclass::text AS child, a.attname AS field,
       k.confrelid::regclass::text AS parent
  FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[2]
 WHERE k.contype = 'f' AND k.confdeltype = 'c' AND cardinality(k.conkey) = 2
"""
ROLES = ("crm_app", "crm_owner")
KIND = {"crm_app": "system", "crm_owner": "database"}


@pytest.fixture(scope="module")
async def filled(test_server: TestServer) -> AsyncIterator[tuple[Scratch, dict[str, uuid.UUID]]]:
    scratch = await test_server.migrated(load(PLUGINS, PACKAGES))
    owner = await scratch.connect("crm_owner")
    ids = await fill(owner, A)
    await owner.close()
    yield scratch, ids
    await test_server.drop(scratch)


@pytest.fixture(params=ROLES)
async def writer(
    request: pytest.FixtureRequest, filled: tuple[Scratch, dict[str, uuid.UUID]]
) -> AsyncIterator[tuple[str, asyncpg.Connection]]:
    """A connection in a transaction that is rolled back: the application's, and the owner's."""
    connection = await filled[0].connect(request.param)
    await connection.execute("BEGIN")
    if request.param == "crm_app":
        await connection.execute(transaction_settings(A, SYSTEM, "*"))
    yield request.param, connection
    await connection.execute("ROLLBACK")
    await connection.close()


def entity_of(table: str) -> str:
    return table.replace("_", ".", 1)


class Forms:
    """Writes one table in every form and counts the entries that each leaves."""

    def __init__(
        self, owner: asyncpg.Connection, writer: tuple[str, asyncpg.Connection], table: str
    ) -> None:
        self.owner = owner
        self.role, self.connection = writer
        self.table = table
        self.seen: dict[str, int] = {}

    async def may(self, verb: str) -> bool:
        """Whether the role holds the grant; what it cannot do needs no entry."""
        allowed: bool = await self.owner.fetchval(
            "SELECT has_table_privilege($1, $2::text, $3)", self.role, self.table, verb
        )
        return allowed

    async def run(self, verb: str, action: str, sql: str) -> None:
        """Run one statement; it leaves one entry for each row that it changed."""
        if not await self.may(verb):
            return
        done = int((await self.connection.execute(sql)).rpartition(" ")[2])
        assert done, sql
        await self.counts(action, done, sql)

    async def counts(self, action: str, done: int, sql: str) -> None:
        """Find ``done`` entries of ``action`` more than before."""
        await self.connection.execute("SET LOCAL app.scopes = '*'")
        kind = KIND[self.role]
        rows = await self.connection.fetch(ENTRIES, A, entity_of(self.table), kind)
        now = {row["action"]: row["n"] for row in rows}
        assert now.get(action, 0) - self.seen.get(action, 0) == done, sql
        self.seen = now


async def test_every_form_of_write_leaves_an_entry_per_row(
    filled: tuple[Scratch, dict[str, uuid.UUID]], writer: tuple[str, asyncpg.Connection]
) -> None:
    """HIS-01, C-6, C1: INSERT, multi-row, ON CONFLICT, UPDATE, CTE and DELETE on every table."""
    scratch, known = filled
    owner = await scratch.connect("crm_owner")
    audited = [name for name in await tenant_tables(owner) if name not in EXEMPT]
    for table in audited:
        ids = dict(known)
        forms = Forms(owner, writer, table)
        if not await links_are_unique(owner, table):
            for rows in (1, 3):
                made = [await new_row(owner, table, A, ids) for _ in range(rows)]
                lines = ", ".join(f"({values})" for _, values in made)
                await forms.run(
                    "INSERT", "created", f"INSERT INTO {table} ({made[0][0]}) VALUES {lines}"
                )
        names = await owner.fetchval(NAMES, table)
        mine = f"tenant_id = '{A}' AND id = '{known[table]}'"
        if await forms.may("UPDATE"):
            await forms.run(
                "INSERT",
                "updated",
                f"INSERT INTO {table} ({names}) SELECT {names} FROM {table} WHERE {mine}"
                " ON CONFLICT (tenant_id, id) DO UPDATE SET custom = '{\"a\": 1}'",
            )
        every = f"UPDATE {table} SET custom = custom || '{{\"b\": 2}}' WHERE tenant_id = '{A}'"
        await forms.run("UPDATE", "updated", every)
        again = every.replace("2}", "3}")
        await forms.run("UPDATE", "updated", f"WITH u AS ({again} RETURNING 1) SELECT * FROM u")
        await forms.run("UPDATE", "trashed", f"UPDATE {table} SET deleted_at = now() WHERE {mine}")
        await forms.run("UPDATE", "restored", f"UPDATE {table} SET deleted_at = NULL WHERE {mine}")
        if table not in {row["parent"] for row in await owner.fetch(CASCADES)}:
            await forms.run("DELETE", "purged", f"DELETE FROM {table} WHERE id = '{ids[table]}'")
    await owner.close()


async def test_cascaded_deletes_are_recorded_too(
    filled: tuple[Scratch, dict[str, uuid.UUID]], writer: tuple[str, asyncpg.Connection]
) -> None:
    """HIS-01, C1: rows that a foreign key's cascade deletes leave their entries."""
    scratch, known = filled
    owner = await scratch.connect("crm_owner")
    connection = writer[1]
    audited = set(await tenant_tables(owner)) - set(EXEMPT)
    for row in await owner.fetch(CASCADES):
        child, field, parent = row["child"], row["field"], row["parent"]
        if child not in audited:
            continue
        await connection.execute("SAVEPOINT one")
        forms = Forms(owner, writer, child)
        target = f"'{known[parent]}'"
        there = await connection.fetchval(
            f"SELECT count(*) FROM {child} WHERE tenant_id = '{A}' AND {field} = {target}"
        )
        if not there:
            names, values = await new_row(owner, child, A, {**known, parent: known[parent]})
            await owner.execute(f"INSERT INTO {child} ({names}) VALUES ({values})")
            await owner.execute(f"UPDATE {child} SET {field} = {target} WHERE tenant_id = '{A}'")
            there = await owner.fetchval(
                f"SELECT count(*) FROM {child} WHERE tenant_id = '{A}' AND {field} = {target}"
            )
        try:
            await connection.execute(
                f"DELETE FROM {parent} WHERE tenant_id = '{A}' AND id = {target}"
            )
        except (asyncpg.ForeignKeyViolationError, asyncpg.InsufficientPrivilegeError):
            pass  # something else holds the row, or the role may not delete it
        else:
            await forms.counts("purged", there, f"cascade {parent} -> {child}")
        await connection.execute("ROLLBACK TO one")
    await owner.close()


async def test_copy_is_audited_for_the_owner_and_refused_to_the_application(
    filled: tuple[Scratch, dict[str, uuid.UUID]],
) -> None:
    """Ruling 5: PostgreSQL refuses COPY under row security; the owner's leaves an entry per row."""
    scratch, _ = filled
    owner, app = await scratch.connect("crm_owner"), await scratch.connect("crm_app")
    rows = [(A, uuid.uuid4(), f"Copied {n}", f"c{n}@copy.example", "USD") for n in range(100)]
    columns = ["tenant_id", "id", "name", "email", "currency"]
    await owner.copy_records_to_table("customers_customer", records=rows, columns=columns)
    made = await owner.fetchval(
        "SELECT count(*) FROM core_audit_entry WHERE tenant_id = $1 AND action = 'created'"
        " AND record_id = ANY ($2)",
        A,
        [id for _, id, *_ in rows],
    )
    assert made == 100
    await app.execute("BEGIN")
    await app.execute(transaction_settings(A, SYSTEM, "*"))
    with pytest.raises(asyncpg.FeatureNotSupportedError, match="row-level security"):
        await app.copy_records_to_table("customers_customer", records=rows, columns=columns)
    await app.execute("ROLLBACK")
    await owner.close()
    await app.close()


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO core_audit_entry (tenant_id, at, request_id, action, entity, record_id)"
        " VALUES ('{A}', now(), '{A}', 'created', 'customers.customer', '{A}')",
        "UPDATE core_audit_entry SET changes = NULL",
        "DELETE FROM core_audit_entry",
        "TRUNCATE core_audit_entry",
        "TRUNCATE customers_customer CASCADE",
        "UPDATE core_audit_request SET principal_id = NULL",
        "DELETE FROM core_audit_request",
        "SELECT * FROM core_audit_entry_other",
        "SELECT crm_audit_request('{A}', '{A}')",
        "ALTER TABLE customers_customer DISABLE TRIGGER ALL",
        "DROP FUNCTION crm_g_audit_update_customers_customer() CASCADE",
    ],
)
async def test_the_application_cannot_forge_or_remove_an_entry(
    sql: str, filled: tuple[Scratch, dict[str, uuid.UUID]]
) -> None:
    """C2: entries come from the triggers alone and stay."""
    app = await filled[0].connect("crm_app")
    await app.execute("BEGIN")
    await app.execute(transaction_settings(A, SYSTEM, "*"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(sql.replace("{A}", str(A)))
    await app.execute("ROLLBACK")
    await app.close()


async def test_secrets_are_not_in_the_audit(
    filled: tuple[Scratch, dict[str, uuid.UUID]],
) -> None:
    """That a password changed is told; neither the old nor the new hash is."""
    owner = await filled[0].connect("crm_owner")
    await owner.execute("UPDATE core_password SET hash = 'NEWSECRET' WHERE tenant_id = $1", A)
    await owner.execute("UPDATE core_api_key SET hash = 'NEWSECRET' WHERE tenant_id = $1", A)
    rows = await owner.fetch(
        "SELECT entity, changes::text FROM core_audit_entry WHERE tenant_id = $1"
        " AND action = 'updated' AND changes ? 'hash'",
        A,
    )
    assert {row["entity"] for row in rows} == {"core.password", "core.api_key"}
    assert {row["changes"] for row in rows} == {'{"hash": ["***", "***"]}'}
    await owner.close()
