"""One record over REST: what is written, what is refused and with which words, what comes back."""

from uuid import uuid4

import pytest

pytestmark = pytest.mark.postgresql


async def make(world, who, **values):
    """Create a device and return the answer's record."""
    answer = await world.ask(who, "POST", "/api/devices/", {"name": "Drill", **values})
    assert answer.status_code == 201, answer.text
    return answer.json()


def pointers(answer):
    return {(error["pointer"], error["code"]) for error in answer.json()["errors"]}


async def test_a_created_record_has_an_address_and_a_tag(world, staff):
    """rest.md 3: 201, Location with a trailing slash, ETag; GET of it answers the same."""
    made = await world.ask(staff, "POST", "/api/devices/", {"name": "Saw", "price": "12.50"})
    assert made.status_code == 201
    assert made.headers["location"].startswith("http://testserver/api/devices/")
    assert made.headers["location"].endswith("/")
    read = await world.ask(staff, "GET", made.headers["location"])
    assert read.json() == made.json()
    assert read.headers["etag"] == made.headers["etag"]
    assert read.json()["created_by"] == str(staff.id)


async def test_every_wrong_field_is_listed_with_its_reason(world, staff):
    """Part 5: RFC 9457 errors that list every wrong field and carry the sources' ``error``."""
    answer = await world.ask(
        staff,
        "POST",
        "/api/devices/",
        {
            "serial": "x" * 41,
            "contact": "nobody",
            "hotline": "12",
            "slots": 3,
            "weight": "1.2345",
            "is_loud": "yes",
            "bought_on": "2026-02-30",
            "checked_at": "yesterday noon",
            "state": "broken",
            "colour": "green",
            "labels": "one",
            "extras": [1],
            "currency": "XXY",
            "customer_id": "42",
            "sealed": 1,
            "tenant_id": str(uuid4()),
            "version": 7,
            "invented": 1,
        },
    )
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["error"] == body["detail"] == body["errors"][0]["detail"]
    assert pointers(answer) == {
        ("#/name", "required"),
        ("#/serial", "max_length"),
        ("#/contact", "email"),
        ("#/hotline", "phone"),
        ("#/slots", "invalid"),
        ("#/weight", "decimals"),
        ("#/is_loud", "type"),
        ("#/bought_on", "date"),
        ("#/checked_at", "datetime"),
        ("#/state", "choice"),
        ("#/colour", "choice"),
        ("#/labels", "type"),
        ("#/extras", "type"),
        ("#/currency", "currency"),
        ("#/customer_id", "uuid"),
        ("#/sealed", "readonly"),
        ("#/tenant_id", "unknown"),
        ("#/version", "readonly"),
        ("#/invented", "unknown"),
    }
    colour = next(e for e in body["errors"] if e["pointer"] == "#/colour")
    assert colour["allowed"] == ["red", "blue"], "the codes of the tenant's dictionary"


async def test_null_is_not_missing(world, staff):
    """PATCH leaves alone what is missing, empties what is null, refuses null where none may be."""
    made = await make(world, staff, manual="Read me", weight="1.5")
    url = f"/api/devices/{made['id']}/"
    left = await world.ask(staff, "PATCH", url, {"name": "Drill 2"})
    assert left.json()["manual"] == "Read me"
    emptied = await world.ask(staff, "PATCH", url, {"manual": None})
    assert emptied.json()["manual"] is None
    assert emptied.json()["weight"] == "1.500"
    for name in ("name", "slots", "is_loud", "state", "labels", "currency", "custom"):
        refused = await world.ask(staff, "PATCH", url, {name: None})
        assert pointers(refused) == {(f"#/{name}", "null")}, name


