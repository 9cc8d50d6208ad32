"""Many records at once: the bulk door and batch create (ruling 18)."""

import asyncio
from uuid import uuid4

import pytest

pytestmark = pytest.mark.postgresql

BULK = "/api/devices/bulk/"
BATCH = "/api/devices/batch/"


async def devices(world, count, **values):
    return [str(await world.plant("dummy.device", **values)) for _ in range(count)]


async def read(world, who, id):
    return (await world.ask(who, "GET", f"/api/devices/{id}/")).json()


def pointers(answer):
    return {(error["pointer"], error["code"]) for error in answer.json()["errors"]}


async def test_values_are_set_on_the_ids_that_exist(world, staff):
    """Ruling 18: the reply names the ids that changed; unknown ones are skipped and named."""
    ids = await devices(world, 3, slots=4)
    random = str(uuid4())
    await world.ask(staff, "PATCH", f"/api/devices/{ids[0]}/", {"slots": 8})
    answer = await world.ask(
        staff, "POST", BULK, {"set": {"slots": 8}, "ids": [*ids, random, ids[1]]}
    )
    assert answer.status_code == 200
    body = answer.json()
    assert body["updated"] == 3
    assert sorted(body["ids"]) == sorted(ids[1:]), "the first had that value already"
    assert body["skipped"] == [random]
    assert body["message"] == "3 devices updated successfully"
    assert {(await read(world, staff, id))["slots"] for id in ids} == {8}


async def test_atomic_means_all_or_nothing(world, staff):
    ids = await devices(world, 2, slots=4)
    gone = str(uuid4())
    body = {"set": {"slots": 8}, "ids": [*ids, gone], "atomic": True}
    answer = await world.ask(staff, "POST", BULK, body)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert gone in answer.text
    assert {(await read(world, staff, id))["slots"] for id in ids} == {4}


async def test_records_are_chosen_by_a_filter(world, staff):
    mark = f"bulk{uuid4().hex[:6]}"
    ids = await devices(world, 3, labels=[mark], slots=4)
    chosen = {
        "all": [
            {"field": "labels", "op": "contains", "value": mark},
            {"field": "slots", "op": "=", "value": 4},
        ]
    }
    answer = await world.ask(staff, "POST", BULK, {"set": {"slots": 6}, "filter": chosen})
    assert sorted(answer.json()["ids"]) == sorted(ids)
    again = await world.ask(staff, "POST", BULK, {"set": {"slots": 6}, "filter": chosen})
    assert again.json()["updated"] == 0


async def test_delete_restore_and_purge_in_bulk(world, staff, admin):
    ids = await devices(world, 2)
    reading = await world.plant("dummy.reading", device_id=ids[0], value=1)
    for verb, who, code in (
        ("delete", staff, 404),
        ("restore", staff, 200),
        ("delete", staff, 404),
        ("purge", admin, 404),
    ):
        answer = await world.ask(who, "POST", BULK, {"action": verb, "ids": ids})
        assert sorted(answer.json()["ids"]) == sorted(ids), verb
        for url in (f"/api/devices/{ids[0]}/", f"/api/readings/{reading}/"):
            assert (await world.ask(staff, "GET", url)).status_code == code, (verb, url)
    refused = await world.ask(staff, "POST", BULK, {"action": "purge", "ids": ids})
    assert refused.status_code == 403, "purge is a permission of its own"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"ids": ["x"], "set": {"slots": 2}}, "#/ids/0"),
        ({"ids": [], "set": {"slots": 2}}, "#/ids"),
        ({"ids": "all", "set": {"slots": 2}}, "#/ids"),
        ({"ids": [str(uuid4())] * 10_001, "set": {"slots": 2}}, "#/ids"),
        ({"set": {"slots": 2}}, "#/ids"),
        ({"ids": [str(uuid4())], "filter": {"all": []}, "set": {"slots": 2}}, "#/ids"),
        ({"ids": [str(uuid4())]}, "#/set"),
        ({"ids": [str(uuid4())], "set": {"slots": 2}, "action": "delete"}, "#/set"),
        ({"ids": [str(uuid4())], "set": {}}, "#/set"),
        ({"ids": [str(uuid4())], "set": {"slots": 3}}, "#/set/slots"),
        ({"ids": [str(uuid4())], "set": {"sealed": 1}}, "#/set/sealed"),
        ({"ids": [str(uuid4())], "set": {"keeper_id": str(uuid4())}}, None),
        ({"ids": [str(uuid4())], "action": "explode"}, "#/action"),
        ({"ids": [str(uuid4())], "action": ["delete"]}, "#/action"),
        ({"ids": [str(uuid4())], "action": "delete", "atomic": "yes"}, "#/atomic"),
        ({"ids": [str(uuid4())], "action": "delete", "force": True}, "#/force"),
        ({"filter": {"field": "manual", "op": "=", "value": 1}, "action": "delete"}, "#/field"),
    ],
)
async def test_wrong_bulk_requests_are_refused(world, staff, body, pointer):
    """Ruling 18: at most 10,000 records; whatever is not understood is named."""
    answer = await world.ask(staff, "POST", BULK, body)
    if pointer is None:
        assert answer.json()["updated"] == 0
        return
    assert answer.status_code == 400, answer.text
    assert pointer in {where for where, _ in pointers(answer)}


