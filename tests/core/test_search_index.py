"""The index follows its tables, whoever writes and however (ruling 12, ruling 30)."""

from uuid import UUID, uuid4

import asyncpg
import pytest

from core.registry.loader import load
from core.schema.migrate import migrate, purge
from core.testing.kit import PACKAGES, PLUGINS

pytestmark = pytest.mark.postgresql

TABLE = "customers_customer"
NAMES = ("tenant_id", "id", "name", "email", "phone", "currency")
INSERT = f"INSERT INTO {TABLE} ({', '.join(NAMES)}) VALUES ($1, $2, $3, $4, $5, 'IDR')"
STORED = """
SELECT d.record_id, d.tsv::text FROM core_search_document d JOIN core_search_entity e
    ON e.number = d.entity WHERE e.name = 'customers.customer' AND d.tenant_id = $1
 ORDER BY d.record_id
"""
AGAIN = """
UPDATE customers_customer SET name = name || ' ' WHERE tenant_id = $1 AND deleted_at IS NULL
"""


@pytest.fixture(scope="module")
async def base(test_server):
    """A database with two tenants and nothing else in it; the owner's connection."""
    scratch = await test_server.migrated(load(PLUGINS, PACKAGES))
    owner = await scratch.connect("crm_owner")
    tenants = [uuid4(), uuid4()]
    for number, tenant in enumerate(tenants, 1):
        await owner.execute(
            "INSERT INTO core_tenant (id, slug, number) VALUES ($1, $2, $3)",
            tenant,
            f"t{number}",
            number,
        )
    yield scratch, owner, tenants
    await owner.close()
    await test_server.drop(scratch)


@pytest.fixture
async def empty(base):
    """The owner and one tenant, whose customers are gone after the test."""
    scratch, owner, tenants = base
    yield scratch, owner, tenants[0], tenants[1]
    await owner.execute(f"DELETE FROM {TABLE}")
    for tenant in tenants:
        assert await owner.fetch(STORED, tenant) == []


def row(tenant: UUID, word: str) -> tuple[object, ...]:
    return tenant, uuid4(), f"{word} {word}son", f"{word}.{uuid4().hex[:6]}@x.com", "+628123456789"


async def search_ids(owner, tenant, word, scopes="*"):
    """Ask the function as the application does, in the tenant's transaction."""
    async with owner.transaction():
        await owner.execute(
            f"SET LOCAL app.tenant_id = '{tenant}'; SET LOCAL app.scopes = '{scopes}'"
        )
        return await owner.fetchval(
            "SELECT ARRAY(SELECT crm_g_find_customers_customer($1, '{\"\"}', '{all}', 1001))", word
        )


async def exact(owner, tenant):
    """Assert that the stored documents are those that the rows as they are now would get."""
    before = {r["record_id"]: r["tsv"] for r in await owner.fetch(STORED, tenant)}
    live = await owner.fetch(
        f"SELECT id FROM {TABLE} WHERE tenant_id = $1 AND deleted_at IS NULL", tenant
    )
    assert set(before) == {r["id"] for r in live}
    await owner.execute(AGAIN, tenant)
    after = {r["record_id"]: r["tsv"] for r in await owner.fetch(STORED, tenant)}
    assert before == after
    return before


async def test_insert_of_one_of_many_and_on_conflict(empty):
    _, owner, tenant, other = empty
    one, two, three = row(tenant, "anna"), row(tenant, "berta"), row(other, "clara")
    await owner.execute(INSERT, *one)
    values = "($1::uuid, $2::uuid, $3, $4, $5, 'IDR'), ($6::uuid, $7::uuid, $8, $9, $10, 'IDR')"
    await owner.execute(f"INSERT INTO {TABLE} ({', '.join(NAMES)}) VALUES {values}", *two, *three)
    await owner.execute(
        f"{INSERT} ON CONFLICT (tenant_id, id) DO UPDATE SET name = 'Dora'",
        *one[:2],
        "x",
        "y@x.com",
        None,
    )
    assert await search_ids(owner, tenant, "anna") == [one[1]], "by her address"
    assert await search_ids(owner, tenant, "annason") == []
    assert await search_ids(owner, tenant, "dora") == [one[1]]
    assert await search_ids(owner, tenant, "berta") == [two[1]]
    assert await search_ids(owner, tenant, "clara") == []
    assert await search_ids(owner, other, "clara") == [three[1]]
    await owner.execute(f"{INSERT} ON CONFLICT DO NOTHING", *one)
    await exact(owner, tenant)