async def test_what_was_read_can_be_put_back(world, staff, admin):
    """Ruling 21: GET, then PUT of the same body, is accepted; a changed readonly field is not."""
    made = await make(world, staff, price="10.00", weight="2.5", labels=["a"], keeper_id=None)
    url = f"/api/devices/{made['id']}/"
    for who in (staff, admin):
        body = (await world.ask(who, "GET", url)).json()
        put = await world.ask(who, "PUT", url, {**body, "manual": f"by {who.email}"})
        assert put.status_code == 200, put.text
        assert put.json()["manual"] == f"by {who.email}"
    body = put.json()
    for name, value in (
        ("id", str(uuid4())),
        ("version", 99),
        ("sealed", 5),
        ("size", 1),
        ("loudness", "loud"),
        ("created_at", "2020-01-01T00:00:00Z"),
        ("created_by", str(admin.id)),
    ):
        refused = await world.ask(staff, "PUT", url, {**body, name: value})
        assert pointers(refused) == {(f"#/{name}", "readonly")}, name
    missing = await world.ask(staff, "PUT", url, {"manual": "No name"})
    assert pointers(missing) == {("#/name", "required")}


async def test_a_record_of_a_colleague_who_left_can_be_put_back(world, staff, admin):
    """Ruling 21: a link to what is in the trash may stay, but not be set anew."""
    leaver = await world.person("staff")
    made = await make(world, staff, keeper_id=str(leaver.id))
    gone = await world.ask(admin, "DELETE", f"/api/users/{leaver.id}/")
    assert gone.status_code == 204, gone.text
    url = f"/api/devices/{made['id']}/"
    body = (await world.ask(staff, "GET", url)).json()
    assert body["keeper_id"] == str(leaver.id)
    kept = await world.ask(staff, "PUT", url, {**body, "manual": "new"})
    assert kept.status_code == 200, kept.text
    other = await make(world, staff)
    refused = await world.ask(
        staff, "PATCH", f"/api/devices/{other['id']}/", {"keeper_id": str(leaver.id)}
    )
    assert pointers(refused) == {("#/keeper_id", "unknown_record")}


async def test_custom_is_merged_key_by_key(world, staff):
    """PATCH lays keys over the stored ones and null removes one; PUT replaces the whole."""
    made = await make(world, staff, custom={"a": 1, "b": {"c": None}, "d": None})
    url = f"/api/devices/{made['id']}/"
    merged = await world.ask(staff, "PATCH", url, {"custom": {"a": None, "e": [1, None]}})
    assert merged.json()["custom"] == {"b": {"c": None}, "d": None, "e": [1, None]}
    put = await world.ask(staff, "PUT", url, {"name": "Drill", "custom": {"z": 1}})
    assert put.json()["custom"] == {"z": 1}


async def test_custom_does_not_grow_without_end(world, staff):
    """Bounds everywhere: small patches cannot make a record of any size."""
    made = await make(world, staff)
    url = f"/api/devices/{made['id']}/"
    codes = [
        (await world.ask(staff, "PATCH", url, {"custom": {f"k{n}": "x" * 12_000}})).status_code
        for n in range(4)
    ]
    assert codes[0] == 200
    assert codes[-1] == 400


async def test_uniqueness_ignores_the_trash(world, staff):
    """E14: a serial is free again once its device is in the trash, and then it cannot come back."""
    serial = uuid4().hex
    first = await make(world, staff, serial=serial)
    refused = await world.ask(staff, "POST", "/api/devices/", {"name": "B", "serial": serial})
    assert pointers(refused) == {("#/serial", "unique")}
    assert refused.json()["error"] == "Device with this serial already exists"
    await world.ask(staff, "DELETE", f"/api/devices/{first['id']}/")
    second = await make(world, staff, serial=serial)
    back = await world.ask(staff, "POST", f"/api/devices/{first['id']}/restore/")
    assert (back.status_code, back.json()["code"]) == (409, "unique")
    third = await make(world, staff)
    taken = await world.ask(staff, "PATCH", f"/api/devices/{third['id']}/", {"serial": serial})
    assert pointers(taken) == {("#/serial", "unique")}
    assert second["serial"] == serial


