"""Every entity and two tenants: whatever names a row of the other tenant meets nothing."""

import pytest

from core.model.entities import Declaration
from core.testing.probes.attacks import by_body, by_id, listing
from core.testing.probes.forged_requests import links
from tests.contract.conftest import MakeProber
from tests.contract.subjects import SERVED, named


@pytest.mark.parametrize("entity", SERVED, ids=named)
async def test_rows_of_the_other_tenant_do_not_exist(
    entity: Declaration, make_prober: MakeProber
) -> None:
    """View, update, delete, bulk, actions and links by the other's ids: 404, nothing written."""
    prober = await make_prober("admin")
    for route in prober.routes:
        if route.entity == entity.name:
            await (by_id if route.has_id else by_body)(prober, route)
    await links(prober, entity)
    await prober.unchanged("the last probes")
    assert prober.findings == []


@pytest.mark.parametrize("name", ["admin", "stranger"])
@pytest.mark.parametrize("entity", SERVED, ids=named)
async def test_lists_hold_the_own_tenant_and_all_of_it(
    entity: Declaration, name: str, make_prober: MakeProber
) -> None:
    """List, filter by link, count, sort, expand and figures, in both directions."""
    prober = await make_prober(name)
    await listing(prober, entity)
    steps = [f.name.removesuffix("_id") for f in entity.fields.values() if f.kind == "link"]
    sorts = [f.name for f in entity.fields.values() if f.sort]
    for route in prober.routes:
        if route.entity == entity.name and route.ending == "" and route.method == "GET":
            for step in steps:
                await prober.ask(route, f"{route.address()}?page_size=200&expand={step}")
            for sort in sorts:
                answer = await prober.ask(route, f"{route.address()}?page_size=200&ordering={sort}")
                own = {str(r.id) for r in prober.stage.rows.values()
                       if r.tenant == prober.who.tenant}  # fmt: skip
                foreign = {str(id) for id in prober.stage.rows} - own
                assert not foreign & {record["id"] for record in answer.json()["results"]}
        if route.entity == entity.name and route.ending == "/stats":
            await prober.ask(route, route.address())
    await prober.unchanged("lists")
    assert prober.findings == []


@pytest.mark.parametrize("entity", SERVED, ids=named)
async def test_counts_and_figures_are_those_of_the_own_rows(
    entity: Declaration, make_prober: MakeProber
) -> None:
    """E13: computed anew as the owner of the tables, who sees every tenant."""
    prober = await make_prober("admin")
    world = prober.stage.world
    owner = await world.scratch.connect("crm_owner")
    live = await owner.fetchval(
        f"SELECT count(*) FROM {entity.table} WHERE tenant_id = $1 AND deleted_at IS NULL",
        world.tenant().id,
    )
    await owner.close()
    for route in prober.routes:
        if route.entity == entity.name and (route.method, route.ending) == ("GET", ""):
            answer = await prober.ask(route, f"{route.address()}?count=exact&page_size=1")
            assert answer.json()["count"] == live
        if route.entity == entity.name and route.ending == "/stats":
            totals = [a.key for a in entity.aggregates if a.function == "count"
                      and a.where is None and a.by is None]  # fmt: skip
            # With a filter, even one that holds for all, no figures of the last seconds answer.
            anew = f"{route.address()}?created_at__gte=2000-01-01T00:00:00Z"
            figures = (await prober.ask(route, anew)).json()
            assert {key: figures[key] for key in totals} == dict.fromkeys(totals, live)
    assert prober.findings == []
