"""One scope, three readers: the list of the API, row security alone, and a view in Python."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.access.rights import Principal
from core.model.entities import Declaration
from core.runtime.transaction_settings import transaction_settings
from core.testing.probes import Oracle, Row, Stage, Who, names, person
from core.testing.probes.dataset import SIDES
from core.testing.probes.expected_access import IN_TRASH
from tests.contract.subjects import REGISTRY, SERVED, named

pytestmark = pytest.mark.postgresql

SCOPED = [e for e in SERVED if e.scopes or any(g.entity == e.name and g.scope == "author"
                                               for g in REGISTRY.grants)]  # fmt: skip
PEOPLE = [n for n in names(REGISTRY) if n not in ("anonymous", "deactivated", "key", "stranger")]
_known: dict[tuple[int, str], Who] = {}


@pytest.fixture
async def renewed_stage(stage: Stage) -> Stage:
    """The stage as it is now: other tests may have changed its rows."""
    await stage.renew()
    return stage


async def who_is(stage: Stage, name: str) -> Who:
    if (id(stage), name) not in _known:
        _known[id(stage), name] = await person(stage, name)
    return _known[id(stage), name]


async def by_policy(stage: Stage, who: Who, entity: Declaration) -> set[Any]:
    """Return the ids that row security alone shows: no predicate, not even the tenant's."""
    tenant = stage.world.tenant(who.tenant)
    principal = Principal(
        kind="system",
        id=str(who.id),
        attributes={name: str(value) for name, value in who.attributes.items()},
    )
    context = transaction_settings(tenant.id, principal, tenant.rights(who.roles).scopes_setting)
    rows = await stage.world.platform.database.read(
        context, lambda c: c.fetch(f"SELECT x.id FROM {entity.table} x")
    )
    return {row["id"] for row in rows}


async def by_api(stage: Stage, who: Who, entity: Declaration) -> set[str]:
    """Return every id that the list shows, page by page."""
    found: set[str] = set()
    path: str | None = f"/api/{entity.resource}/?page_size=200&fields=id&cursor="
    while path:
        answer = await stage.world.client.get(path, headers=who.headers)
        assert answer.status_code == 200
        found |= {record["id"] for record in answer.json()["results"]}
        path = answer.json()["next"]
    return found


async def plant(stage: Stage, entity: Declaration, drawn: list[tuple[str, str, str, bool]]) -> None:
    """Plant rows whose links and author were drawn, each on its own."""
    authors = {"none": None} | {s: (await who_is(stage, _author(s))).id for s in SIDES}
    for tenant, side, author, deleted in drawn:
        values: dict[str, Any] = {"created_by": authors[author] if tenant == "acme" else None}
        for names_ in entity.unique:
            field = next(entity.fields[n] for n in names_ if entity.fields[n].kind == "link")
            values[field.name] = (await stage.plant(str(field.target), tenant, side)).id
        await stage.plant(entity.name, tenant, side, deleted=deleted, **values)


def _author(side: str) -> str:
    return next(name for name in PEOPLE if name.endswith(f"_{side}"))


ROWS = st.lists(
    st.tuples(
        st.sampled_from(("acme", "globex")),
        st.sampled_from(SIDES),
        st.sampled_from(("none", *SIDES)),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.unnamed_tenant("the point is what row security does to such a query")
@pytest.mark.parametrize("entity", SCOPED, ids=named)
@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(drawn=ROWS, name=st.sampled_from(PEOPLE))
async def test_three_readers_of_a_scope_agree(
    renewed_stage: Stage,
    entity: Declaration,
    drawn: list[tuple[str, str, str, bool]],
    name: str,
) -> None:
    stage = renewed_stage
    await plant(stage, entity, drawn)
    who, oracle = await who_is(stage, name), Oracle(stage)
    rows = [row for row in stage.rows.values() if row.entity == entity.name]
    held = oracle.actions(who, entity.name)
    walled = {row.id for row in rows if any(oracle.reaches(who, a, row) for a in held)}
    assert await by_policy(stage, who, entity) & {row.id for row in rows} == walled
    if "list" in held:
        assert await by_api(stage, who, entity) & {str(r.id) for r in rows} == listed(
            oracle, who, rows
        )


def listed(oracle: Oracle, who: Who, rows: list[Row]) -> set[str]:
    assert "list" not in IN_TRASH
    return {str(r.id) for r in rows if not r.deleted and oracle.reaches(who, "list", r)}
