"""Who may find what: scopes before the cap, hidden fields, plugins that are off (ruling 30)."""

from uuid import UUID, uuid4

import pytest

from core.testing.kit import PACKAGES, PLUGINS
from core.testing.probes import Prober, names, open_stage, person
from core.testing.probes.searches import searched
from core.testing.world import CONFIG

pytestmark = pytest.mark.postgresql

CUSTOMERS = "/api/customers/"
DEVICES = "/api/devices/"
EVERYWHERE = "/api/search/"
OFF = CONFIG.replace(
    'phone_region = "US"\nplugins = [{installed}]', 'phone_region = "US"\nplugins = ["customers"]'
)


async def run_search(world, who, phrase, url=CUSTOMERS):
    """Return ids, count and cap of a search in a list, or over everything."""
    params = {"q": phrase, "page_size": 100} if url == EVERYWHERE else {"search": phrase}
    answer = await world.ask(who, "GET", url, params=params)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return [row["id"] for row in body["results"]], body["count"], body["count_is_capped"]


@pytest.fixture(scope="module")
async def crowd(world):
    """1,200 customers with one word; the ten oldest are linked to a company with a seller."""
    word, owner = f"w{uuid4().hex[:7]}", await world.scratch.connect("crm_owner")
    tenant = world.tenant().id
    ids = [UUID(int=(0x0190 << 112) | (7 << 76) | (2 << 62) | (9 << 40) | at) for at in range(1200)]
    rows = [(tenant, id, f"{word} {at}", f"{word}{at}@x.com", "IDR") for at, id in enumerate(ids)]
    await owner.copy_records_to_table(
        "customers_customer",
        records=rows,
        columns=("tenant_id", "id", "name", "email", "currency"),
    )
    await owner.close()
    company = await world.plant("customers.company", name="Small firm")
    for id in ids[:10]:
        await world.plant("customers.company_link", customer_id=id, company_id=company)
    seller = await world.person("seller", customers_company_id=company)
    yield word, [str(id) for id in ids], seller
    owner = await world.scratch.connect("crm_owner")
    await owner.execute("DELETE FROM customers_customer WHERE id = ANY ($1)", ids)
    await owner.close()


@pytest.mark.parametrize("url", [CUSTOMERS, EVERYWHERE])
async def test_a_seller_gets_ten_hits_behind_a_thousand_others(world, crowd, url):
    """Ruling 30: the scope is applied before the cap."""
    word, ids, seller = crowd
    assert await run_search(world, seller, word, url) == (ids[:10][::-1], 10, False)
    assert await run_search(world, seller, f"{word} 700", url) == ([], 0, False)


async def test_beyond_the_cap_the_newest_count_and_the_reply_says_so(world, staff, crowd):
    """Ruling 30: filters and sort apply to the newest 1,000 hits."""
    word, ids, _ = crowd
    found, count, capped = await run_search(world, staff, word)
    assert (found, count, capped) == (ids[::-1][:25], 1000, True)
    answer = await world.ask(
        staff, "GET", f"{CUSTOMERS}?search={word}&name__startswith={word}%201&count=exact"
    )
    among = [at for at in range(200, 1200) if str(at).startswith("1")]
    assert (answer.json()["count"], answer.json()["count_is_capped"]) == (len(among), True)
    every = await world.ask(staff, "GET", f"{EVERYWHERE}?q={word}")
    assert (every.json()["count"], every.json()["count_is_capped"]) == (1000, True)
    assert every.json()["entities"][0]["count_is_capped"] is True


async def test_the_wall_holds_when_the_application_asks_for_more(world, crowd):
    """The function believes ``app.scopes`` and not its caller: the second wall, as row security."""
    word, _, seller = crowd
    tenant = world.tenant()
    company = seller.attributes["customers_company_id"]
    app = await world.scratch.connect()
    for scopes, wanted, count in (
        ("|customers.customer:company|", ["all"], 0),
        ("|customers.customer:company|", ["all", "company"], 10),
        ("|customers.customer:company|", ["own"], 0),
        ("|customers.customer:own|", ["company"], 0),
        ("|customers.company:all|", ["all"], 0),
        ("||", ["all"], 0),
        ("|customers.customer:all|", [], 0),
        ("|customers.customer:all|", ["company"], 10),
        ("*", ["all"], 1001),
    ):
        async with app.transaction():
            await app.execute(
                f"SET LOCAL app.tenant_id = '{tenant.id}'; SET LOCAL app.scopes = '{scopes}';"
                f"SET LOCAL app.scope_company = '{company}'"
            )
            ids = await app.fetchval(
                "SELECT ARRAY(SELECT crm_g_find_customers_customer($1, '{\"\"}', $2, 1001))",
                word,
                wanted,
            )
        assert len(ids) == count, (scopes, wanted)
    await app.close()


async def test_a_hidden_field_is_neither_searched_nor_counted_nor_shown(world, staff):
    """Ruling 30: a field that not everybody sees has lexemes of its own class."""
    name, secret = f"n{uuid4().hex[:8]}", f"s{uuid4().hex[:8]}"
    customer = await world.plant("customers.customer")
    device = str(await world.plant("dummy.device", name=name, secret=secret, customer_id=customer))
    inspector = await world.person("inspector")
    owner = await world.person("customer", customers_customer_id=customer)
    for url in (DEVICES, EVERYWHERE):
        assert (await run_search(world, staff, secret, url))[0] == [device]
        assert (await run_search(world, staff, f"{secret} {name}", url))[0] == [device]
        for who in (inspector, owner):
            assert (await run_search(world, who, name, url))[0] == [device]
            assert await run_search(world, who, secret, url) == ([], 0, False)
            assert await run_search(world, who, f"{name} {secret}", url) == ([], 0, False)


