"""What is asked: every route for every kind of record, every list, every name of a tenant."""

from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from core.model.entities import Declaration
from core.model.fields import Field
from core.testing.probes import people
from core.testing.probes.dataset import SIDES, Who
from core.testing.probes.forged_requests import hidden, injected, links
from core.testing.probes.prober import Prober
from core.testing.probes.requests import Route
from core.testing.probes.searches import searched
from core.testing.probes.target_records import Victim, routes_of, unseen_targets, victims

ADMIN = "admin"


async def everything(prober: Prober) -> None:
    """Run all attacks; those that end the principal's session come last."""
    await entities(prober, tuple(prober.stage.registry.entities.values()))
    await prober.unchanged("the last GETs")
    await overridden(prober)
    await kernel(prober)


async def entities(prober: Prober, declarations: tuple[Declaration, ...]) -> None:
    """Run the attacks on the generated routes and the actions of some entities."""
    called = {entity.name for entity in declarations}
    for entity in declarations:
        await searched(prober, entity)
    for route in prober.routes:
        if route.entity in called:
            await by_id(prober, route) if route.has_id else await by_body(prober, route)
    for entity in declarations:
        if entity.verbs:
            await listing(prober, entity)
            await links(prober, entity)
            # Field rules follow from the role; its other side would only repeat them.
            if prober.oracle.actions(prober.who, entity.name) and prober.who.side == SIDES[0]:
                await hidden(prober, entity)
                await injected(prober, entity)


async def by_id(prober: Prober, route: Route) -> None:
    """Ask a route for each kind of record; what may not be reached looks like nothing (E1, E3)."""
    nothing: dict[str, Any] = {}
    for victim in await victims(prober, route):
        body = prober.bodies.of(route)
        answer = await prober.ask(route, route.address(victim.id), body)
        place = f"{route.method} {route.path} of {victim.kind}: {answer.status_code}"
        if prober.may(route, victim.row):
            if answer.status_code in (401, 403, 404):
                prober.blame(f"{place} although it is theirs")
            continue
        if answer.status_code != prober.refusal(route):
            prober.blame(f"{place}, not {prober.refusal(route)}: {answer.text[:200]}")
        nothing[victim.kind] = prober.same(answer, victim.id)
    different = {kind for kind in nothing if nothing[kind] != nothing["random"]}
    if different:
        prober.blame(
            f"{route.method} {route.path}: {sorted(different)} differ from random (SAME404)"
        )


async def by_body(prober: Prober, route: Route) -> None:
    """Ask a route without an id in its path; ids in its body are each kind of record (E10)."""
    nothing: dict[str, Any] = {}
    for victim in await victims(prober, route):
        for number, body in enumerate(_variants(prober, route, victim)):
            answer = await prober.ask(route, route.address(), body)
            place = f"{route.method} {route.path} of {victim.kind}: {answer.status_code}"
            held = _held(prober, route, body)
            open_to_all = route.ending == "/options" and answer.status_code == 200
            if not held and answer.status_code not in (401, 403) and not open_to_all:
                prober.blame(f"{place} without the right: {answer.text[:200]}")
            if held and answer.status_code in (401, 403):
                prober.blame(f"{place} although they hold the right")
            if victim.row is None or not prober.oracle.knows(prober.who, victim.row):
                nothing.setdefault(f"{number}", {})[victim.kind] = prober.same(answer, victim.id)
    for answers in nothing.values():
        different = {k for k in answers if answers[k] != answers["random"]} - {"malformed"}
        if different:
            prober.blame(f"{route.method} {route.path}: {sorted(different)} differ from random")


def _held(prober: Prober, route: Route, body: Any) -> bool:
    """Return whether the principal holds what the request takes; a bulk says so in its body."""
    assert route.entity is not None
    rights = {route.right}
    if route.ending == "/bulk":
        rights = {body.get("action", "update"), *(["list"] if "filter" in body else [])}
    return rights <= prober.oracle.actions(prober.who, route.entity)


def _variants(prober: Prober, route: Route, victim: Victim) -> list[Any]:
    """Return the bodies that name a record: each way in which the route takes ids."""
    good = prober.bodies.of(route, [victim.id])
    if route.ending == "/bulk":
        one = {"field": "id", "op": "=", "value": victim.id}
        marked = {"ids": [victim.id]}
        return [
            good,
            {**good, "atomic": True},
            {"set": good["set"], "filter": one},
            *({"action": verb, **marked} for verb in ("delete", "restore", "purge")),
        ]
    if route.ending == "/query":
        return [{"criteria": {"field": "id", "op": "in", "value": [victim.id]}}]
    takes_ids = isinstance(good, dict) and any(name.endswith("_ids") for name in good)
    return [good] if takes_ids or victim.kind == "random" else []


async def _all_pages(prober: Prober, route: Route) -> set[str] | None:
    """Return the ids of a whole list, None when it is refused."""
    found: set[str] = set()
    cursor: str | None = ""
    while cursor is not None:
        path = f"{route.address()}?page_size=200&cursor={cursor}"
        answer = await prober.ask(route, path)
        if answer.status_code != 200:
            return None
        page = answer.json()
        found |= {record["id"] for record in page["results"]}
        cursor = parse_qs(urlsplit(page["next"]).query)["cursor"][0] if page["next"] else None
    return found


