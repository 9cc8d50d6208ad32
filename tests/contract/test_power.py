"""The probes can fail: every wrong declaration is noticed, and the database alone holds tenants."""

import os
import random
from collections.abc import Callable, Iterator

import pytest

from core.access.rights import SYSTEM
from core.registry.registry import Registry
from core.runtime.transaction_settings import transaction_settings
from core.testing.kit import MakeWorld
from core.testing.probes import Oracle, Prober, Stage, Who, mutants, names, open_stage, person
from core.testing.probes.attacks import by_body, by_id, listing
from core.testing.probes.forged_requests import hidden, injected
from core.testing.probes.target_records import CHANGING
from core.testing.world import World
from tests.contract.subjects import REGISTRY

pytestmark = [pytest.mark.probe, pytest.mark.slow]
# So that workers share the mutants.
PARTS = 3
# Each costs a server of its own; a run draws some of each kind by its seed, `make probe` takes all.
DRAWN = int(os.environ.get("PROBE_MUTANTS", "18"))
Mutate = Callable[[Registry], Iterator[mutants.Mutant]]


def gained(stage: Stage, who: Who, mutated: Registry, entity: str) -> set[str]:
    """Return the actions in which a wrong registry changes what the principal gets."""
    wrong, right = Oracle(stage, mutated), Oracle(stage)
    rows = [row for row in stage.rows.values() if row.entity == entity]
    fields = mutated.entities[entity].fields
    found: set[str] = set()
    for action in wrong.actions(who, entity):
        if any(wrong.reaches(who, action, r) != right.reaches(who, action, r) for r in rows):
            found.add(action)
        for name, field in fields.items():
            declared = REGISTRY.entities[entity].fields[name]
            # Only the trash says when a record went there.
            if name == "deleted_at" and "trash" not in wrong.actions(who, entity):
                continue
            reads = action in ("list", "view") and wrong.sees(who, field) != right.sees(
                who, declared
            )
            served = action in ("create", "update") and action in mutated.entities[entity].verbs
            writes = served and (
                wrong.writes(who, entity, action, field)
                != right.writes(who, entity, action, declared)
            )
            if reads or writes:
                found.add(action)
    return found


async def noticed(stage: Stage, who: Who, entity: str, actions: set[str]) -> bool:
    """Return whether the probes of one entity find anything as this principal."""
    prober = Prober(stage, who)
    await prober.open()
    declared = REGISTRY.entities[entity]
    for route in prober.routes:
        if route.entity == entity and route.right in actions and not prober.findings:
            await (by_id if route.has_id else by_body)(prober, route)
    for attack in (listing, hidden, injected):
        if not prober.findings:
            await attack(prober, declared)
    await prober.close()
    return bool(prober.findings)


async def seeded(world: World) -> tuple[Stage, dict[str, Who]]:
    """Return new records in a world, and the people who stand on their sides."""
    stage = await open_stage(world, REGISTRY)
    return stage, {name: await person(stage, name) for name in names(REGISTRY)}


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize(
    "mutate", [mutants.widened_scopes, mutants.added_rights, mutants.dropped_field_rules]
)
async def test_every_wrong_declaration_is_noticed(
    mutate: Mutate, part: int, make_world: MakeWorld
) -> None:
    world = await make_world()
    stage, people = await seeded(world)
    survived, killed = [], 0
    every = list(mutate(REGISTRY))
    drawn = random.sample(every, min(DRAWN, len(every)))
    for title, mutated, entity in drawn[part::PARTS]:
        changes = {n: gained(stage, w, mutated, entity) for n, w in people.items() if w.alive}
        name = next((n for n, actions in changes.items() if actions), None)
        if name is None:
            continue  # nobody's answer changes, so there is nothing to notice
        stage.world = world = await mutants.serve(world, mutated)
        if await noticed(stage, people[name], entity, changes[name]):
            killed += 1
        else:
            survived.append(f"{title} as {name}")
        if changes[name] & CHANGING:
            # A wrong right was used: later mutants need records that are still there.
            world = await mutants.serve(world, REGISTRY)
            stage, people = await seeded(world)
    assert not survived, "\n".join(survived)
    assert killed > 0


@pytest.mark.postgresql
async def test_with_every_right_the_database_alone_keeps_tenants_apart(
    make_world: MakeWorld,
) -> None:
    """Layers 1 to 3 widened to everything: still no token of the other tenant."""
    stage = await open_stage(await make_world(), REGISTRY)
    who = await person(stage, "customer_a")
    stage.world = await mutants.serve(stage.world, mutants.everything_allowed(REGISTRY))
    prober = Prober(stage, who)
    await prober.open()
    for route in prober.routes:
        if route.entity is not None and route.method in ("GET", "PATCH"):
            await (by_id if route.has_id else by_body)(prober, route)
    await prober.close()
    assert [f for f in prober.findings if "globex" in f] == []
    # The harness sees that everything else is wrong.
    assert prober.findings != []


@pytest.mark.unnamed_tenant("the point is what row security does to such a query")
async def test_a_query_without_any_predicate_sees_one_tenant(stage: Stage) -> None:
    tenant = stage.world.tenant()
    for entity in REGISTRY.entities.values():
        rows = await stage.world.platform.database.read(
            transaction_settings(tenant.id, SYSTEM, "*"),
            lambda c, table=entity.table: c.fetch(f"SELECT x::text AS all FROM {table} x"),
        )
        tokens = stage.tokens_in("\n".join(row["all"] for row in rows))
        tenants = {stage.rows[stage.tokens[token].row].tenant for token in tokens}
        assert tenants <= {"acme"}
        # Each seeded record shows a token, or else the query would prove nothing.
        if stage.of(entity.name, tenant="acme") and entity.name != "core.api_key":
            assert tenants
