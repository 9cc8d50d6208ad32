"""What is asked: every route for every kind of record, and the bodies and queries that cheat."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from core.entities import Declaration
from core.fields import Field
from core.testing.probes import people
from core.testing.probes.prober import Prober, Victim
from core.testing.probes.requests import Route
from core.testing.samples import sample_json

UNKNOWN = "zz_unknown"
# Names that other systems trusted in a body (row E7).
NAMES = (
    "tenant_id", "tenant", "id", "pk", "version", "created_at", "created_by", "updated_at",
    "updated_by", "deleted_at", "is_superuser", "is_staff", "is_admin", "admin", "role", "roles",
    "permissions", "scopes", "token_version", "stamp", "password", "password_hash", "hash",
    "is_active", "is_internal", "owner_id", "company_id", "user_id", "customer_id", "status",
    "__proto__", "constructor", "search_document", "custom.admin", "",
)  # fmt: skip


async def everything(prober: Prober) -> None:
    """Run all attacks; those that end the principal's session come last."""
    for route in prober.routes:
        if route.entity is not None:
            await by_id(prober, route) if route.has_id else await by_body(prober, route)
    for entity in prober.stage.registry.entities.values():
        if entity.verbs:
            await listing(prober, entity)
            await hidden(prober, entity)
            await injected(prober, entity)
            await links(prober, entity)
    await prober.unchanged("all GETs")
    await overridden(prober)
    await kernel(prober)


async def by_id(prober: Prober, route: Route) -> None:
    """Ask a route for each kind of record; what may not be reached looks like nothing (E1, E3)."""
    nothing: dict[str, Any] = {}
    for victim in await prober.victims(route):
        body = prober.bodies.of(route)
        answer = await prober.ask(route, route.address(victim.id), body)
        place = f"{route.method} {route.path} of {victim.kind}: {answer.status_code}"
        if prober.may(route, victim.row):
            if answer.status_code in (401, 403, 404):
                prober.blame(f"{place} although it is his")
            continue
        if answer.status_code != prober.refusal(route):
            prober.blame(f"{place}, not {prober.refusal(route)}: {answer.text[:200]}")
        nothing[victim.kind] = prober.same(answer, victim.id)
    different = {kind for kind in nothing if nothing[kind] != nothing["random"]}
    if different:
        prober.blame(f"{route.method} {route.path}: {sorted(different)} differ from random (SAME404)")


async def by_body(prober: Prober, route: Route) -> None:
    """Ask a route without an id in its path; ids in its body are each kind of record (E10)."""
    victims = await prober.victims(route)
    nothing: dict[str, Any] = {}
    for victim in victims:
        for number, body in enumerate(_variants(prober, route, victim)):
            answer = await prober.ask(route, route.address(), body)
            place = f"{route.method} {route.path} of {victim.kind}: {answer.status_code}"
            assert route.entity is not None
            held = route.right in prober.oracle.actions(prober.who, route.entity)
            if not held and route.ending != "/bulk" and answer.status_code not in (401, 403):
                if not (route.ending == "/options" and answer.status_code == 200):
                    prober.blame(f"{place} without the right")
            if held and answer.status_code in (401, 403):
                prober.blame(f"{place} although he holds the right")
            if victim.row is None or not prober.oracle.knows(prober.who, victim.row):
                nothing.setdefault(f"{number}", {})[victim.kind] = prober.same(answer, victim.id)
    for answers in nothing.values():
        different = {k for k in answers if answers[k] != answers["random"]} - {"malformed"}
        if different:
            prober.blame(f"{route.method} {route.path}: {sorted(different)} differ from random")


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


async def listing(prober: Prober, entity: Declaration) -> None:
    """Compare lists with the oracle in both directions, whole and filtered by each link."""
    for route in _routes(prober, entity, "", "/trash"):
        if route.method != "GET":
            continue
        wanted = {
            str(row.id)
            for row in prober.stage.rows.values()
            if row.entity == entity.name and prober.may(route, row)
        }
        answer = await prober.ask(route, f"{route.address()}?page_size=200")
        if answer.status_code == 200:
            seeded = {str(id) for id in prober.stage.rows}
            gone = await _moved(prober, entity)
            found = {record["id"] for record in answer.json()["results"]} & seeded
            if (found ^ wanted) - gone:
                prober.blame(f"GET {route.path}: lists {found - wanted}, lacks {wanted - found}")
        await _filtered(prober, entity, route)