async def test_links_of_others_are_refused_in_bulk(world, staff):
    """E9: a link set on many records must be visible to the sender, as on one."""
    ids = await devices(world, 2)
    foreign = await world.plant("customers.customer", tenant="globex")
    answers = [
        await world.ask(staff, "POST", BULK, {"set": {"customer_id": str(id)}, "ids": ids})
        for id in (foreign, uuid4())
    ]
    assert [a.status_code for a in answers] == [400, 400]
    assert answers[0].json()["errors"] == answers[1].json()["errors"]
    assert pointers(answers[0]) == {("#/set/customer_id", "unknown_record")}


async def test_bulk_stays_inside_the_scope(world, staff):
    """E10: bulk is no way around the scope, in what it touches and in where it moves records."""
    mine, theirs = [await world.plant("customers.customer") for _ in range(2)]
    buyer = await world.person("customer", customers_customer_id=mine)
    own = await devices(world, 1, customer_id=mine)
    others = await devices(world, 1, customer_id=theirs)
    answer = await world.ask(
        buyer, "POST", BULK, {"set": {"manual": "mine"}, "ids": [*own, *others]}
    )
    assert (answer.json()["ids"], answer.json()["skipped"]) == (own, others)
    moved = await world.ask(buyer, "POST", BULK, {"set": {"customer_id": str(theirs)}, "ids": own})
    assert moved.status_code == 400
    assert (
        await world.ask(buyer, "POST", BULK, {"action": "delete", "ids": own})
    ).status_code == 403
    found = await world.ask(
        buyer,
        "POST",
        BULK,
        {"set": {"manual": "all mine"}, "filter": {"field": "slots", "op": ">", "value": 0}},
    )
    assert found.json()["ids"] == own


async def test_a_rule_of_a_plugin_stops_the_whole_bulk(world, staff):
    """E10: ``before_write`` is asked about bulk and batch as about a single record."""
    ids = await devices(world, 2, name="fine")
    refused = await world.ask(staff, "POST", BULK, {"set": {"name": "cursed"}, "ids": ids})
    assert (refused.status_code, refused.json()["code"]) == (409, "cursed")
    assert {(await read(world, staff, id))["name"] for id in ids} == {"fine"}
    batch = await world.ask(
        staff, "POST", BATCH, {"records": [{"name": "fine"}, {"name": "cursed"}]}
    )
    assert batch.json()["created"] == 1
    assert pointers(batch) == {("#/records/1", "cursed")}
    whole = await world.ask(
        staff, "POST", BATCH, {"records": [{"name": "fine"}, {"name": "cursed"}], "atomic": True}
    )
    assert (whole.status_code, whole.json()["code"]) == (409, "cursed")


async def test_custom_is_merged_on_each_record(world, staff):
    ids = await devices(world, 2)
    await world.ask(staff, "PATCH", f"/api/devices/{ids[0]}/", {"custom": {"a": 1, "b": 2}})
    await world.ask(staff, "POST", BULK, {"set": {"custom": {"b": None, "c": 3}}, "ids": ids})
    assert [(await read(world, staff, id))["custom"] for id in ids] == [{"a": 1, "c": 3}, {"c": 3}]


async def test_bulks_over_the_same_records_do_not_block_each_other_for_ever(world, staff):
    """Rows are locked in the order of their ids: opposite lists never deadlock."""
    ids = await devices(world, 30, slots=2)
    bodies = [{"set": {"slots": 4 + 2 * n}, "ids": ids if n % 2 else ids[::-1]} for n in range(12)]
    answers = await asyncio.gather(*(world.ask(staff, "POST", BULK, body) for body in bodies))
    assert {answer.status_code for answer in answers} == {200}
    assert len({(await read(world, staff, id))["slots"] for id in ids}) == 1, "one bulk came last"


