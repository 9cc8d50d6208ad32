"""The tiers are the tenant's: what a good list of them is, and that it is obeyed."""

from typing import Any

import msgspec
import pytest

from plugins.loyalty.settings import Settings, Tier
from plugins.loyalty.tests.factories import customer, move, state

pytestmark = pytest.mark.postgresql

DIAMOND = [
    {"code": "bronze", "points": 0},
    {"code": "silver", "points": 10},
    {"code": "diamond", "points": 5000},
]


def test_shipped_tiers_are_those_of_the_source() -> None:
    """LOY-01"""
    assert [(t.code, t.points) for t in Settings().tiers] == [
        ("bronze", 0),
        ("silver", 100),
        ("gold", 500),
        ("platinum", 1000),
    ]


@pytest.mark.parametrize(
    ("tiers", "why"),
    [
        ([], "begins at 0"),
        ([("bronze", 1)], "begins at 0"),
        ([("bronze", 0), ("gold", 500), ("silver", 100)], "ascend"),
        ([("bronze", 0), ("gold", 0)], "ascend"),
        ([("bronze", 0), ("bronze", 5)], "twice"),
        ([("Bronze", 0)], "lower-case"),
        ([("", 0)], "lower-case"),
        ([("bronze", 0), ("gold", 2**31)], "2147483647"),
    ],
)
def test_bad_tiers_are_refused(tiers: list[tuple[str, int]], why: str) -> None:
    """C-4"""
    with pytest.raises(ValueError, match=why):
        Settings(tiers=tuple(Tier(code, points) for code, points in tiers))
    given = {"tiers": [{"code": code, "points": points} for code, points in tiers]}
    with pytest.raises(msgspec.ValidationError, match=why):
        msgspec.convert(given, Settings)


async def test_tenants_own_tiers_are_obeyed(make_world: Any) -> None:
    """C-4: tiers are the tenant's, diamond included."""
    world = await make_world(("customers", "loyalty"), {})
    admin = await world.person("admin")
    words = [
        {"code": code, "label": code.capitalize(), "order": place}
        for place, code in enumerate(("bronze", "silver", "gold", "platinum", "diamond"))
    ]
    path = "/api/dictionaries/loyalty.tiers/"
    answer = await world.ask(admin, "PUT", path, {"choices": words})
    assert answer.status_code == 200, answer.text
    answer = await world.ask(admin, "PATCH", "/api/settings/loyalty/", {"tiers": DIAMOND})
    assert answer.status_code == 200, answer.text
    id = await customer(world)
    for points, tier in ((9, "bronze"), (1, "silver"), (4990, "diamond")):
        await move(world, admin, id, "earn", {"points": points, "reason": "Purchase"})
        assert (await state(world, admin, id))[1] == tier
    found = (await world.ask(admin, "GET", "/api/customers/stats/")).json()["customers_by_tier"]
    assert found == {"bronze": 0, "silver": 0, "gold": 0, "platinum": 0, "diamond": 1}
    bad = {"tiers": [{"code": "bronze", "points": 5}]}
    answer = await world.ask(admin, "PATCH", "/api/settings/loyalty/", bad)
    assert answer.status_code == 400
    assert "begins at 0" in answer.json()["error"]
