"""Every verb: anonymous 401, without grant 403, with grant 2xx, scoped only those rows."""

import itertools

import pytest

from core.model.entities import Declaration
from core.testing.probes.attacks import listing
from core.testing.probes.dataset import SIDES
from core.testing.probes.people import ANONYMOUS, names
from core.testing.probes.prober import Prober
from core.testing.probes.requests import Route
from core.testing.probes.target_records import victims
from tests.contract.conftest import MakeProber
from tests.contract.subjects import REGISTRY, SERVED, shared

VERBS = [(entity, verb) for entity in SERVED for verb in sorted(REGISTRY.rights(entity)) if verb]
SCOPED = [g for g in REGISTRY.grants if g.scope != "all" and {"list", "trash"} & set(g.actions)]
# Verbs that a rule of their plugin refuses for the generated body or record, and how.
REFUSED = {
    "customers.customer.bulk_update": (400, "its action is one of two words"),
    "customers.customer.transfer": (400, "its salesperson is the id of somebody who works here"),
    "customers.address.create": (400, "a generated address breaks the rules of its country"),
    "customers.address.update": (400, "a generated address breaks the rules of its country"),
    "customers.customer.purge": (409, "the seeded customer still has points"),
    "customers.company_link.create": (400, "the two are linked already"),
    "customers.customer.redeem_points": (409, "the seeded points lie in no lot"),
    "customers.customer.redeem_reward": (400, "no reward has the generated id"),
    "customers.customer.reverse_points": (400, "no entry has the generated id"),
    "customers.customer.transfer_points": (400, "giver and receiver are ids of customers"),
    "loyalty.redemption.cancel": (409, "the seeded redemption took no points"),
    "dummy.device.inspect": (409, "the seeded device is sealed"),
}


def _routes(prober: Prober, entity: Declaration, verb: str) -> list[Route]:
    found = [r for r in prober.routes if r.permission == f"{entity.name}.{verb}"]
    return [r for r in found if r.entity == entity.name]


@pytest.mark.parametrize(
    ("name", "status", "code"), [(ANONYMOUS, 401, "unauthenticated"), ("nobody", 403, "forbidden")]
)
async def test_without_grant_nothing(
    name: str, status: int, code: str, make_prober: MakeProber
) -> None:
    prober = await make_prober(name)
    for entity, verb in VERBS:
        for route in _routes(prober, entity, verb):
            row = prober.stage.anchors[entity.name, "acme", "a"]
            body = prober.bodies.of(route, [row.id])
            answer = await prober.ask(route, route.address(row.id), body)
            if (answer.status_code, answer.json()["code"]) != (status, code):
                prober.blame(f"{route.method} {route.path}: {answer.text}")
    assert prober.findings == []


@pytest.mark.parametrize("share", shared(VERBS), ids=itertools.count())
async def test_with_grant_it_is_done(
    share: tuple[tuple[Declaration, str], ...], make_prober: MakeProber
) -> None:
    prober = await make_prober("admin")
    for entity, verb in share:
        await _do(prober, entity, verb)
    assert prober.findings == []


async def _do(prober: Prober, entity: Declaration, verb: str) -> None:
    """Do what a verb stands for, by each of its routes, to a record that is there for it."""
    refused = REFUSED.get(f"{entity.name}.{verb}")
    good = (200, 201, 204) if refused is None else (200, 201, 204, refused[0])
    statuses = []
    for route in _routes(prober, entity, verb):
        (own,) = [v for v in await victims(prober, route) if v.kind == "own"]
        body = prober.bodies.of(route, [own.id])
        answer = await prober.ask(route, route.address(own.id), body)
        statuses.append(answer.status_code)
        if answer.status_code not in good:
            prober.blame(f"{route.method} {route.path}: {answer.text}")
    # What people do with their own keys is done by routes of the kernel, probed by themselves.
    if not statuses and f"{entity.name}.{verb}" not in {r.permission for r in prober.routes}:
        prober.blame(f"{entity.name}.{verb} has no route")
    if refused is not None and refused[0] not in statuses:
        prober.blame(f"{entity.name}.{verb} is not refused: {statuses}")


@pytest.mark.parametrize(
    "name", sorted({f"{grant.role}_{side}" for grant in SCOPED for side in SIDES})
)
async def test_scopes_show_their_rows_and_no_others(name: str, make_prober: MakeProber) -> None:
    prober = await make_prober(name)
    for grant in SCOPED:
        if name.rpartition("_")[0] == grant.role:
            before = prober.count
            await listing(prober, REGISTRY.entities[grant.entity])
            assert prober.count > before
    assert prober.findings == []


def test_exemptions_are_alive() -> None:
    known = {f"{entity.name}.{verb}" for entity, verb in VERBS}
    installed = {n for n in REFUSED if n.partition(".")[0] in REGISTRY.plugins}
    assert installed <= known
    assert len(names(REGISTRY)) > len(REGISTRY.roles)