async def test_a_deleted_record_is_nowhere_but_in_the_trash(world, staff, admin):
    """E14: after DELETE a record cannot be read, changed or deleted, only restored or purged."""
    made = await make(world, staff)
    url = f"/api/devices/{made['id']}/"
    assert (await world.ask(staff, "DELETE", url)).status_code == 204
    unknown = await world.ask(staff, "GET", f"/api/devices/{uuid4()}/")
    for method, path, body in (
        ("GET", url, None),
        ("PATCH", url, {"name": "X"}),
        ("DELETE", url, None),
        ("POST", f"{url}inspect/", {"verdict": "fine"}),
    ):
        answer = await world.ask(staff, method, path, body)
        assert answer.status_code == 404, (method, path)
        assert answer.json()["detail"] == unknown.json()["detail"]
    shown = await world.ask(staff, "GET", "/api/devices/trash/?page_size=200")
    assert made["id"] in {row["id"] for row in shown.json()["results"]}
    assert all(row["deleted_at"] for row in shown.json()["results"])
    back = await world.ask(staff, "POST", f"{url}restore/")
    assert back.status_code == 200
    assert (await world.ask(staff, "GET", url)).json() == back.json()
    assert (await world.ask(admin, "POST", f"{url}purge/")).status_code == 404, "not in the trash"
    await world.ask(staff, "DELETE", url)
    assert (await world.ask(staff, "POST", f"{url}purge/")).status_code == 403
    assert (await world.ask(admin, "POST", f"{url}purge/")).status_code == 204
    assert (await world.ask(admin, "POST", f"{url}restore/")).status_code == 404


async def test_readings_go_where_their_device_goes(world, staff, admin):
    """A link with cascade: trash, restore and purge take the children along, and only those."""
    device = await make(world, staff)
    readings = []
    for value in (1, 2):
        made = await world.ask(
            staff, "POST", "/api/readings/", {"device_id": device["id"], "value": value}
        )
        readings.append(made.json()["id"])
    await world.ask(staff, "DELETE", f"/api/readings/{readings[0]}/")
    await world.ask(staff, "DELETE", f"/api/devices/{device['id']}/")
    for id in readings:
        assert (await world.ask(staff, "GET", f"/api/readings/{id}/")).status_code == 404
    alone = await world.ask(staff, "POST", f"/api/readings/{readings[1]}/restore/")
    assert (alone.status_code, alone.json()["code"]) == (409, "in_trash")
    await world.ask(staff, "POST", f"/api/devices/{device['id']}/restore/")
    codes = [(await world.ask(staff, "GET", f"/api/readings/{id}/")).status_code for id in readings]
    assert codes == [404, 200], "what was in the trash before stays there"
    await world.ask(staff, "DELETE", f"/api/devices/{device['id']}/")
    purged = await world.ask(admin, "POST", f"/api/devices/{device['id']}/purge/")
    assert purged.status_code == 204
    shown = await world.ask(admin, "GET", f"/api/readings/trash/?device={device['id']}")
    assert shown.json()["count"] == 0


async def test_a_customer_with_devices_stays(world, staff, admin):
    """A link with restrict: 409 while a live record holds on, also for one who cannot see it."""
    customer = await world.plant("customers.customer")
    device = await make(world, staff, customer_id=str(customer))
    url = f"/api/customers/{customer}/"
    held = await world.ask(staff, "DELETE", url)
    assert (held.status_code, held.json()["code"]) == (409, "referenced")
    assert "Devices" in held.json()["detail"]
    many = await world.ask(
        staff, "POST", "/api/customers/bulk/", {"action": "delete", "ids": [str(customer)]}
    )
    assert many.status_code == 409, "bulk is no way around"
    await world.ask(staff, "DELETE", f"/api/devices/{device['id']}/")
    assert (await world.ask(staff, "DELETE", url)).status_code == 204
    purged = await world.ask(admin, "POST", f"{url}purge/")
    assert (purged.status_code, purged.json()["code"]) == (409, "referenced"), "the trash counts"
    back = await world.ask(staff, "POST", f"/api/devices/{device['id']}/restore/")
    assert (back.status_code, back.json()["code"]) == (409, "in_trash")