async def test_a_batch_creates_the_good_and_lists_the_bad(world, staff):
    """Every wrong field of every wrong record, at its place; the others are there."""
    taken = uuid4().hex
    await world.plant("dummy.device", serial=taken)
    foreign = str(await world.plant("customers.customer", tenant="globex"))
    records = [
        {"name": "One"},
        {"slots": 3, "state": "broken"},
        {"name": "Two", "serial": taken},
        {"name": "Three", "customer_id": foreign},
        {"name": "Four", "customer_id": str(uuid4())},
        [],
        {"name": "Five", "sealed": 1, "price": "1.5", "currency": "JPY"},
        {"name": "Six"},
    ]
    answer = await world.ask(staff, "POST", BATCH, {"records": records})
    assert answer.status_code == 201
    body = answer.json()
    assert (body["created"], body["failed"], len(body["ids"])) == (2, 6, 2)
    assert pointers(answer) == {
        ("#/records/1/name", "required"),
        ("#/records/1/slots", "invalid"),
        ("#/records/1/state", "choice"),
        ("#/records/2/serial", "unique"),
        ("#/records/3/customer_id", "unknown_record"),
        ("#/records/4/customer_id", "unknown_record"),
        ("#/records/5", "type"),
        ("#/records/6/sealed", "readonly"),
        ("#/records/6/price", "decimals"),
    }
    assert [(await read(world, staff, id))["name"] for id in body["ids"]] == ["One", "Six"]


async def test_an_atomic_batch_leaves_nothing_behind(world, staff):
    serial = uuid4().hex
    for bad in (
        {"slots": 3},
        {"name": "B", "serial": serial},
        {"name": "B", "keeper_id": str(uuid4())},
    ):
        answer = await world.ask(
            staff,
            "POST",
            BATCH,
            {"records": [{"name": "A", "serial": serial}, bad], "atomic": True},
        )
        assert answer.status_code == 400, answer.text
        found = await world.ask(staff, "GET", f"/api/devices/?serial={serial}")
        assert found.json()["count"] == 0


async def test_a_field_that_some_records_leave_out_has_its_default(world, staff):
    """A batch gives each record what it would have got alone."""
    records = [
        {"name": "A"},
        {
            "name": "B",
            "slots": 8,
            "is_loud": True,
            "state": "used",
            "labels": ["x", 'y"'],
            "custom": {"k": [1]},
            "extras": {"n": None},
            "currency": "USD",
            "price": "1.25",
            "weight": "0.125",
            "ratio": 0.5,
            "bought_on": "2026-01-01",
            "checked_at": "2026-01-01T00:00:00Z",
        },
        {"name": "C", "labels": ["z"]},
        {"name": "D", "extras": None, "labels": []},
    ]
    answer = await world.ask(staff, "POST", BATCH, {"records": records})
    assert answer.status_code == 201, answer.text
    for id, record in zip(answer.json()["ids"], records, strict=True):
        alone = await world.ask(staff, "POST", "/api/devices/", record)
        stored, single = await read(world, staff, id), alone.json()
        for name in ("id", "created_at", "updated_at"):
            stored.pop(name), single.pop(name)
        assert stored == single
    customers = [
        {"name": "A", "email": f"{uuid4().hex}@example.com"},
        {"name": "B", "email": f"{uuid4().hex}@example.com", "is_active": False},
    ]
    made = await world.ask(staff, "POST", "/api/customers/batch/", {"records": customers})
    active = [
        (await world.ask(staff, "GET", f"/api/customers/{id}/")).json()["is_active"]
        for id in made.json()["ids"]
    ]
    assert active == [True, False]


@pytest.mark.parametrize(
    "body",
    [{}, {"records": []}, {"records": {}}, {"records": [{}] * 10_001}, {"records": [{}], "x": 1}],
)
async def test_wrong_batches_are_refused(world, staff, body):
    assert (await world.ask(staff, "POST", BATCH, body)).status_code == 400


async def test_nobody_hands_out_more_than_he_holds_by_batch(world, admin):
    """E10: the rule on users' roles sees every record of a batch."""
    records = [{"name": "A", "email": f"{uuid4().hex}@acme.example", "roles": ["emperor"]}]
    answer = await world.ask(admin, "POST", "/api/users/batch/", {"records": records})
    assert answer.status_code == 400, answer.text


async def test_a_batch_of_thousands_is_one_quick_request(world, staff):
    records = [{"name": f"N{n}", "slots": 2 * (n % 5)} for n in range(5000)]
    answer = await world.ask(staff, "POST", BATCH, {"records": records})
    assert answer.json()["created"] == 5000