async def test_update_of_what_is_searched_and_of_what_is_not(empty):
    _, owner, tenant, _ = empty
    one = row(tenant, "edith")
    await owner.execute(INSERT, *one)
    place = "SELECT ctid::text FROM core_search_document WHERE record_id = $1"
    before = await owner.fetchval(place, one[1])
    await owner.execute(f"UPDATE {TABLE} SET city = 'Bogor', is_vip = true WHERE id = $1", one[1])
    assert await owner.fetchval(place, one[1]) == before, "nothing that is searched has changed"
    await owner.execute(f"UPDATE {TABLE} SET phone = '+14155550123' WHERE id = $1", one[1])
    assert await search_ids(owner, tenant, "415555") == [one[1]]
    assert await search_ids(owner, tenant, "812345") == []
    await owner.execute(f"UPDATE {TABLE} SET phone = NULL WHERE id = $1", one[1])
    assert await search_ids(owner, tenant, "415555") == []
    await exact(owner, tenant)


async def test_to_the_trash_and_back(empty):
    _, owner, tenant, _ = empty
    rows = [row(tenant, "frida") for _ in range(3)]
    for one in rows:
        await owner.execute(INSERT, *one)
    ids = sorted((r[1] for r in rows), reverse=True)
    await owner.execute(f"UPDATE {TABLE} SET deleted_at = now() WHERE id = $1", ids[1])
    assert await search_ids(owner, tenant, "frida") == [ids[0], ids[2]]
    await owner.execute(f"UPDATE {TABLE} SET name = 'Greta' WHERE id = $1", ids[1])
    assert await search_ids(owner, tenant, "greta") == [], "still in the trash"
    await owner.execute(f"UPDATE {TABLE} SET deleted_at = NULL WHERE id = $1", ids[1])
    assert await search_ids(owner, tenant, "greta") == [ids[1]]
    await exact(owner, tenant)


async def test_delete_and_cascade(base):
    """Where a row goes, so does its document."""
    _scratch, owner, (tenant, _) = base
    one = row(tenant, "helga")
    await owner.execute(INSERT, *one)
    assert await search_ids(owner, tenant, "helga") == [one[1]]
    await owner.execute(f"DELETE FROM {TABLE} WHERE id = $1", one[1])
    assert await owner.fetchval("SELECT count(*) FROM core_search_document") == 0


async def test_the_owners_copy_and_shelves(empty):
    """A COPY of more than a shelf: all found, the newest first, and the cap says that it is one."""
    _, owner, tenant, other = empty
    many = 60_000
    ids = [UUID(int=(0x0190 << 112) | (7 << 76) | (2 << 62) | at) for at in range(many)]
    rows = [
        (
            tenant,
            id,
            f"Ida {at} {'rare' if at % 10_000 == 7 else ''}",
            f"ida{at}@x.com",
            None,
            "IDR",
        )
        for at, id in enumerate(ids)
    ]
    await owner.copy_records_to_table(TABLE, records=rows, columns=NAMES)
    assert await owner.fetchval("SELECT count(*) FROM core_search_shelf") == 3
    assert await search_ids(owner, tenant, "ida") == ids[::-1][:1001]
    assert await search_ids(owner, tenant, "rare") == ids[7::10_000][::-1]
    assert await search_ids(owner, tenant, "rare 30007") == [ids[30_007]]
    assert await search_ids(owner, other, "ida") == []
    late = row(tenant, "ida")
    await owner.execute(INSERT, *late)
    assert (await search_ids(owner, tenant, "ida"))[0] == late[1]
    await owner.execute(
        f"UPDATE {TABLE} SET name = 'Jutta' WHERE tenant_id = $1 AND id = $2", tenant, ids[3]
    )
    assert await search_ids(owner, tenant, "jutta") == [ids[3]]
    assert ids[3] not in await search_ids(owner, tenant, "ida 3")


