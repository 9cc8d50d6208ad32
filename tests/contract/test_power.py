"""The probes can fail: every wrong declaration is noticed, and the database alone holds tenants."""

from collections.abc import Callable, Iterator

import pytest

from core.access.rights import SYSTEM
from core.database.doors import opening
from core.registry import Registry
from core.testing.kit import MakeWorld
from core.testing.probes import Oracle, Prober, Stage, Who, mutants, names, open_stage, person
from core.testing.probes.attacks import by_body, by_id, listing
from core.testing.probes.cheats import hidden, injected
from tests.contract.subjects import REGISTRY

pytestmark = [pytest.mark.probe, pytest.mark.slow]
Mutate = Callable[[Registry], Iterator[mutants.Mutant]]


def differs(stage: Stage, who: Who, mutated: Registry, entity: str) -> bool:
    """Return whether a wrong registry gives the principal anything on the entity."""
    wrong, right = Oracle(stage, mutated), Oracle(stage)
    for action in wrong.actions(who, entity):
        rows = [row for row in stage.rows.values() if row.entity == entity]
        if any(wrong.reaches(who, action, r) != right.reaches(who, action, r) for r in rows):
            return True
        for field in mutated.entities[entity].fields.values():
            declared = REGISTRY.entities[entity].fields[field.name]
            if wrong.writes(who, entity, action, field) != right.writes(
                who, entity, action, declared
            ):
                return action in ("create", "update")
            shown = wrong.sees(who, field) and not right.sees(who, declared)
            if shown and action in ("list", "view") and (field.filter or declared.stored):
                return True
    return False


async def noticed(stage: Stage, who: Who, entity: str) -> bool:
    """Return whether the probes of one entity find anything as this principal."""
    prober = Prober(stage, who)
    await prober.open()
    declared = REGISTRY.entities[entity]
    await listing(prober, declared)
    await hidden(prober, declared)
    if not prober.findings:
        await injected(prober, declared)
    for route in prober.routes:
        if route.entity == entity and not prober.findings:
            await (by_id if route.has_id else by_body)(prober, route)
    await prober.close()
    return bool(prober.findings)


@pytest.mark.parametrize(
    "mutate", [mutants.widened_scopes, mutants.added_rights, mutants.dropped_field_rules]
)
async def test_every_wrong_declaration_is_noticed(mutate: Mutate, make_world: MakeWorld) -> None:
    stage = await open_stage(await make_world(), REGISTRY)
    people = {name: await person(stage, name) for name in names(REGISTRY)}
    survived, killed = [], 0
    for title, mutated, entity in mutate(REGISTRY):
        touched = [w for w in people.values() if w.alive and differs(stage, w, mutated, entity)]
        if not touched:
            continue  # nobody's answer changes, so there is nothing to notice
        stage.world = await mutants.serve(stage.world, mutated)
        if await noticed(stage, touched[0], entity):
            killed += 1
        else:
            survived.append(f"{title} as {touched[0].name}")
    assert survived == []
    assert killed >= 5


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
            opening(tenant.id, SYSTEM, "*"),
            lambda c, table=entity.table: c.fetch(f"SELECT x::text AS all FROM {table} x"),
        )
        seen = stage.seen_in("\n".join(row["all"] for row in rows))
        assert {stage.rows[stage.tokens[token].row].tenant for token in seen} <= {"acme"}
        assert bool(seen) == bool(entity.verbs) or entity.name == "core.api_key"