async def test_a_field_that_a_plugin_adds_is_searched_in_the_host(world, staff, admin):
    """Ruling 12: ``field(search=True)`` of an extension; those who do not see it do not find it."""
    word = f"r{uuid4().hex[:8]}"
    company = await world.plant("customers.company")
    customer = await world.plant("customers.customer", dummy_remark=f"Beware of {word}")
    await world.plant("customers.company_link", customer_id=customer, company_id=company)
    seller = await world.person("seller", customers_company_id=company)
    for who in (staff, admin):
        assert (await run_search(world, who, word))[0] == [str(customer)]
    for url in (CUSTOMERS, EVERYWHERE):
        assert await run_search(world, seller, word, url) == ([], 0, False)


async def test_rows_that_a_plugin_hides_do_not_match(world, staff):
    """``visible_rows`` holds for searches as for lists."""
    secret = f"v{uuid4().hex[:8]}"
    await world.plant("dummy.device", name="invisible", secret=secret)
    for url in (DEVICES, EVERYWHERE):
        assert await run_search(world, staff, secret, url) == ([], 0, False)


async def test_other_tenants_and_the_trash_do_not_match(world, staff):
    word = f"t{uuid4().hex[:8]}"
    other = await world.plant("customers.customer", tenant="globex", name=word)
    gone = str(await world.plant("customers.customer", name=word))
    assert (await run_search(world, staff, word))[0] == [gone]
    await world.ask(staff, "DELETE", f"{CUSTOMERS}{gone}/")
    for url in (CUSTOMERS, EVERYWHERE):
        assert await run_search(world, staff, word, url) == ([], 0, False)
    stranger = await world.person("staff", tenant="globex")
    assert (await run_search(world, stranger, word))[0] == [str(other)]
    await world.ask(staff, "POST", f"{CUSTOMERS}{gone}/restore/", {})
    assert (await run_search(world, staff, word))[0] == [gone]


async def test_an_api_key_finds_within_its_scopes(world, admin):
    word = f"k{uuid4().hex[:8]}"
    customer = str(await world.plant("customers.customer", name=word))
    company = str(await world.plant("customers.company", name=word))
    expires = "2031-01-01T00:00:00Z"
    made = await world.ask(
        admin,
        "POST",
        "/api/api-keys/",
        {"name": "Till", "scopes": ["customers.company.list"], "expires_at": expires},
    )
    assert made.status_code == 201, made.text
    sent = {"authorization": f"Bearer {made.json()['key']}"}
    answer = await world.client.get(f"{EVERYWHERE}?q={word}", headers=sent)
    assert [row["id"] for row in answer.json()["results"]] == [company]
    assert customer not in answer.text
    refused = await world.client.get(
        f"{EVERYWHERE}?q={word}&entity=customers.customer", headers=sent
    )
    assert refused.status_code == 400


async def test_a_portal_customer_finds_nothing_where_he_may_not_list(world):
    customer = await world.plant("customers.customer", name="Portal person")
    who = await world.person("customer", customers_customer_id=customer)
    found = await world.ask(who, "GET", f"{EVERYWHERE}?q=portal")
    assert all(row["entity"] != "customers.customer" for row in found.json()["results"])
    assert (await world.ask(who, "GET", f"{CUSTOMERS}?search=portal")).status_code == 403


async def test_entities_of_a_disabled_plugin_do_not_match(make_world):
    """The rows and columns stay, and nothing finds them."""
    world = await make_world(PLUGINS, PACKAGES, OFF)
    word, remark = f"p{uuid4().hex[:8]}", f"m{uuid4().hex[:8]}"
    for tenant in ("acme", "globex"):
        customer = await world.plant(
            "customers.customer", tenant=tenant, name="Host", dummy_remark=remark
        )
        await world.plant("dummy.device", tenant=tenant, name=word, customer_id=customer)
    there, here = [await world.person("staff", tenant=slug) for slug in ("globex", "acme")]
    assert (await run_search(world, here, word, EVERYWHERE))[1] == 1
    assert (await run_search(world, here, remark, EVERYWHERE))[1] == 1
    for who in (there, await world.person("admin", tenant="globex")):
        for phrase in (word, remark):
            assert await run_search(world, who, phrase, EVERYWHERE) == ([], 0, False)
        assert await run_search(world, who, remark) == ([], 0, False)
        assert (await world.ask(who, "GET", f"{DEVICES}?search={word}")).status_code == 404
        named = await world.ask(who, "GET", f"{EVERYWHERE}?q={word}&entity=dummy.device")
        assert named.status_code == 400
        assert "dummy" not in named.text.replace("?q", "")


@pytest.mark.slow
async def test_every_search_field_is_probed_as_everybody(make_world):
    """Ruling 30: other tenants', other sides', trashed and hidden tokens; 0 canaries."""
    world = await make_world()
    stage = await open_stage(world)
    findings, asked_in_all = [], 0
    for name in names(world.platform.registry):
        prober = Prober(stage, await person(stage, name))
        await prober.open()
        for entity in world.platform.registry.entities.values():
            await searched(prober, entity)
        await prober.close()
        findings += prober.findings
        asked_in_all += prober.count
    assert not findings, "\n".join(findings)
    assert asked_in_all > 500