async def test_truncate_empties_the_index(base):
    _, owner, (tenant, _) = base
    await owner.execute(INSERT, *row(tenant, "karla"))
    async with owner.transaction():
        await owner.execute(f"TRUNCATE {TABLE} CASCADE")
        assert await owner.fetch(STORED, tenant) == []


async def test_long_texts_and_strange_words_are_indexed(empty):
    """A lexeme has at most 2,046 bytes; no text of a customer may fail for that."""
    _, owner, tenant, _ = empty
    await owner.execute(f"ALTER TABLE {TABLE} ALTER name TYPE text, DROP COLUMN name_key")
    for text in (
        "x" * 5000,
        "é" * 5000,
        "\ufdfa" * 3000,
        "word " * 2000,
        "'\\ ' : * & | !",
        "🙂" * 900,
    ):
        one = row(tenant, "x")
        await owner.execute(INSERT, *one[:2], text, *one[3:])
        assert one[1] in await search_ids(owner, tenant, one[3])
    assert len(await search_ids(owner, tenant, "x" * 100)) == 1
    assert len(await search_ids(owner, tenant, "word")) == 1


async def test_rows_that_are_there_enter_when_the_trigger_first_appears(make_scratch):
    """An existing database is indexed by its migration, and so is a field that is searched anew."""
    loaded = load(PLUGINS, PACKAGES)
    scratch = await make_scratch(loaded)
    owner = await scratch.connect("crm_owner")
    tenant = uuid4()
    await owner.execute("INSERT INTO core_tenant (id, slug, number) VALUES ($1, 'old', 4)", tenant)
    await owner.execute("DROP FUNCTION crm_g_search_customers_customer() CASCADE")
    one, gone = row(tenant, "lotte"), row(tenant, "lotte")
    await owner.execute(INSERT, *one)
    await owner.execute(INSERT, *gone)
    await owner.execute(f"UPDATE {TABLE} SET deleted_at = now() WHERE id = $1", gone[1])
    assert await search_ids(owner, tenant, "lotte") == []
    await migrate(scratch.url("crm_owner"), loaded.registry)
    assert await search_ids(owner, tenant, "lotte") == [one[1]]
    await exact(owner, tenant)
    await owner.close()


async def test_the_application_reaches_the_index_through_its_functions_alone(base):
    scratch, _, (tenant, _) = base
    app = await scratch.connect()
    for table in ("core_search_document", "core_search_shelf", "core_search_entity"):
        for sql in (
            f"SELECT * FROM {table}",
            f"DELETE FROM {table}",
            f"INSERT INTO {table} DEFAULT VALUES",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(sql)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.fetch("SELECT * FROM crm_search_steps($1, 1::smallint, '1.1', 'x')", tenant)
    assert await search_ids(app, "", "x", "") == [], "without a tenant there is nothing"
    await app.close()


async def test_a_plugin_that_is_purged_leaves_no_words_behind(make_scratch):
    """Its entities leave the index, and so does what it added to the host's search (ruling 12)."""
    loaded = load(PLUGINS, PACKAGES)
    scratch = await make_scratch(loaded)
    owner, tenant = await scratch.connect("crm_owner"), uuid4()
    await owner.execute("INSERT INTO core_tenant (id, slug, number) VALUES ($1, 'p', 4)", tenant)
    one = row(tenant, "mona")
    await owner.execute(INSERT, *one)
    await owner.execute(f"UPDATE {TABLE} SET dummy_remark = 'whispered' WHERE id = $1", one[1])
    await owner.execute(
        "INSERT INTO dummy_device (tenant_id, name, currency) VALUES ($1, 'murmured', 'IDR')",
        tenant,
    )
    words = "SELECT string_agg(tsv::text, ' ') FROM core_search_document"
    before = await owner.fetchval(words)
    assert "whispered" in before
    assert "murmured" in before
    plugin = loaded.registry.plugins["dummy"]
    rest = load(tuple(n for n in PLUGINS if n != "dummy"), PACKAGES)
    await purge(scratch.url("crm_owner"), plugin, rest.registry)
    await migrate(scratch.url("crm_owner"), rest.registry)
    after = await owner.fetchval(words)
    assert "whispered" not in after
    assert "murmured" not in after
    assert "mona" in after
    assert await search_ids(owner, tenant, "mona") == [one[1]]
    await owner.close()