async def test_a_link_with_null_is_emptied_by_the_purge(world, staff, admin):
    """A keeper who is purged leaves the device behind, with an empty field."""
    keeper = await world.person("staff")
    device = await make(world, staff, keeper_id=str(keeper.id))
    await world.ask(admin, "DELETE", f"/api/users/{keeper.id}/")
    purged = await world.ask(admin, "POST", f"/api/users/{keeper.id}/purge/")
    assert purged.status_code == 204, purged.text
    read = await world.ask(staff, "GET", f"/api/devices/{device['id']}/")
    assert read.json()["keeper_id"] is None


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_if_match_refuses_an_outdated_version(world, staff, method):
    """B7, ruling 20: only the version of the tag counts; a tag of another record never matches."""
    made = await world.ask(staff, "POST", "/api/devices/", {"name": "Drill"})
    url, tag = made.headers["location"], made.headers["etag"]
    first = await world.ask(staff, method, url, {"name": "One"}, {"if-match": tag})
    assert first.status_code == 200
    assert first.headers["etag"] != tag
    for body in ({"name": "Two"}, {"name": "One"}):
        second = await world.ask(staff, method, url, body, {"if-match": tag})
        assert (second.status_code, second.json()["code"]) == (412, "stale")
    other = (await world.ask(staff, "POST", "/api/devices/", {"name": "B"})).headers["etag"]
    foreign = await world.ask(staff, method, url, {"name": "Two"}, {"if-match": other})
    assert foreign.status_code == 412
    trimmed = await world.ask(staff, "GET", f"{url}?fields=name")
    assert trimmed.headers["etag"] != first.headers["etag"]
    good = await world.ask(staff, method, url, {"name": "2"}, {"if-match": trimmed.headers["etag"]})
    assert good.status_code == 200, "another shape, the same version"
    assert (await world.ask(staff, "DELETE", url, headers={"if-match": tag})).status_code == 412
    refused = await world.ask(staff, "POST", f"{url}inspect/", {"verdict": "x"}, {"if-match": tag})
    assert refused.status_code == 412


async def test_unchanged_record_answers_304(world, staff, admin):
    """Ruling 20: 304 for the same version in the same shape; another role has another tag."""
    made = await world.ask(staff, "POST", "/api/devices/", {"name": "Drill"})
    url, tag = made.headers["location"], made.headers["etag"]
    same = await world.ask(staff, "GET", url, headers={"if-none-match": tag})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    weak = await world.ask(staff, "GET", url, headers={"if-none-match": f'"x", W/{tag}'})
    assert weak.status_code == 304
    inspector = await world.person("inspector")
    seen = await world.ask(inspector, "GET", url)
    assert "secret" not in seen.json()
    assert seen.headers["etag"] != tag
    other = await world.ask(inspector, "GET", url, headers={"if-none-match": tag})
    assert other.status_code == 200, "the tag of another shape"
    with_links = await world.ask(
        staff, "GET", f"{url}?expand=keeper", headers={"if-none-match": tag}
    )
    assert with_links.status_code == 200, "a linked record has no version here"
    await world.ask(staff, "PATCH", url, {"name": "Drill 2"})
    changed = await world.ask(staff, "GET", url, headers={"if-none-match": tag})
    assert changed.status_code == 200


async def test_a_patch_that_changes_nothing_leaves_the_version(world, staff):
    made = await make(world, staff, price="1.00", labels=["a", "b"], custom={"k": 1})
    url = f"/api/devices/{made['id']}/"
    same = {n: made[n] for n in ("name", "price", "currency", "labels", "custom", "slots")}
    for body in (same, {"custom": {"k": 1}}, {"custom": {"gone": None}}, {}):
        answer = await world.ask(staff, "PATCH", url, body)
        assert answer.json() == made, body
    changed = await world.ask(staff, "PATCH", url, {**same, "slots": 4})
    assert changed.json()["version"] == made["version"] + 1


async def test_computed_fields_follow_their_sources(world, staff):
    """Ruling 7: a stored one filters and sorts, one for display does neither."""
    made = await make(world, staff, slots=6, is_loud=True)
    assert (made["size"], made["loudness"]) == (60, "loud")
    url = f"/api/devices/{made['id']}/"
    changed = await world.ask(staff, "PATCH", url, {"slots": 8, "is_loud": False})
    assert (changed.json()["size"], changed.json()["loudness"]) == (80, "quiet")
    found = await world.ask(
        staff, "GET", f"/api/devices/?size=80&serial__isnull=true&id={made['id']}"
    )
    assert found.json()["count"] == 1
    assert "loudness" not in found.json()["results"][0], "it is shown on the record alone"
    for query in ("ordering=loudness", "loudness=quiet"):
        assert (await world.ask(staff, "GET", f"/api/devices/?{query}")).status_code == 400


