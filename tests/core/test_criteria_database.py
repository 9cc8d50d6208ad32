"""Compiled criteria find in PostgreSQL exactly the rows that plain Python finds."""

import asyncio
import importlib.util
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql

from core.criteria import parse_and_check
from core.postgres.blocking import finish
from core.testing.servers import TestServer
from tests.core import criteria_world as world
from tests.core.criteria_world import COMPANY, ENTITIES, HIDDEN, PERSON, TERMS, Reader, holds

pytestmark = pytest.mark.postgresql
HERE, ELSEWHERE = UUID(int=100), UUID(int=200)


class Store:
    """A connection, what is stored, and the loop on which both live."""

    def __init__(self, url: str) -> None:
        self.runner = asyncio.Runner()
        self.connection = self.run(asyncpg.connect(url))
        self.people: list[dict[str, Any]] = []
        self.companies: dict[UUID, dict[str, Any]] = {}

    def run(self, work: Any) -> Any:
        async def whole() -> Any:
            return await work

        return self.runner.run(whole())

    def make(self, declared: Any) -> None:
        dialect = postgresql.dialect()
        columns = [
            f'"{name}" {type_.compile(dialect=dialect)}'
            for name, type_ in world.types_of(declared).items()
        ]
        columns += [
            f'{f.sort_column} text COLLATE "C" GENERATED ALWAYS AS (crm_fold({f.name})) STORED'
            for f in declared.fields.values()
            if f.has_key
        ]
        self.run(
            self.connection.execute(
                f"CREATE TABLE {declared.table} (tenant_id uuid, {', '.join(columns)})"
            )
        )

    def add(self, declared: Any, row: dict[str, Any]) -> None:
        numbers = ", ".join(f"${n}" for n in range(1, len(row) + 1))
        names = ", ".join(f'"{name}"' for name in row)
        values = [
            msgspec.json.encode(v).decode() if isinstance(v, dict) else v for v in row.values()
        ]
        sql = f"INSERT INTO {declared.table} ({names}) VALUES ({numbers})"
        self.run(self.connection.execute(sql, *values))


def _fold_sql() -> str:
    path = Path("migrations/versions/0001_kernel.py")
    spec = importlib.util.spec_from_file_location("kernel_migration", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.FOLD)


def _random_row(declared: Any, chance: random.Random, number: int) -> dict[str, Any]:
    row: dict[str, Any] = {"id": UUID(int=number), "tenant_id": HERE, "deleted_at": None}
    for name in declared.fields:
        if name in world.DOMAINS and name in declared.column_types:
            row[name] = None if chance.random() < 0.25 else _value(name, chance)
    return row


def _value(name: str, chance: random.Random) -> Any:
    if name in ("name", "notes"):
        return "".join(
            chance.choices(world.LETTERS, k=chance.randint(0 if name == "notes" else 1, 4))
        )
    samples: list[Any] = SAMPLES[name]
    return chance.choice(samples)


SAMPLES: dict[str, list[Any]] = {
    "phone": ["+628123456789", "+6281111111", ""],
    "points": [-2, -1, 0, 1, 2],
    "rate": [-75, -25, 0, 25, 75],
    "wage": [-75, -25, 0, 25, 75],
    "weight": [-0.5, 0.0, 1.25],
    "active": [True, False],
    "born": [world.date(2025, 3, day) for day in (1, 2, 3, 4)],
    "seen_at": [
        world.datetime(2025, 3, day, hour, tzinfo=world.UTC)
        for day in (1, 2, 3)
        for hour in (0, 16, 17, 23)
    ],
    "source": ["walk_in", "referral"],
    "level": ["a", "b"],
    "company_id": [UUID(int=n) for n in range(1, 7)],
    "parent_id": [UUID(int=n) for n in range(1, 7)],
    "city": ["Jakarta", "Bandung", ""],
    "size": [0, 1, 2],
    "tags": [[], ["vip"], ["vip", "é"], ["x%"]],
    "extra": [{}, {"a": 1}],
}


