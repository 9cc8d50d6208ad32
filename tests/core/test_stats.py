"""Declared figures: those of the enabled plugins, over the rows that the caller may list."""

import time
from uuid import uuid4

import pytest

pytestmark = pytest.mark.postgresql

URL = "/api/devices/stats/"


async def recomputed(world, who, query="", url="/api/devices/"):
    """Return the figures of devices, counted from the rows of the caller's own list."""
    rows, next_ = [], f"{url}?cursor=&page_size=200{query}"
    while next_:
        page = (await world.ask(who, "GET", next_)).json()
        rows += page["results"]
        next_ = page["next"]
    return {
        "total_devices": len(rows),
        "total_slots": sum(row["slots"] for row in rows),
        "devices_by_state": {
            state: sum(row["state"] == state for row in rows) for state in ("new", "used")
        },
    }


async def stats(world, who, query=""):
    answer = await world.ask(who, "GET", f"{URL}?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_figures_are_those_of_the_callers_own_rows(make_world):
    """E13: per principal the same as counting what he may list; ruling 23: still numbers."""
    world = await make_world()
    mine, theirs = [await world.plant("customers.customer") for _ in range(2)]
    for n in range(30):
        await world.plant(
            "dummy.device",
            customer_id=(mine, theirs, None)[n % 3],
            slots=2 * (n % 4),
            state=("new", "used")[n % 2],
        )
    await world.plant("dummy.device", tenant="globex")
    await world.plant("dummy.device", name="invisible")
    staff = await world.person("staff")
    people = [
        staff,
        await world.person("customer", customers_customer_id=mine),
        await world.person("customer", customers_customer_id=theirs),
        await world.person("customer"),
        await world.person("staff", tenant="globex"),
    ]
    found = []
    for _ in range(2):
        for who in people:
            figures = await stats(world, who)
            assert figures == await recomputed(world, who), who.roles
            found.append(figures["total_devices"])
    assert found == [30, 10, 10, 0, 1] * 2, "the second time from the cache: nobody gets another's"
    seller = await world.person("seller")
    assert (await world.ask(seller, "GET", URL)).status_code == 403


async def test_filters_narrow_the_figures(world, staff):
    mark = f"stats{uuid4().hex[:6]}"
    for slots in (2, 4, 6):
        await world.plant("dummy.device", labels=[mark], slots=slots, state="used")
    figures = await stats(world, staff, f"labels={mark}&slots__gte=4")
    assert figures == {
        "total_devices": 2,
        "total_slots": 10,
        "devices_by_state": {"new": 0, "used": 2},
    }
    assert figures == await recomputed(world, staff, f"&labels={mark}&slots__gte=4")
    for query in ("page=2", "nmae=x", "fields=name"):
        assert (await world.ask(staff, "GET", f"{URL}?{query}")).status_code == 400


async def test_filters_over_a_link_narrow_the_figures(world, staff):
    city = f"Stats{uuid4().hex[:6]}"
    customer = await world.plant("customers.customer", city=city)
    await world.plant("dummy.device", customer_id=customer, slots=2, state="used")
    await world.plant("dummy.device", slots=4, state="used")
    figures = await stats(world, staff, f"customer_id.city={city}")
    assert (figures["total_devices"], figures["total_slots"]) == (1, 2)
    assert figures == await recomputed(world, staff, f"&customer_id.city={city}")


async def test_figures_are_at_most_five_seconds_old(make_world, monkeypatch):
    """Ruling 26: cached per tenant, scope and fields for at most 5 s."""
    world = await make_world()
    staff = await world.person("staff")
    assert (await stats(world, staff))["total_devices"] == 0
    await world.plant("dummy.device")
    assert (await stats(world, staff))["total_devices"] == 0, "kept for a moment"
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 5.1)
    assert (await stats(world, staff))["total_devices"] == 1


async def test_who_writes_sees_his_change_at_once(make_world):
    """Ruling 26: what is kept from before his own write is not for him; for others it stands."""
    world = await make_world()
    writer, reader = [await world.person("staff") for _ in range(2)]
    id = await world.plant("dummy.device", slots=2)
    for who in (writer, reader):
        assert (await stats(world, who))["total_slots"] == 2
    changed = await world.ask(writer, "PATCH", f"/api/devices/{id}/", {"slots": 6})
    assert changed.status_code == 200, changed.text
    assert (await stats(world, reader))["total_slots"] == 2, "kept for a moment"
    assert (await stats(world, writer))["total_slots"] == 6
    await world.plant("dummy.device", slots=4)
    assert (await stats(world, writer))["total_slots"] == 6, "what others write may wait"


async def test_a_cached_figure_needs_a_live_session(make_world):
    """The credential is checked by the database, also when the answer is in memory."""
    world = await make_world()
    staff = await world.person("staff")
    await stats(world, staff)
    admin = await world.person("admin")
    ended = await world.ask(admin, "PATCH", f"/api/users/{staff.id}/", {"is_active": False})
    assert ended.status_code == 200, ended.text
    assert (await world.ask(staff, "GET", URL)).status_code == 401


async def test_each_enabled_plugin_adds_its_figures(make_world):
    """Ruling 26: without loyalty there are no loyalty keys."""
    world = await make_world(
        config="""
[plugins]
installed = [{installed}]
[tenants.acme]
hosts = ["acme.localhost"]
plugins = [{installed}]
[tenants.globex]
hosts = ["globex.localhost"]
plugins = ["customers"]
"""
    )
    await world.plant("customers.customer", dummy_rating=4, is_active=True)
    acme = await world.ask(await world.person("admin"), "GET", "/api/customers/stats/")
    assert acme.json()["rated"] == 4
    assert "total_loyalty_points" in acme.json()
    other = await world.person("admin", tenant="globex")
    globex = await world.ask(other, "GET", "/api/customers/stats/")
    assert globex.json() == {"total_customers": 0, "active_customers": 0}