@pytest.mark.parametrize(
    ("currency", "amount", "read"),
    [
        ("USD", "12.5", "12.50"),
        ("JPY", "12", "12"),
        ("jpy", 12, "12"),
        ("KWD", "1.234", "1.234"),
        ("USD", "-0.01", "-0.01"),
        ("USD", 92233720368547758, "92233720368547758.00"),
    ],
)
async def test_amounts_have_the_digits_of_their_currency(world, staff, currency, amount, read):
    """Ruling 23: money is a string, exact, with the decimals of its currency."""
    made = await make(world, staff, currency=currency, price=amount)
    assert (made["price"], made["currency"]) == (read, currency.upper())


async def test_an_amount_is_never_silently_another_amount(world, staff):
    """A price in yen is not a price in cents: currency and amount change together."""
    refused = await world.ask(
        staff, "POST", "/api/devices/", {"name": "A", "currency": "JPY", "price": "1.5"}
    )
    assert pointers(refused) == {("#/price", "decimals")}
    made = await make(world, staff, currency="JPY", price="100")
    url = f"/api/devices/{made['id']}/"
    alone = await world.ask(staff, "PATCH", url, {"currency": "USD"})
    assert pointers(alone) == {("#/price", "currency")}
    assert (await world.ask(staff, "PATCH", url, {"price": "1.5"})).status_code == 400
    assert (await world.ask(staff, "PATCH", url, {"price": "150"})).json()["price"] == "150"
    assert (await world.ask(staff, "PATCH", url, {"currency": "jpy"})).status_code == 200
    both = await world.ask(staff, "PATCH", url, {"currency": "USD", "price": "1.5"})
    assert (both.json()["price"], both.json()["currency"]) == ("1.50", "USD")
    for body in ({"price": "9"}, {"currency": "USD"}):
        many = await world.ask(
            staff, "POST", "/api/devices/bulk/", {"set": body, "ids": [made["id"]]}
        )
        assert many.status_code == 400, "records may differ in their currency"


async def test_telephone_numbers_are_read_in_the_tenants_region(world, staff):
    made = await make(world, staff, hotline="0812 3456 789")
    assert made["hotline"] == "+628123456789"
    made = await make(world, staff, hotline="+1 (212) 555-0100", contact=" Ann@Example.COM ")
    assert (made["hotline"], made["contact"]) == ("+12125550100", "ann@example.com")


async def test_times_without_zone_are_the_tenants_and_are_answered_in_utc(world, staff):
    made = await make(world, staff, checked_at="2026-03-01T08:00:00", bought_on="2026-03-01")
    assert made["checked_at"] == "2026-03-01T01:00:00Z"
    assert made["bought_on"] == "2026-03-01"


async def test_a_writer_without_view_gets_no_record_back(make_world):
    """E3: who may create or change but not look, gets the id and nothing else."""
    world = await make_world(
        config="""
[plugins]
installed = [{installed}]
[tenants.acme]
hosts = ["acme.localhost"]
plugins = [{installed}]
[tenants.acme.roles.scanner]
label = "Scanner"
grants = ["dummy.device:create,update,inspect:all"]
"""
    )
    scanner = await world.person("scanner")
    made = await world.ask(scanner, "POST", "/api/devices/", {"name": "Drill"})
    assert made.status_code == 201
    id = made.json()["id"]
    assert made.json() == {"id": id}
    assert "etag" not in made.headers
    changed = await world.ask(scanner, "PATCH", f"/api/devices/{id}/", {"name": "B"})
    assert (changed.status_code, changed.json()) == (200, {"id": id})
    acted = await world.ask(scanner, "POST", f"/api/devices/{id}/inspect/", {"verdict": "ok"})
    assert (acted.status_code, acted.json()) == (200, {"id": id})
    assert (await world.ask(scanner, "GET", f"/api/devices/{id}/")).status_code == 403


