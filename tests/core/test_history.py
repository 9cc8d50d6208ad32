"""The history of a record: who changed what, when, from where, why and under whose care."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from core.testing.query_log import query_log
from core.testing.world import Person, World

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.postgresql]
BROWSER = {"user-agent": "Mozilla/5.0 (X11) it's '\\' \"q\"", "x-reason": "He asked for it"}


@pytest.fixture(scope="module")
async def salespeople(world: World) -> list[Person]:
    return [await world.person("staff", name=f"Sales {name}") for name in ("Ada", "Ben")]


async def made(world: World, who: Person, **values: Any) -> str:
    """Return the id of a new customer."""
    body = {"name": "Ann", "email": f"{uuid4()}@history.example", **values}
    answer = await world.ask(who, "POST", "/api/customers/", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def read_history(
    world: World, who: Person, id: str, rest: str = "", status: int = 200
) -> Any:
    """Return the answer of a customer's history."""
    answer = await world.ask(who, "GET", f"/api/customers/{id}/{rest or 'history/'}")
    assert answer.status_code == status, answer.text
    return answer.json()


async def change(world: World, who: Person, id: str, **values: Any) -> None:
    answer = await world.ask(who, "PATCH", f"/api/customers/{id}/", json=values, headers=BROWSER)
    assert answer.status_code == 200, answer.text