async def _moved(prober: Prober, entity: Declaration) -> set[str]:
    """Return the records that the probes themselves moved to the trash, out of it, or away."""
    rows = await prober.stage.world.system(prober.who.tenant).fetch(
        f"SELECT id, deleted_at IS NOT NULL AS deleted FROM {entity.table} WHERE tenant_id = $1",  # noqa: S608
        prober.stage.world.tenant(prober.who.tenant).id,
    )
    now = {str(row["id"]): row["deleted"] for row in rows}
    return {str(r.id) for r in prober.stage.rows.values() if now.get(str(r.id)) != r.deleted}


async def _filtered(prober: Prober, entity: Declaration, route: Route) -> None:
    """Filter by each link to a record that the principal does not know: nothing, as for none."""
    for field in entity.fields.values():
        if field.kind != "link" or not field.filter or field.target not in prober.stage.registry.entities:
            continue
        answers = {}
        for victim in _targets(prober, field):
            path = f"{route.address()}?{field.name}={victim.id}"
            answers[victim.kind] = prober.same(await prober.ask(route, path), victim.id)
        if any(answer != answers["random"] for answer in answers.values()):
            prober.blame(f"GET {route.path}?{field.name}=: foreign differs from random (E4)")


def _targets(prober: Prober, field: Field) -> Iterator[Victim]:
    """Yield records behind a link that the principal may not refer to, and one that is not."""
    yield Victim("random", str(uuid4()))
    for row in prober.stage.rows.values():
        if row.entity == field.target:
            shown = any(prober.oracle.reaches(prober.who, a, row) for a in ("view", "list"))
            if row.tenant != prober.who.tenant or not shown:
                yield Victim(f"{row.tenant}/{row.side}", str(row.id), row)


def _routes(prober: Prober, entity: Declaration, *endings: str) -> list[Route]:
    return [
        r
        for r in prober.routes
        if r.entity == entity.name and r.ending in endings and r.action is None
    ]


async def hidden(prober: Prober, entity: Declaration) -> None:
    """Name each hidden field in every way: the answer must be that for an unknown one (E8)."""
    unseen = [f.name for f in entity.fields.values() if not prober.oracle.sees(prober.who, f)]
    for name in (*unseen, "tenant_id", *(f"{n}_key" for n in unseen)):
        for route, query, body in _namings(prober, entity, name):
            answer = await prober.ask(route, f"{route.address(uuid4())}{query}", body)
            other = query.replace(name, UNKNOWN)
            text = _renamed(body, name)
            control = await prober.ask(route, f"{route.address(uuid4())}{other}", text)
            if _blind(answer.text, name) != _blind(control.text, UNKNOWN):
                prober.blame(
                    f"{route.method} {route.path}{query} {body}: {answer.text[:150]} differs from"
                    f" an unknown field (E8)"
                )


def _renamed(body: Any, name: str) -> Any:
    if isinstance(body, dict):
        return {k.replace(name, UNKNOWN): _renamed(v, name) for k, v in body.items()}
    if isinstance(body, list):
        return [_renamed(value, name) for value in body]
    return UNKNOWN if body == name else body


def _blind(text: str, name: str) -> str:
    text = re.sub(r'"request_id":"\w+"', "", text)
    text = re.sub(r'"instance":"[^"]*"', "", text)
    return re.sub(rf"(?<![a-z0-9_]){re.escape(name)}(?![a-z0-9]|_[a-z0-9])", "NAME", text)


def _namings(prober: Prober, entity: Declaration, name: str) -> Iterator[tuple[Route, str, Any]]:
    leaf = {"field": name, "op": "=", "value": "1"}
    for route in _routes(prober, entity, "", "/trash", "/stats", "/query", "/bulk", "/{id:str}"):
        if route.ending in ("", "/trash") and route.method == "GET":
            for query in (f"?{name}=1", f"?{name}__gte=1", f"?{name}__isnull=true"):
                yield route, query, None
            for query in (f"?ordering={name}", f"?ordering=-{name}"):
                yield route, query, None
        if route.method == "GET" and route.ending != "/stats":
            for option in ("fields", "omit", "expand"):
                yield route, f"?{option}={name}", None
        if route.ending == "/stats":
            yield route, f"?{name}=1", None
        if route.ending == "/query":
            yield route, "", {"criteria": leaf}
            yield route, "", {"criteria": {"not": {**leaf, "op": "is_empty"}}}
        if route.ending == "/bulk":
            yield route, "", {"filter": leaf, "action": "delete"}
            yield route, "", {"set": {name: "1"}, "ids": [str(uuid4())]}


