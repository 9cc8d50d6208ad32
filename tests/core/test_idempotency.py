"""Idempotency-Key: a retried request has one effect (B3, ruling 19)."""

import asyncio
from uuid import uuid4

import pytest

pytestmark = pytest.mark.postgresql

URL = "/api/devices/"


async def count(world, who, serial):
    return (await world.ask(who, "GET", f"{URL}?serial={serial}")).json()["count"]


def key():
    return {"idempotency-key": uuid4().hex}


async def test_a_hundred_at_once_have_one_effect(world, staff):
    """B3: same key 100 times in parallel: 1 record; whoever does not wait is told so with 409."""
    serial, sent = uuid4().hex, key()
    body = {"name": "Once", "serial": serial}
    answers = await asyncio.gather(*(world.ask(staff, "POST", URL, body, sent) for _ in range(100)))
    made = [a for a in answers if a.status_code == 201]
    assert {a.status_code for a in answers} <= {201, 409}
    assert {a.json()["code"] for a in answers if a.status_code == 409} <= {"in_progress"}
    assert len({a.content for a in made}) == 1
    assert sum("idempotency-replayed" not in a.headers for a in made) == 1
    assert await count(world, staff, serial) == 1
    again = await world.ask(staff, "POST", URL, body, sent)
    assert again.status_code == 201
    assert again.headers["idempotency-replayed"] == "true"
    for name in ("etag", "location", "content-type"):
        assert again.headers[name] == made[0].headers[name]
    assert again.content == made[0].content


async def test_a_key_with_another_body_is_refused(world, staff):
    sent = key()
    await world.ask(staff, "POST", URL, {"name": "A"}, sent)
    other = await world.ask(staff, "POST", URL, {"name": "B"}, sent)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    query = await world.ask(staff, "POST", f"{URL}?fields=name", {"name": "A"}, sent)
    assert query.status_code == 422


async def test_keys_of_others_are_others(world, staff, admin, stranger):
    """B3: another principal, tenant or route with the same key is independent."""
    serial, sent = uuid4().hex, key()
    body = {"name": "A", "serial": serial}
    assert (await world.ask(staff, "POST", URL, body, sent)).status_code == 201
    clash = await world.ask(admin, "POST", URL, body, sent)
    assert clash.status_code == 400, "not the other's answer: the serial is taken"
    assert (await world.ask(stranger, "POST", URL, body, sent)).status_code == 201
    made = await world.ask(staff, "POST", "/api/devices/batch/", {"records": [body]}, sent)
    assert "idempotency-replayed" not in made.headers


async def test_only_answers_of_completed_requests_are_stored(world, staff):
    """Ruling 19: a refusal is not stored, so the corrected state of the world may answer."""
    serial, sent = uuid4().hex, key()
    body = {"name": "A", "serial": serial}
    first = (await world.ask(staff, "POST", URL, body)).json()["id"]
    refused = await world.ask(staff, "POST", URL, body, sent)
    assert refused.status_code == 400
    await world.ask(staff, "DELETE", f"{URL}{first}/")
    assert (await world.ask(staff, "POST", URL, body, sent)).status_code == 201


async def test_effect_and_answer_are_one_transaction(world, staff):
    """B3: a process that dies before the commit leaves neither; after it, the retry is answered."""
    serial, sent = uuid4().hex, key()
    body = {"name": "A", "serial": serial}
    blocker = await world.scratch.connect("crm_owner")
    try:
        await blocker.execute("BEGIN; LOCK TABLE core_idempotency IN ACCESS EXCLUSIVE MODE")
        request = asyncio.create_task(world.ask(staff, "POST", URL, body, sent))
        await asyncio.sleep(0.3)
        assert not request.done(), "it waits inside its transaction"
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
    finally:
        await blocker.execute("ROLLBACK")
        await blocker.close()
    assert await count(world, staff, serial) == 0
    assert (await world.ask(staff, "POST", URL, body, sent)).status_code == 201
    lost = await world.ask(staff, "POST", URL, body, sent)
    assert lost.headers["idempotency-replayed"] == "true"
    assert await count(world, staff, serial) == 1


async def test_the_record_and_the_stored_answer_are_written_together(world, staff):
    """B3: both rows carry the number of the same transaction."""
    serial, sent = uuid4().hex, key()
    await world.ask(staff, "POST", URL, {"name": "A", "serial": serial}, sent)
    owner = await world.scratch.connect("crm_owner")
    try:
        numbers = await owner.fetchrow(
            "SELECT (SELECT xmin::text FROM dummy_device WHERE serial = $1),"
            " (SELECT xmin::text FROM core_idempotency WHERE key = $2)",
            serial,
            sent["idempotency-key"],
        )
    finally:
        await owner.close()
    assert numbers[0] == numbers[1]


async def test_changes_and_actions_take_a_key_too(world, staff):
    made = await world.ask(staff, "POST", URL, {"name": "A"})
    url, tag = made.headers["location"], made.headers["etag"]
    sent = {**key(), "if-match": tag}
    first = await world.ask(staff, "PATCH", url, {"name": "B"}, sent)
    again = await world.ask(staff, "PATCH", url, {"name": "B"}, sent)
    assert (first.status_code, again.status_code) == (200, 200), "not 412: it was this change"
    assert again.content == first.content
    sent = key()
    for _ in range(2):
        sealed = await world.ask(staff, "POST", f"{url}inspect/", {"verdict": "ok"}, sent)
        assert sealed.status_code == 200
    anew = await world.ask(staff, "POST", f"{url}inspect/", {"verdict": "ok"}, key())
    assert anew.json()["code"] == "sealed"
    sent = key()
    assert (await world.ask(staff, "DELETE", url, headers=sent)).status_code == 204
    assert (await world.ask(staff, "DELETE", url, headers=sent)).status_code == 204
    assert (await world.ask(staff, "DELETE", url, headers=key())).status_code == 404


async def test_unusable_keys_are_refused(world, staff):
    for text in ("", "x" * 256, "a\tb", "ü"):
        answer = await world.ask(
            staff, "POST", URL, {"name": "A"}, {"idempotency-key": text.encode()}
        )
        assert answer.status_code == 400, text