@pytest.fixture(scope="module")
def store(test_server: TestServer) -> Iterator[Store]:
    scratch = finish(test_server.empty())
    found = Store(scratch.url("postgres"))
    found.run(found.connection.execute(_fold_sql()))
    chance = random.Random(7)
    for declared in (COMPANY, PERSON):
        found.make(declared)
    for number in range(1, 7):
        row = _random_row(COMPANY, chance, number)
        if number == 5:
            row["city"] = HIDDEN
        if number == 6:
            row["deleted_at"] = world.datetime(2025, 3, 1, tzinfo=world.UTC)
        found.add(COMPANY, row)
        # Another tenant's company with the same id would match if the tenant were forgotten.
        found.add(COMPANY, row | {"tenant_id": ELSEWHERE, "city": "Jakarta", "deleted_at": None})
        if number < 5:
            found.companies[row["id"]] = row
    for number in range(1000, 1120):
        row = _random_row(PERSON, chance, number)
        found.add(PERSON, row)
        found.people.append(row)
    yield found
    found.run(found.connection.close())
    found.runner.close()
    finish(test_server.drop(scratch))


def _matching_ids(store: Store, tree: Any) -> set[UUID]:
    checked = parse_and_check(tree, PERSON, ENTITIES, Reader(), TERMS)
    sql = f"SELECT id FROM {PERSON.table} c WHERE tenant_id = $1 AND {checked.sql('c', 2)}"
    rows = store.run(store.connection.fetch(sql, HERE, *checked.values))
    found = {row["id"] for row in rows}
    assert len(found) == len(rows)  # nothing is multiplied
    return found


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=world.TREES)
def test_criteria_find_what_python_finds(store: Store, tree: Any) -> None:
    expected = {row["id"] for row in store.people if holds(tree, row, store.companies)}
    assert _matching_ids(store, tree) == expected


def _every_term(path: str, name: str, kind: str) -> Iterator[dict[str, Any]]:
    """Yield each operator of a field with each kind of value, traps and boundaries included."""
    samples = [world.written(name, value) for value in SAMPLES.get(name, list(world.LETTERS))]
    if kind == "datetime":
        samples += ["2025-03-01", "2025-03-02", "2025-03-03"]
    if kind in ("choice", "phone"):
        samples = [sample for sample in samples if sample]
    needles = ["vip", "x%", "é", "zz"] if kind == "tags" else [*world.LETTERS, "é%", "A_", "ar"]
    values: dict[str, list[Any]] = {
        "is_empty": [True, False],
        "in": [[], samples, samples[:1]],
        "between": [[low, high] for low in samples for high in samples],
        "contains": needles,
        "starts_with": needles,
    }
    for op in world.OPERATORS[kind]:
        for value in values.get(op.removeprefix("not_"), samples):
            yield {"field": path, "op": op, "value": value}


@pytest.mark.parametrize(("path", "name", "kind"), world.FIELD_PATHS, ids=lambda value: str(value))
def test_every_operator_finds_what_python_finds(
    store: Store, path: str, name: str, kind: str
) -> None:
    for tree in _every_term(path, name, kind):
        expected = {row["id"] for row in store.people if holds(tree, row, store.companies)}
        assert _matching_ids(store, tree) == expected, tree


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=world.TREES, name=st.sampled_from(["not", "twice"]))
def test_not_is_a_true_complement(store: Store, tree: Any, name: str) -> None:
    everyone = {row["id"] for row in store.people}
    inverted: Any = {"not": tree}
    if name == "twice":
        assert _matching_ids(store, {"not": inverted}) == _matching_ids(store, tree)
    else:
        assert _matching_ids(store, inverted) == everyone - _matching_ids(store, tree)


def test_hidden_deleted_and_foreign_companies_count_as_none(store: Store) -> None:
    """E8: nothing about an invisible record can be asked through a link to it."""
    unseen = {UUID(int=5), UUID(int=6)}
    ids = {row["id"] for row in store.people if row["company_id"] in unseen}
    assert ids
    for op, value in (("is_empty", False), ("=", HIDDEN), ("in", [HIDDEN, "Jakarta"])):
        found = _matching_ids(store, {"field": "company.city", "op": op, "value": value})
        assert found.isdisjoint(ids)
    assert ids <= _matching_ids(store, {"field": "company.city", "op": "is_empty", "value": True})
    assert ids <= _matching_ids(store, {"field": "company.city", "op": "!=", "value": HIDDEN})