async def test_what_a_plugin_hides_is_hidden_from_every_verb(world, staff):
    """E8, E9: ``visible_rows`` holds for update, delete, bulk, actions, links and expand."""
    hidden = await world.plant("dummy.device", name="invisible")
    url = f"/api/devices/{hidden}/"
    for method, path, body in (
        ("GET", url, None),
        ("PATCH", url, {"name": "seen"}),
        ("PUT", url, {"name": "seen"}),
        ("DELETE", url, None),
        ("POST", f"{url}inspect/", {"verdict": "x"}),
    ):
        assert (await world.ask(staff, method, path, body)).status_code == 404, (method, path)
    for body in ({"set": {"slots": 8}}, {"action": "delete"}):
        many = await world.ask(staff, "POST", "/api/devices/bulk/", {**body, "ids": [str(hidden)]})
        assert many.json()["ids"] == []
        assert many.json()["skipped"] == [str(hidden)]
    linked = await world.ask(
        staff, "POST", "/api/readings/", {"device_id": str(hidden), "value": 1}
    )
    random = await world.ask(
        staff, "POST", "/api/readings/", {"device_id": str(uuid4()), "value": 1}
    )
    assert linked.status_code == 400
    assert linked.json()["errors"] == random.json()["errors"]
    reading = await world.plant("dummy.reading", device_id=hidden, value=7)
    shown = await world.ask(staff, "GET", f"/api/readings/{reading}/?expand=device")
    assert shown.json()["device"] is None


async def test_a_creator_stays_in_his_own_scope(world):
    """Access 4: the column of the scope is forced; another value is refused like a random one."""
    customer = await world.plant("customers.customer")
    other = await world.plant("customers.customer")
    buyer = await world.person("customer", customers_customer_id=customer)
    made = await world.ask(buyer, "POST", "/api/devices/", {"name": "Mine"})
    assert made.json()["customer_id"] == str(customer)
    url = f"/api/devices/{made.json()['id']}/"
    for id in (other, uuid4()):
        for method, path, body in (
            ("POST", "/api/devices/", {"name": "Theirs", "customer_id": str(id)}),
            ("PATCH", url, {"customer_id": str(id)}),
        ):
            refused = await world.ask(buyer, method, path, body)
            assert pointers(refused) == {("#/customer_id", "unknown_record")}
    away = await world.ask(buyer, "PATCH", url, {"customer_id": None})
    assert away.status_code == 400
    batch = await world.ask(
        buyer,
        "POST",
        "/api/devices/batch/",
        {"records": [{"name": "A"}, {"name": "B", "customer_id": str(other)}]},
    )
    assert batch.json()["created"] == 1
    assert pointers(batch) == {("#/records/1/customer_id", "unknown_record")}
    nobody = await world.person("customer")
    assert (await world.ask(nobody, "POST", "/api/devices/", {"name": "X"})).status_code == 403


async def test_a_scope_over_a_link_table_cannot_create(make_world):
    """Who sees customers through their companies cannot make one: nothing would put it there."""
    world = await make_world(
        config="""
[plugins]
installed = [{installed}]
[tenants.acme]
hosts = ["acme.localhost"]
plugins = [{installed}]
[tenants.acme.roles.agent]
label = "Agent"
grants = ["customers.customer:create,list,view:company"]
"""
    )
    company = await world.plant("customers.company")
    agent = await world.person("agent", customers_company_id=company)
    body = {"name": "New", "email": "new@example.com"}
    assert (await world.ask(agent, "POST", "/api/customers/", body)).status_code == 403
    batch = await world.ask(agent, "POST", "/api/customers/batch/", {"records": [body]})
    assert batch.status_code == 403


async def test_locked_fields_of_a_role_are_refused(world):
    """E7: ``readonly_for`` and ``audience`` hold on create, update and bulk."""
    customer = await world.plant("customers.customer")
    buyer = await world.person("customer", customers_customer_id=customer)
    for name, code in (("locked", "readonly"), ("secret", "unknown"), ("custom", "unknown")):
        refused = await world.ask(buyer, "POST", "/api/devices/", {"name": "A", name: {}})
        assert pointers(refused) == {(f"#/{name}", code)}
