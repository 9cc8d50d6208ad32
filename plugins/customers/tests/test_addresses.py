"""Addresses: written as their country does, placed on the map offline, one default of a kind."""

import asyncio
from typing import Any

import pytest

from core.testing.world import CONFIG, Person, World
from plugins.customers.geography.cities import GEOCODERS, AddressQuery
from plugins.customers.geography.rules import Lines, normalize_address
from plugins.customers.tests.factories import HOUSE, made, pointers, read_json

pytestmark = pytest.mark.postgresql

ADDRESSES = "/api/addresses/"
# 154-0023 in the wide digits of a Japanese keyboard.
WIDE = "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in "154-0023")
OFF = """
[tenants.acme.settings.customers]
geocoder = "off"

[tenants.globex]"""


@pytest.fixture
async def customer(world: World, staff: Person) -> str:
    return str((await made(world, staff))["id"])


async def test_address_is_written_and_placed(world: World, staff: Person, customer: str) -> None:
    """ADR-01: the province in its own spelling, the country in capitals, the city's centre."""
    found = await made(world, staff, ADDRESSES, customer_id=customer, **HOUSE)
    assert (found["province"], found["country"], found["kind"]) == ("DKI Jakarta", "ID", "shipping")
    assert (found["latitude"], found["longitude"]) == pytest.approx((-6.2, 106.8), abs=0.2)
    assert found["is_validated"] is True
    path = f"{ADDRESSES}{found['id']}/"
    moved = {"city": "  Surabaya ", "province": "east java", "postal_code": "60111"}
    answer = await world.ask(staff, "PATCH", path, moved)
    assert answer.status_code == 200, answer.text
    row = answer.json()
    assert (row["city"], row["province"]) == ("Surabaya", "Jawa Timur")
    assert (row["latitude"], row["longitude"]) == pytest.approx((-7.25, 112.75), abs=0.2)
    same = await world.ask(staff, "PUT", path, row)
    assert (same.status_code, same.json()["version"]) == (200, row["version"])


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"postal_code": "1031"}, {"#/postal_code": "invalid"}),
        ({"province": "Atlantis"}, {"#/province": "unknown"}),
        ({"province": None}, {"#/province": "required"}),
        ({"country": "XX"}, {"#/country": "invalid"}),
        ({"country": "Indonesia"}, {"#/country": "too_long"}),
        ({"line1": " "}, {"#/line1": "required"}),
        (
            {"country": "US", "province": None, "city": None, "postal_code": None},
            {"#/city": "required", "#/postal_code": "required", "#/province": "required"},
        ),
        ({"country": "US", "province": "NY", "postal_code": "90210"}, {"#/postal_code": "invalid"}),
        ({"country": "GB", "postal_code": "EC1Y 8SYZ"}, {"#/postal_code": "invalid"}),
    ],
)
async def test_wrong_address_is_refused_field_by_field(
    world: World, staff: Person, customer: str, change: dict[str, Any], wrong: dict[str, str]
) -> None:
    """ADR-01"""
    body = {"customer_id": customer, **HOUSE, **change}
    answer = await world.ask(staff, "POST", ADDRESSES, body)
    assert answer.status_code == 400, answer.text
    assert {e["pointer"] for e in answer.json()["errors"]} == set(wrong)
    good = await made(world, staff, ADDRESSES, customer_id=customer, **HOUSE)
    patched = await world.ask(staff, "PATCH", f"{ADDRESSES}{good['id']}/", change)
    assert pointers(patched) == sorted(wrong)


async def test_unknown_province_names_those_that_are(
    world: World, staff: Person, customer: str
) -> None:
    """ADR-01"""
    body = {"customer_id": customer, **HOUSE, "province": "Atlantis"}
    answer = await world.ask(staff, "POST", ADDRESSES, body)
    (error,) = answer.json()["errors"]
    assert error["detail"] == "Indonesia has no such province."
    assert {"Bali", "DKI Jakarta"} <= set(error["allowed"])


@pytest.mark.parametrize(
    ("lines", "written"),
    [
        (Lines("US", "california", "LA", " 90210 ", "1 Main St"), ("CA", "LA", "90210")),
        (Lines("AE", "dubai", None, None, "Sheikh Zayed Rd"), ("Dubai", None, None)),
        (Lines("JP", "東京都", None, WIDE, "1-1"), ("東京都", None, "154-0023")),
        (Lines("GB", None, "London", "ec1y 8sy", "1 Old St"), (None, "London", "EC1Y 8SY")),
        (
            Lines("ID", "DI  Yogyakarta", "Yogyakarta", "55281", "Jl. Melati"),
            ("Daerah Istimewa Yogyakarta", "Yogyakarta", "55281"),
        ),
    ],
)
def test_every_country_has_its_spelling(lines: Lines, written: tuple[str | None, ...]) -> None:
    """ADR-01"""
    lines, errors = normalize_address(lines)
    assert errors == []
    assert (lines.province, lines.city, lines.postal_code) == written