def pairs(entry: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {c["field"]: (c["old"], c["new"]) for c in entry["changes"]}


async def test_change_tells_who_when_where_why_and_what(
    world: World, admin: Person, salespeople: list[Person]
) -> None:
    """HIS-01, HIS-02, C3: old and new value, person, address, device, reason, salesperson."""
    ada, ben = salespeople
    id = await made(world, admin, salesperson_id=str(ada.id), phone="08123456789")
    await change(world, ben, id, name="Ann Lee", is_vip=True, salesperson_id=str(ben.id))
    newest, first = (await read_history(world, admin, id))["results"]
    assert pairs(newest) == {
        "name": ("Ann", "Ann Lee"),
        "is_vip": (False, True),
        "salesperson_id": (str(ada.id), str(ben.id)),
    }
    assert newest["by"] == {"kind": "user", "id": str(ben.id), "name": "Sales Ben", "gone": False}
    assert newest["responsible"]["name"] == "Sales Ada"  # who cared for him until then
    assert newest["request"]["address"] == "127.0.0.1"
    assert newest["request"]["user_agent"] == BROWSER["user-agent"]
    assert newest["request"]["operation"] == "customers.customer.update"
    assert newest["reason"] == "He asked for it"
    sales = next(c for c in newest["changes"] if c["field"] == "salesperson_id")
    assert (sales["old_label"], sales["new_label"]) == ("Sales Ada", "Sales Ben")
    assert (first["action"], first["changes"]) == ("created", [])


async def test_money_dates_and_choices_look_as_in_the_record(world: World, admin: Person) -> None:
    """C-24: amounts are strings of the record's currency; choices have their words."""
    id = await made(world, admin, type="individual")
    await change(world, admin, id, type="enterprise")
    body = {"total": "150000.50"}
    answer = await world.ask(admin, "POST", f"/api/customers/{id}/record_order/", json=body)
    assert answer.status_code == 200, answer.text
    record = answer.json()
    order, typed, _ = (await read_history(world, admin, id))["results"]
    assert pairs(order)["total_spent"] == ("0.00", record["total_spent"])
    assert pairs(order)["last_order_date"][1] == record["last_order_date"]
    kind = typed["changes"][0]
    assert (kind["old_label"], kind["new_label"]) == ("Individual", "Enterprise")


async def test_toggles_bulk_and_points_are_recorded_without_code_of_their_plugin(
    world: World, admin: Person
) -> None:
    """HIS-03, C-6: set-based updates leave the same history as a change of one record."""
    ids = [await made(world, admin) for _ in range(3)]
    for action in ("deactivate", "activate"):
        body = {"customer_ids": ids, "action": action}
        answer = await world.ask(admin, "POST", "/api/customers/bulk_update/", json=body)
        assert answer.status_code == 200
    reason = {"points": 50, "reason": "Birthday bonus"}
    await world.ask(admin, "POST", f"/api/customers/{ids[0]}/update_points/", json=reason)
    for id in ids:
        entries = (await read_history(world, admin, id, "history/?field=is_active"))["results"]
        assert [pairs(e)["is_active"] for e in entries] == [(False, True), (True, False)]
        assert {e["request"]["operation"] for e in entries} == {"customers.customer.bulk_update"}
    points = (await read_history(world, admin, ids[0]))["results"][0]
    assert (points["reason"], pairs(points)["loyalty_points"]) == ("Birthday bonus", (0, 50))


async def test_figures_count_what_the_caller_may_see(world: World, admin: Person) -> None:
    """HIS-06: all changes, those of each field, people, first and last."""
    id = await made(world, admin)
    for vip in (True, False, True):
        await change(world, admin, id, is_vip=vip)
    await change(world, admin, id, city="Bandung")
    figures = await read_history(world, admin, id, "history/stats/")
    assert figures["total_changes"] == 5
    assert figures["by_action"] == {"created": 1, "updated": 4}
    assert figures["by_field"]["is_vip"] == 3
    assert figures["by_field"]["city"] == 1
    assert figures["people"] == 1


async def test_every_salesperson_with_his_periods_and_his_credit(
    world: World, admin: Person, salespeople: list[Person]
) -> None:
    """HIS-07, HIS-08: who handled the customer and what became of him in that time."""
    ada, ben = salespeople
    id = await made(world, admin, salesperson_id=str(ada.id))
    await change(world, admin, id, is_vip=True)
    await change(world, admin, id, is_active=False)
    await change(world, admin, id, salesperson_id=str(ben.id))
    await change(world, admin, id, is_active=True)
    await change(world, admin, id, salesperson_id=None)
    await change(world, admin, id, salesperson_id=str(ada.id))
    periods = (await read_history(world, admin, id, "attribution/"))["results"]
    assert [p["responsible"]["name"] for p in periods] == ["Sales Ada", "Sales Ben", "Sales Ada"]
    assert periods[0]["to"] == periods[1]["from"]
    assert periods[1]["to"] < periods[2]["from"]
    assert periods[2]["to"] is None
    assert periods[0]["credit"] == {
        "is_active": {"gained": 0, "regained": 0, "lost": 1},
        "is_vip": {"gained": 1, "regained": 0, "lost": 0},
    }
    assert periods[1]["credit"] == {"is_active": {"gained": 0, "regained": 1, "lost": 0}}
    assert periods[2]["credit"] == {}


async def test_periods_cost_the_same_however_many_they_are(
    world: World, admin: Person, salespeople: list[Person]
) -> None:
    """HIS-07: one statement tells what came of all periods, not one of each."""
    id = await made(world, admin, salesperson_id=str(salespeople[0].id))
    costs = []
    for hands in (0, 5):
        for turn in range(hands):
            taker = salespeople[(turn + 1) % 2]
            await change(world, admin, id, salesperson_id=str(taker.id), is_vip=turn % 2 == 0)
        assert len((await read_history(world, admin, id, "attribution/"))["results"]) == hands + 1
        with query_log(world) as seen:
            await read_history(world, admin, id, "attribution/")
        costs.append(len([logged for logged in seen if "gained" in logged.query]))
    assert costs == [1, 1]


async def test_credit_of_a_period_goes_to_who_was_responsible(world: World, admin: Person) -> None:
    """HIS-08, HIS-09: VIP made, activated, reactivated; a VIP from his first day counts."""
    eve = await world.person("staff", name="Sales Eve")
    born, calm = [
        await made(world, admin, salesperson_id=str(eve.id), is_vip=v) for v in (1 > 0, 0 > 1)
    ]
    await change(world, admin, calm, is_vip=True)
    for active in (False, True):
        await change(world, admin, born, is_active=active)
    report = (await world.ask(admin, "GET", "/api/customers/credit/")).json()
    mine = next(
        line for line in report["results"]
        if line["responsible"] and line["responsible"]["id"] == str(eve.id)
    )  # fmt: skip
    assert mine["credit"]["is_vip"] == {"gained": 2, "regained": 0, "lost": 0}
    assert mine["credit"]["is_active"] == {"gained": 0, "regained": 1, "lost": 1}
    assert report["fields"] == {"is_active": "Active", "is_vip": "VIP"}
    past = await world.ask(admin, "GET", "/api/customers/credit/?from=2020-01-01&to=2020-12-31")
    assert past.json()["results"] == []
    wrong = await world.ask(admin, "GET", "/api/customers/credit/?from=2021-01-01&to=2020-12-31")
    assert wrong.status_code == 400


async def test_pages_filters_and_their_refusals(world: World, admin: Person) -> None:
    """KER-13: by kind, field, person and time; a page ends where the next begins."""
    id = await made(world, admin)
    for n in range(5):
        await change(world, admin, id, city=f"City {n}")
    seen, cursor = [], ""
    while cursor is not None:
        page = await read_history(world, admin, id, f"history/?page_size=2&cursor={cursor}")
        seen += [pairs(e).get("city", ("", ""))[1] for e in page["results"]]
        cursor = page["next_cursor"]
    assert seen == ["City 4", "City 3", "City 2", "City 1", "City 0", ""]
    for query, count in (
        ("action=created", 1),
        ("field=city", 5),
        (f"by={admin.id}", 6),
        (f"by={uuid4()}", 0),
        ("from=2020-01-01&to=2020-12-31", 0),
        ("from=2020-01-01T00:00:00Z", 6),
    ):
        assert (
            len((await read_history(world, admin, id, f"history/?{query}"))["results"]) == count
        ), query
    for query in (
        "field=nothing", "by=me", "action=eaten", "cursor=x", "page_size=0", "page_size=201",
        "from=never", "to=9999-99-99", "colour=red", "from=0001-01-01&to=9999-12-31T23:59:59-23:00",
    ):  # fmt: skip
        answer = await world.ask(admin, "GET", f"/api/customers/{id}/history/?{query}")
        assert answer.status_code in (200, 400) if "0001" in query else answer.status_code == 400, (
            query
        )


async def test_history_survives_record_and_user(world: World, admin: Person) -> None:
    """Ruling 29: of what is in the trash, or gone, only holders of ``trash`` learn anything."""
    clerk = await world.person("staff", name="Clerk Gone")
    seller = await world.person("seller")
    id = await made(world, clerk)
    await change(world, clerk, id, city="Solo")
    assert (await world.ask(admin, "DELETE", f"/api/customers/{id}/")).status_code == 204
    await read_history(world, seller, id, status=404)
    assert [e["action"] for e in (await read_history(world, admin, id))["results"]] == [
        "trashed", "updated", "created",
    ]  # fmt: skip
    assert (await world.ask(admin, "POST", f"/api/customers/{id}/purge/")).status_code == 204
    for verb, path in (("DELETE", ""), ("POST", "purge/")):
        gone = await world.ask(admin, verb, f"/api/users/{clerk.id}/{path}")
        assert gone.status_code == 204, gone.text
    entries = (await read_history(world, admin, id))["results"]
    assert [e["action"] for e in entries] == ["purged", "trashed", "updated", "created"]
    assert pairs(entries[0])["city"] == ("Solo", None)
    assert entries[3]["by"] == {
        "kind": "user",
        "id": str(clerk.id),
        "name": "Clerk Gone",
        "gone": True,
    }
    await read_history(world, seller, id, status=404)
    await read_history(world, admin, str(uuid4()), status=404)


async def test_nobody_reads_what_his_fields_or_scope_hide(world: World, admin: Person) -> None:
    """C4: hidden fields are nowhere in entries or figures; C-20: no portal user asks."""
    company = await world.plant("customers.company")
    id = await made(world, admin)
    link = {"customer_id": id, "company_id": str(company)}
    assert (await world.ask(admin, "POST", "/api/company-links/", json=link)).status_code == 201
    seller = await world.person("seller", customers_company_id=company)
    other = await world.person(
        "seller", customers_company_id=await world.plant("customers.company")
    )
    portal = await world.person("customer", customers_customer_id=UUID(id))
    await change(world, admin, id, city="Open")
    for who in (other,):
        for rest in ("history/", "history/stats/", "attribution/"):
            await read_history(world, who, id, rest, status=404)
    for rest in ("history/", "history/stats/", "attribution/"):
        await read_history(world, portal, id, rest, status=403)
    for path in ("/api/customers/credit/", "/api/audit/"):
        assert (await world.ask(portal, "GET", path)).status_code == 403
    assert len((await read_history(world, seller, id))["results"]) == 2
    assert (await world.ask(seller, "GET", "/api/audit/")).status_code == 403
    visible = (await world.ask(seller, "GET", f"/api/customers/{id}/")).json()
    for entry in (await read_history(world, seller, id))["results"]:
        assert set(pairs(entry)) <= set(visible)
        assert not {"address", "user_agent"} & set(entry["request"])


async def test_log_of_the_tenant_is_for_its_administrators(
    world: World, admin: Person, stranger: Person
) -> None:
    """HIS-11: everything that changed, by entity, record, person and kind."""
    id = await made(world, admin)
    await change(world, admin, id, city="Everywhere")
    mine = (await world.ask(admin, "GET", f"/api/audit/?record={id}")).json()["results"]
    assert [e["action"] for e in mine] == ["updated", "created"]
    query = f"entity=customers.customer&action=updated&field=city&by={admin.id}"
    found = (await world.ask(admin, "GET", f"/api/audit/?{query}")).json()["results"]
    assert found[0]["record_id"] == id
    theirs = (await world.ask(stranger, "GET", f"/api/audit/?record={id}")).json()["results"]
    assert theirs == []
    assert (await world.ask(admin, "GET", "/api/audit/?entity=no.such")).status_code == 400


async def test_reason_is_one_line_of_text(world: World, admin: Person) -> None:
    """A reason that cannot be kept is refused before anything is done."""
    id = await made(world, admin)
    for reason in ("x" * 201, "a\tb", b"\xff\xfe"):
        headers = {"x-reason": reason}
        answer = await world.ask(admin, "PATCH", f"/api/customers/{id}/", json={}, headers=headers)
        assert answer.status_code == 400, reason