async def injected(prober: Prober, entity: Declaration) -> None:
    """Put every column and thirty trusted names into every body: refused, nothing written (E7)."""
    names = {*entity.fields, *NAMES, *(f.sort_column for f in entity.fields.values())}
    for route in _bodied(prober, entity):
        if route.right not in prober.oracle.actions(prober.who, entity.name):
            continue
        row = next((v for v in await prober.victims(route) if v.kind == "own"), None)
        if row is None or (route.has_id and not prober.may(route, row.row)):
            continue
        for name in sorted(names):
            field = entity.fields.get(name)
            if field is not None and prober.oracle.writes(prober.who, entity.name, route.right, field):
                continue
            body = _with(prober, route, row, name, _strange(prober, field))
            if body is None:
                continue
            answer = await prober.ask(route, route.address(row.id), body)
            if answer.status_code != 400:
                prober.blame(f"{route.method} {route.path} took {name!r}: {answer.status_code} (E7)")


def _bodied(prober: Prober, entity: Declaration) -> list[Route]:
    found = _routes(prober, entity, "", "/batch", "/bulk", "/{id:str}")
    actions = [r for r in prober.routes if r.entity == entity.name and r.action is not None]
    return [r for r in (*found, *actions) if r.method in ("POST", "PUT", "PATCH")]


def _strange(prober: Prober, field: Field | None) -> Any:
    if field is None:
        return "1"
    if field.kind == "link":
        return str(uuid4())
    return sample_json(field, prober.stage.world.tenant(prober.who.tenant), 77)


def _with(prober: Prober, route: Route, victim: Victim, name: str, value: Any) -> Any:
    """Return a good body with one more name in it, or None when that is a name of its own."""
    good = prober.bodies.of(route, [victim.id])
    if route.ending == "/batch":
        return {"records": [{**good["records"][0], name: value}], "atomic": True}
    if route.ending == "/bulk":
        return {**good, "set": {**good["set"], name: value}}
    if route.action is not None and name in getattr(route.action.values, "__struct_fields__", ()):
        return None
    return {**good, name: value}


async def links(prober: Prober, entity: Declaration) -> None:
    """Refer to records that the principal cannot see: refused as for one that is not (E9)."""
    for route in _bodied(prober, entity):
        if route.action is not None:
            continue
        row = next((v for v in await prober.victims(route) if v.kind == "own"), None)
        if row is None or (route.has_id and not prober.may(route, row.row)):
            continue
        for field in entity.fields.values():
            if field.kind != "link" or not prober.oracle.writes(
                prober.who, entity.name, route.right, field
            ):
                continue
            answers = {}
            for victim in _targets(prober, field):
                body = _with(prober, route, row, field.name, victim.id)
                answer = await prober.ask(route, route.address(row.id), body)
                answers[victim.kind] = prober.same(answer, victim.id)
                if answer.status_code < 400:
                    prober.blame(f"{route.path}: linked {field.name} to {victim.kind} (E9)")
            if any(answer != answers["random"] for answer in answers.values()):
                prober.blame(f"{route.method} {route.path}: {field.name} tells foreign from random")


async def overridden(prober: Prober) -> None:
    """Name another tenant in header, host, query and body: refused, or without effect (A5)."""
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
                prober.blame(f"{route.method} {route.path} with {headers}: {answer.status_code} (A5)")
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
        await prober.look()
        for victim in (await prober.victims(route))[: 2 if route.has_id else 1]:
            path = route.address(victim.id, "loyalty")
            answer = await prober.ask(route, path, prober.bodies.of(route), who=who)
            if not route.public and (who.id is None or not who.alive) and answer.status_code != 401:
                prober.blame(f"{route.method} {route.path}: {answer.status_code} for nobody (E2)")
