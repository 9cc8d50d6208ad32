"""Deleting, the trash, and taking back, by plain forms."""

import re
from uuid import UUID

import pytest

from tests.core.browsing import Browser
from tests.core.screens import clerk, customer, fields, send
from tests.core.signing import Gate

TRASH = "/app/customers/trash/"
UNDO = re.compile(r'<form method="post" action="([^"]+/restore/)">')


@pytest.fixture(scope="module")
def gate(world) -> Gate:
    return Gate(world)


@pytest.fixture(scope="module")
async def browser(gate) -> Browser:
    return await clerk(gate, "staff")


async def delete(browser: Browser, id):
    """Delete a record from its page."""
    path = f"/app/customers/{id}/"
    return await send(browser, await browser.get(path), f"{path}delete/")


async def there(world, who, id) -> int:
    """Return the status with which REST answers for a record."""
    return (await world.ask(who, "GET", f"/api/customers/{id}/")).status_code


async def test_a_delete_is_undone_from_the_next_page(world, staff, browser):
    """Undo toast: deleting asks nothing, for it can be taken back."""
    id = await customer(world, name="Deleted in haste")
    gone = await delete(browser, id)
    assert gone.status_code == 303
    page = await browser.get(gone.headers["location"])
    assert "Deleted in haste was moved to the trash." in page.text
    (undo,) = UNDO.findall(page.text)
    assert await there(world, staff, id) == 404
    back = await browser.post(undo, fields(page.text, undo))
    assert back.status_code == 303
    assert back.headers["location"] == f"/app/customers/{id}/"
    assert await there(world, staff, id) == 200


async def test_what_was_changed_meanwhile_is_not_deleted_unseen(world, staff, browser):
    id = await customer(world)
    path = f"/app/customers/{id}/"
    page = await browser.get(path)
    await world.ask(staff, "PATCH", f"/api/customers/{id}/", {"city": "Medan"})
    answer = await send(browser, page, f"{path}delete/")
    assert answer.headers["location"] == path
    assert "changed meanwhile" in (await browser.get(path)).text
    assert await there(world, staff, id) == 200


async def test_what_others_hold_on_to_says_so(world, staff, browser):
    id = await customer(world)
    await world.plant("dummy.device", customer_id=id)
    answer = await delete(browser, id)
    assert answer.headers["location"] == f"/app/customers/{id}/"
    assert (
        "Devices still refer to this record." in (await browser.get(f"/app/customers/{id}/")).text
    )
    assert await there(world, staff, id) == 200


async def test_the_trash_shows_restores_and_purges(world, staff, gate):
    admin = await clerk(gate, "admin")
    ids = [await customer(world, name=f"Trashed {n}") for n in range(3)]
    for id in ids:
        await delete(admin, id)
    page = await admin.get(TRASH)
    assert page.status_code == 200
    assert all(f"Trashed {n}" in page.text for n in range(3))
    back = await admin.post(f"/app/customers/{ids[0]}/restore/", fields(page.text, TRASH))
    assert back.status_code == 303
    assert await there(world, staff, ids[0]) == 200
    sure = await admin.get(f"/app/customers/{ids[1]}/purge/")
    assert "Delete Trashed 1 for good?" in sure.text
    assert await there(world, staff, ids[1]) == 404
    done = await send(admin, sure, f"/app/customers/{ids[1]}/purge/")
    assert (done.status_code, done.headers["location"]) == (303, TRASH)
    assert "Trashed 1 was deleted for good" in (await admin.get(TRASH)).text
    again = await admin.get(f"/app/customers/{ids[1]}/purge/")
    assert again.status_code == 404
    record = await admin.get(f"/app/customers/{ids[2]}/")
    assert record.status_code == 404
    assert "It lies in the trash" in record.text


async def test_many_are_restored_and_purged_after_a_question(world, gate):
    admin = await clerk(gate, "admin")
    ids = [str(await world.plant("dummy.device", name=f"Old {n}")) for n in range(4)]
    for id in ids:
        path = f"/app/devices/{id}/"
        assert (await send(admin, await admin.get(path), f"{path}delete/")).is_redirect
    trash = "/app/devices/trash/"
    page = await admin.get(trash)
    sent = fields(page.text, trash)
    nothing = await admin.post(trash, {**sent, "deed": "restore"})
    assert nothing.status_code == 409
    assert "Select at least one row." in nothing.text
    back = await admin.post(trash, {**sent, "deed": "restore", "ids": ids[:2]})
    assert back.status_code == 303
    assert "2 records are back." in (await admin.get(trash)).text
    sent = fields((await admin.get(trash)).text, trash)
    asked = await admin.post(trash, {**sent, "deed": "purge", "ids": ids[2:]})
    assert asked.status_code == 200
    assert "Delete 2 records for good?" in asked.text
    sure = {**fields(asked.text, trash), "ids": ids[2:]}
    assert (await admin.post(trash, sure)).status_code == 303
    left = (await admin.get(trash)).text
    assert not any(id in left for id in ids)
    assert (await admin.post(trash, {**sent, "deed": "view", "ids": ids})).status_code == 404


async def test_who_may_not_see_the_trash(world, gate, browser):
    id = await customer(world)
    assert (await delete(browser, id)).is_redirect
    seller = await clerk(gate, "seller")
    assert (await seller.get(TRASH)).status_code == 403
    assert (await seller.get(f"/app/customers/{id}/")).text.count("trash/") == 0
    # Staff restore, but only administrators delete for good.
    page = await browser.get(TRASH)
    assert "restore/" in page.text
    assert "purge" not in page.text
    assert (await browser.get(f"/app/customers/{id}/purge/")).status_code == 403


async def test_a_bulk_delete_is_undone_where_nothing_changed_since(world, staff, gate):
    """Ruling 18: an undo reverses the ids that changed, and those alone."""
    email = await gate.user("staff")
    browser = await Browser(gate).enter(email)
    token = (await gate.enter(email))["access"]
    cities = ("Bogor", "Bogor", "Medan", "Solo")
    ids = [str(await customer(world, city=city)) for city in cities]
    body = {"set": {"city": "Solo"}, "ids": ids}
    answer = await gate.post("/api/customers/bulk/", body, token=token)
    assert len(answer.json()["ids"]) == 3
    # One of them is changed once more by somebody else.
    await world.ask(staff, "PATCH", f"/api/customers/{ids[1]}/", {"city": "Ambon"})
    path = f"/app/customers/undo/{UUID(answer.headers['x-request-id'])}/"
    done = await browser.post(path, page="/app/customers/")
    assert done.status_code == 303
    found = [(await world.ask(staff, "GET", f"/api/customers/{id}/")).json()["city"] for id in ids]
    assert found == ["Bogor", "Ambon", "Medan", "Solo"]
    deleted = await gate.post(
        "/api/customers/bulk/", {"action": "delete", "ids": ids[:2]}, token=token
    )
    path = f"/app/customers/undo/{UUID(deleted.headers['x-request-id'])}/"
    # Nobody else takes it back.
    other = await clerk(gate, "staff")
    assert (await other.post(path, page="/app/customers/")).status_code == 404
    assert (await browser.post(path, page="/app/customers/")).status_code == 303
    assert await there(world, staff, ids[0]) == 200
    assert (await browser.post(path, page="/app/customers/")).status_code == 404
