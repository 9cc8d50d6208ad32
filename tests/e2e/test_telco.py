"""Telecom customers over REST: 7,043 rows by batch create, blanks as null, and no row twice."""

import csv
from pathlib import Path
from typing import Any

import pytest

from core.testing.world import Person, World
from tests.e2e.data import data_file

pytestmark = pytest.mark.slow
ROWS = 7043
BATCH = 1000
BLANK_TOTALS = 11
WHOLE = ("SeniorCitizen", "tenure")
FRACTIONS = ("MonthlyCharges", "TotalCharges")


def number(column: str, text: str) -> object:
    """Return a cell as JSON has it: blanks are null, numbers are numbers."""
    if not text.strip():
        return None
    if column in WHOLE:
        return int(text)
    return float(text) if column in FRACTIONS else text


def records(path: Path) -> list[dict[str, Any]]:
    """Return one record per row (ruling 27): the id as name and e-mail, the rest in ``custom``."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        {
            "name": row["customerID"],
            "email": f"{row['customerID']}@example.com",
            "custom": {c: number(c, text) for c, text in row.items() if c != "customerID"},
        }
        for row in rows
    ]


async def load(world: World, staff: Person, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Send every record, each batch under a key of its own; return what was answered."""
    answers = []
    for start in range(0, len(rows), BATCH):
        reply = await world.ask(
            staff,
            "POST",
            "/api/customers/batch/",
            json={"records": rows[start : start + BATCH], "atomic": True},
            headers={"Idempotency-Key": f"telco-{start}"},
        )
        assert reply.status_code == 201, reply.text
        replayed = reply.headers.get("Idempotency-Replayed") == "true"
        answers.append({**reply.json(), "replayed": replayed})
    return answers


async def everybody(world: World, staff: Person) -> dict[str, dict[str, Any]]:
    """Return every customer by name, by walking the cursor."""
    path = "/api/customers/?cursor=&page_size=200&fields=name,email,custom"
    found: dict[str, dict[str, Any]] = {}
    while path:
        page = (await world.ask(staff, "GET", path)).json()
        found |= {one["name"]: one for one in page["results"]}
        path = (page["next"] or "").removeprefix("http://testserver")
    return found


async def count(world: World, staff: Person) -> int:
    answer = await world.ask(staff, "GET", "/api/customers/?page_size=1&count=exact")
    return int(answer.json()["count"])


async def test_every_row_becomes_a_customer_once(make_world: Any) -> None:
    """Ruling 27, CUS-01: counts, a sample, the blanks, and nothing new when it is repeated."""
    wanted = records(data_file("telco_churn.csv"))
    assert len(wanted) == ROWS
    world = await make_world(plugins=("customers",), packages={})
    staff = await world.person("staff")

    made = await load(world, staff, wanted)
    assert sum(one["created"] for one in made) == ROWS
    assert not any(one["failed"] or one["replayed"] for one in made)
    assert await count(world, staff) == ROWS

    stored = await everybody(world, staff)
    assert {n: (s["email"].lower(), s["custom"]) for n, s in stored.items()} == {
        one["name"]: (one["email"].lower(), one["custom"]) for one in wanted
    }
    blank = [n for n, one in stored.items() if one["custom"]["TotalCharges"] is None]
    assert len(blank) == BLANK_TOTALS
    assert stored["7590-VHVEG"]["custom"]["TotalCharges"] == 29.85

    again = await load(world, staff, wanted)
    assert all(one["replayed"] for one in again)
    assert [one["ids"] for one in again] == [one["ids"] for one in made]
    assert await count(world, staff) == ROWS