async def listing(prober: Prober, entity: Declaration) -> None:
    """Compare lists with the oracle in both directions, whole and filtered by each link."""
    for route in routes_of(prober, entity, "", "/trash"):
        if route.method != "GET":
            continue
        expected = {
            str(row.id)
            for row in prober.stage.rows.values()
            if row.entity == entity.name and prober.may(route, row)
        }
        listed = await _all_pages(prober, route)
        if listed is not None:
            seeded = {str(id) for id in prober.stage.rows}
            gone = await _moved(prober, entity)
            found = listed & seeded
            if (found ^ expected) - gone:
                prober.blame(
                    f"GET {route.path}: lists {found - expected}, lacks {expected - found}"
                )
        await _filtered(prober, entity, route)


async def _moved(prober: Prober, entity: Declaration) -> set[str]:
    """Return the records that the probes themselves moved to the trash, out of it, or away."""
    rows = await prober.stage.world.system(prober.who.tenant).fetch(
        f"SELECT id, deleted_at IS NOT NULL AS deleted FROM {entity.table} WHERE tenant_id = $1",
        prober.stage.world.tenant(prober.who.tenant).id,
    )
    now = {str(row["id"]): row["deleted"] for row in rows}
    return {str(r.id) for r in prober.stage.rows.values() if now.get(str(r.id)) != r.deleted}


async def _filtered(prober: Prober, entity: Declaration, route: Route) -> None:
    """Filter by each link to a record that the principal does not know: nothing, as for none.

    One that a record of theirs names is no secret, even where they may not open it.
    """
    for field in entity.fields.values():
        if (
            field.kind != "link"
            or not field.filter
            or field.target not in prober.stage.registry.entities
        ):
            continue
        answers = {}
        for victim in unseen_targets(prober, field, _shown_targets(prober, entity, field)):
            path = f"{route.address()}?{field.name}={victim.id}"
            answers[victim.kind] = prober.same(await prober.ask(route, path), victim.id)
        if any(answer != answers["random"] for answer in answers.values()):
            prober.blame(f"GET {route.path}?{field.name}=: foreign differs from random (E4)")


def _shown_targets(prober: Prober, entity: Declaration, field: Field) -> set[object]:
    """Return the ids that a link shows the principal in records of their own list."""
    return {
        row.values.get(field.name)
        for row in prober.stage.rows.values()
        if row.entity == entity.name and prober.oracle.reaches(prober.who, "list", row)
    }


async def overridden(prober: Prober) -> None:
    """Name another tenant in header, host, query and body: refused, or without effect (A5).

    Which tenant it is follows from the credentials: of the roles, the one that may do everything
    stands for all.
    """
    if prober.who.roles and ADMIN not in prober.who.roles:
        return
    other = "globex" if prober.who.tenant == "acme" else "acme"
    tenant = prober.stage.world.tenant(other)
    for route in prober.routes:
        if route.public or route.permission == "signed_in":
            continue
        path = route.address(uuid4())
        good = prober.bodies.of(route)
        for headers in ({"x-tenant-id": other}, {"x-tenant-id": str(tenant.id)},
                        {"host": f"{other}.localhost"}):  # fmt: skip
            answer = await prober.ask(route, path, good, headers)
            if answer.status_code < 400:
                prober.blame(
                    f"{route.method} {route.path} with {headers}: {answer.status_code} (A5)"
                )
        for query in (f"?tenant_id={tenant.id}", f"?tenant={other}"):
            await prober.ask(route, path + query, good)
        if isinstance(good, dict):
            await prober.ask(route, path, {**good, "tenant_id": str(tenant.id)})


async def kernel(prober: Prober) -> None:
    """Ask the kernel's own routes, each as a newly signed-in principal: some end the session."""
    for route in prober.routes:
        if route.entity is not None:
            continue
        who = prober.who
        if route.permission == "signed_in" or route.public:
            who = await people.person(prober.stage, prober.who.name)
        ids = await _kernel_ids(prober, route, who)
        await prober.look()
        for id in ids:
            path = route.address(id, _name(prober, route))
            answer = await prober.ask(route, path, prober.bodies.of(route), who=who)
            if not route.public and (who.id is None or not who.alive) and answer.status_code != 401:
                prober.blame(f"{route.method} {route.path}: {answer.status_code} for nobody (E2)")


async def _kernel_ids(prober: Prober, route: Route, who: Who) -> list[str]:
    """Return ids for a route: none, records of its entity, or sessions, one's own among them."""
    if not route.has_id:
        return [""]
    entity = str(route.permission).rpartition(".")[0]
    if rows := [str(r.id) for r in prober.stage.rows.values() if r.entity == entity]:
        return [str(uuid4()), *rows]
    client = prober.stage.world.client
    found = [str(uuid4())]
    for person in (await people.person(prober.stage, "admin"), who):
        answer = await client.get("/api/auth/sessions/", headers=dict(person.headers))
        if answer.status_code == 200:
            found.append(answer.json()["results"][0]["id"])
    return found


def _name(prober: Prober, route: Route) -> str:
    """Return a name that exists for a route that takes one."""
    registry = prober.stage.registry
    if "/dictionaries/" in route.path:
        return next(iter(registry.dictionaries), "none")
    if "/apps/" in route.path:
        return list(registry.plugins)[-1]  # nothing requires the last one
    with_settings = [p.name for p in registry.plugins.values() if p.settings is not None]
    return next(iter(with_settings), "none") if "/settings/" in route.path else "docs.js"
