"""A grammar of attacks on criteria, written out of one seed: quick enough for very many."""

from random import Random
from typing import Any

from tests.core import criteria_world as world

ID = "0195a3f0-0000-7000-8000-00000000000a"
NAMES = [
    *world.PERSON.fields,
    *(f"company.{name}" for name in world.COMPANY.fields),
    *("company.parent.city", "tenant_id", "name_key", "$1", "", ".", "company."),
    *("name;--", 'name" OR 1=1 --'),
]
HOSTILE = [
    *("' OR 1=1 --", "$1", '"', "\\", "%", "\0", chr(0xD800), "1e400", "zzuserzz", ""),
    *("today", "-1m", "+9999y", "2025-01-01", "9999-12-31", "2025-01-01T00:00:00Z"),
    *(ID, "1", "true", "12.5", "walk_in", "a"),
]
NUMBERS = [0, 1, -1, 2**31, 2**63, -(2**63), 2**64, 10**30, 0.0, 1.5, 1e300, 5e-324]
ODD = [None, True, False, float("nan"), float("inf")]
OPERATORS = sorted({op for ops in world.OPERATORS.values() for op in ops})
SUFFIXES = [
    *("", "", "__in", "__gte", "__lte", "__gt", "__lt", "__ne"),
    *("__isnull", "__icontains", "__startswith", "__x"),
]
DEEP = 6


def text(chance: Random) -> str:
    ranges = ((0, 128), (0, 0x3000), (0xD700, 0xE010), (0, 0x110000))
    return "".join(
        chr(chance.randrange(*chance.choice(ranges))) for _ in range(chance.randint(0, 6))
    )


def value(chance: Random, depth: int = 0) -> Any:
    kind = chance.randint(0, 7)
    if kind < 3 or depth > 3:
        return chance.choice(HOSTILE)
    if kind < 6:
        return chance.choice([chance.choice(NUMBERS), chance.choice(ODD), text(chance)])
    items = [value(chance, depth + 1) for _ in range(chance.randint(0, 3))]
    return items if kind == 6 else {text(chance): item for item in items}


def term(chance: Random) -> dict[str, Any]:
    made: dict[str, Any] = {
        "field": chance.choice(NAMES) if chance.random() < 0.93 else value(chance),
        "op": chance.choice(OPERATORS) if chance.random() < 0.93 else value(chance),
        "value": value(chance),
    }
    if made["op"] in ("in", "not_in", "between") and chance.random() < 0.8:
        made["value"] = [value(chance, DEEP), value(chance, DEEP)]
    if chance.random() < 0.05:
        made.pop(chance.choice(list(made)))
    if chance.random() < 0.05:
        made[text(chance)] = 1
    return made


def tree(chance: Random, depth: int = 0) -> Any:
    kind = chance.random()
    if kind < 0.6 or depth > DEEP:
        return term(chance)
    if kind < 0.9:
        items = [tree(chance, depth + 1) for _ in range(chance.randint(0, 3))]
        return {chance.choice(["all", "any"]): items}
    return {"not": tree(chance, depth + 1)} if kind < 0.97 else value(chance)


def pairs(chance: Random) -> list[tuple[str, str]]:
    found = []
    for _ in range(chance.randint(1, 3)):
        name = chance.choice(NAMES) if chance.random() < 0.9 else text(chance)
        given = chance.choice(HOSTILE) if chance.random() < 0.7 else text(chance)
        found.append((name + chance.choice(SUFFIXES), given))
    return found
