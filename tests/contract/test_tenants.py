"""Every entity and two tenants: whatever names a row of the other tenant meets nothing."""

import itertools

import pytest

from core.model.entities import Declaration
from core.testing.probes.attacks import by_body, by_id, listing
from core.testing.probes.forged_requests import links
from core.testing.probes.prober import Prober
from core.testing.probes.requests import Route
from tests.contract.conftest import MakeProber
from tests.contract.subjects import SERVED, shared

Share = tuple[Declaration, ...]


@pytest.mark.parametrize("share", shared(SERVED), ids=itertools.count())
async def test_rows_of_the_other_tenant_do_not_exist(share: Share, make_prober: MakeProber) -> None:
    """View, update, delete, bulk, actions and links by the other's ids: 404, nothing written."""
    prober = await make_prober("admin")
    for route in prober.routes:
        if route.entity in {entity.name for entity in share}:
            await (by_id if route.has_id else by_body)(prober, route)
    for entity in share:
        await links(prober, entity)
    await prober.unchanged("the last probes")
    assert prober.findings == []


@pytest.mark.parametrize("name", ["admin", "stranger"])
@pytest.mark.parametrize("share", shared(SERVED), ids=itertools.count())
async def test_lists_hold_the_own_tenant_and_all_of_it(
    share: Share, name: str, make_prober: MakeProber
) -> None:
    """List, filter by link, count, sort, expand and figures, in both directions."""
    prober = await make_prober(name)
    for entity in share:
        await listing(prober, entity)
        for route in prober.routes:
            if route.entity == entity.name and route.ending == "" and route.method == "GET":
                await _expand_and_sort(prober, entity, route)
            if route.entity == entity.name and route.ending == "/stats":
                await prober.ask(route, route.address())
    await prober.unchanged("lists")
    assert prober.findings == []


async def _expand_and_sort(prober: Prober, entity: Declaration, route: Route) -> None:
    rows = prober.stage.rows.values()
    foreign = {str(row.id) for row in rows if row.tenant != prober.who.tenant}
    for field in entity.fields.values():
        if field.kind == "link":
            step = field.name.removesuffix("_id")
            await prober.ask(route, f"{route.address()}?page_size=200&expand={step}")
        if field.sort:
            path = f"{route.address()}?page_size=200&ordering={field.name}"
            answer = await prober.ask(route, path)
            if foreign & {record["id"] for record in answer.json()["results"]}:
                prober.blame(f"{path} shows foreign records")


@pytest.mark.parametrize("share", shared(SERVED), ids=itertools.count())
async def test_counts_and_figures_are_those_of_the_own_rows(
    share: Share, make_prober: MakeProber
) -> None:
    """E13: computed anew as the owner of the tables, who sees every tenant."""
    prober = await make_prober("admin")
    owner = await prober.stage.world.scratch.connect("crm_owner")
    for entity in share:
        live = await owner.fetchval(
            f"SELECT count(*) FROM {entity.table} WHERE tenant_id = $1 AND deleted_at IS NULL",
            prober.stage.world.tenant().id,
        )
        await _check_figures(prober, entity, live)
    await owner.close()
    assert prober.findings == []


async def _check_figures(prober: Prober, entity: Declaration, live: int) -> None:
    """Blame a count or a total that is not the number of the tenant's live rows."""
    for route in prober.routes:
        if route.entity == entity.name and (route.method, route.ending) == ("GET", ""):
            answer = await prober.ask(route, f"{route.address()}?count=exact&page_size=1")
            if answer.json()["count"] != live:
                prober.blame(f"{entity.name}: counts {answer.json()['count']}, not {live}")
        if route.entity == entity.name and route.ending == "/stats":
            totals = [a.key for a in entity.aggregates if a.function == "count"
                      and a.where is None and a.by is None]  # fmt: skip
            # With a filter, even one that holds for all, no figures of the last seconds answer.
            anew = f"{route.address()}?created_at__gte=2000-01-01T00:00:00Z"
            figures = (await prober.ask(route, anew)).json()
            if any(figures[key] != live for key in totals):
                prober.blame(f"{entity.name}: figures {figures}, not {live}")