@pytest.mark.parametrize(
    ("query", "near"),
    [
        (AddressQuery("US", "IL", "Springfield"), (39.8, -89.6)),
        (AddressQuery("US", "MO", "Springfield"), (37.2, -93.3)),
        (AddressQuery("DE", None, "München"), (48.1, 11.6)),
        (AddressQuery("DE", None, "COLOGNE"), (50.9, 7.0)),
        (AddressQuery("AE", "Dubai"), (25.1, 55.3)),
        (AddressQuery("SG"), (1.3, 103.9)),
        (AddressQuery("ID", "Bali", "Nowhere at all"), None),
        (AddressQuery("FR"), None),
    ],
)
async def test_cities_are_located_offline(
    query: AddressQuery, near: tuple[float, float] | None
) -> None:
    """ADR-01: geocoding without a network; an unknown city is no error."""
    point = await GEOCODERS["cities"].locate(query)
    found = None if point is None else (point.latitude, point.longitude)
    assert found == (None if near is None else pytest.approx(near, abs=0.2))
    assert await GEOCODERS["off"].locate(query) is None


async def test_village_has_no_coordinates(world: World, staff: Person, customer: str) -> None:
    """ADR-01"""
    body = {**HOUSE, "city": "Kampung Tidak Dikenal"}
    found = await made(world, staff, ADDRESSES, customer_id=customer, **body)
    assert (found["latitude"], found["longitude"], found["is_validated"]) == (None, None, True)
    written = await world.ask(staff, "PATCH", f"{ADDRESSES}{found['id']}/", {"latitude": 1.5})
    assert pointers(written) == ["#/latitude"]


async def test_geocoder_is_the_tenants_choice(make_world: Any) -> None:
    """ADR-01: the port is chosen in the plugin's settings."""
    config = CONFIG.replace("\n[tenants.globex]", OFF)
    world = await make_world(("customers",), {}, config)
    staff = await world.person("staff")
    customer = (await made(world, staff))["id"]
    found = await made(world, staff, ADDRESSES, customer_id=customer, **HOUSE)
    assert (found["latitude"], found["province"]) == (None, "DKI Jakarta")


async def test_one_default_of_a_kind(world: World, staff: Person, customer: str) -> None:
    given = {**HOUSE, "customer_id": customer, "is_default": True}
    first = await made(world, staff, ADDRESSES, **given)
    await made(world, staff, ADDRESSES, **given, kind="billing")
    third = await made(world, staff, ADDRESSES, **given)

    async def defaults() -> set[tuple[str, str]]:
        path = f"{ADDRESSES}?customer={customer}&is_default=true"
        return {
            (row["kind"], row["id"]) for row in (await read_json(world, staff, path))["results"]
        }

    assert {kind for kind, _ in await defaults()} == {"billing", "shipping"}
    assert ("shipping", third["id"]) in await defaults()
    moved = await world.ask(staff, "PATCH", f"{ADDRESSES}{third['id']}/", {"kind": "billing"})
    assert moved.status_code == 200, moved.text
    assert await defaults() == {("billing", third["id"])}
    await world.ask(staff, "PATCH", f"{ADDRESSES}{first['id']}/", {"is_default": True})
    await asyncio.gather(*(made(world, staff, ADDRESSES, **given) for _ in range(4)))
    assert [kind for kind, _ in await defaults()].count("shipping") == 1


async def test_addresses_are_rewritten_one_by_one(
    world: World, staff: Person, customer: str
) -> None:
    ids = [(await made(world, staff, ADDRESSES, customer_id=customer, **HOUSE))["id"] for _ in "ab"]
    body: dict[str, Any] = {"ids": ids, "set": {"city": "Bogor"}}
    answer = await world.ask(staff, "POST", f"{ADDRESSES}bulk/", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "one_by_one")
    answer = await world.ask(staff, "POST", f"{ADDRESSES}bulk/", {**body, "set": {"kind": "home"}})
    assert sorted(answer.json()["ids"]) == sorted(ids)


async def test_batch_is_checked_record_by_record(
    world: World, staff: Person, customer: str
) -> None:
    """ADR-01: as in a single create."""
    good = {**HOUSE, "customer_id": customer}
    body = {"records": [good, {**good, "postal_code": "x"}], "atomic": False}
    answer = await world.ask(staff, "POST", f"{ADDRESSES}batch/", body)
    assert answer.status_code == 201, answer.text
    done = answer.json()
    assert (done["created"], done["failed"]) == (1, 1)
    assert [error["pointer"] for error in done["errors"]] == ["#/records/1/postal_code"]
    found = await read_json(world, staff, f"{ADDRESSES}{done['ids'][0]}/")
    assert (found["province"], found["is_validated"]) == ("DKI Jakarta", True)
    answer = await world.ask(staff, "POST", f"{ADDRESSES}batch/", {**body, "atomic": True})
    assert pointers(answer) == ["#/records/1/postal_code"]


async def test_sellers_and_customers(world: World, staff: Person, customer: str) -> None:
    """Ruling 28: sellers read those of their company's customers, customers keep their own."""
    company = await world.plant("customers.company")
    await world.plant("customers.company_link", customer_id=customer, company_id=company)
    seller = await world.person("seller", customers_company_id=company)
    himself = await world.person("customer", customers_customer_id=customer)
    foreign = await world.plant("customers.address")
    mine = await made(world, himself, ADDRESSES, **HOUSE, is_default=True)
    assert mine["customer_id"] == customer
    for who in (seller, himself):
        found = await read_json(world, who, ADDRESSES)
        assert [row["id"] for row in found["results"]] == [mine["id"]]
        assert (await world.ask(who, "GET", f"{ADDRESSES}{foreign}/")).status_code == 404
    path = f"{ADDRESSES}{mine['id']}/"
    assert (await world.ask(seller, "DELETE", path)).status_code == 403
    assert (await world.ask(himself, "PATCH", path, {"line2": "Flat 3"})).status_code == 200
    assert (await world.ask(himself, "DELETE", path)).status_code == 204
