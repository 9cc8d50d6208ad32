"""Bodies and queries that cheat: hidden fields, foreign names and links to what is not seen."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from core.model.entities import Declaration
from core.model.fields import Field
from core.testing.probes.prober import Prober
from core.testing.probes.requests import Route
from core.testing.probes.target_records import Victim, routes_of, unseen_targets, victims
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


async def hidden(prober: Prober, entity: Declaration) -> None:
    """Name each hidden field in every way: the answer must be that for an unknown one (E8)."""
    fields = [f for f in entity.fields.values() if not prober.oracle.sees(prober.who, f)]
    unseen = {name for f in fields for name in (f.name, f.sort_column)}
    controls: dict[str, str] = {}
    for name in sorted(unseen | {"tenant_id"}):
        for route, query, body in _namings(prober, entity, name):
            path = f"{route.address(uuid4())}{query}"
            answer = await prober.ask(route, path, body, watch=False)
            other, text = query.replace(name, UNKNOWN), _renamed(body, name)
            key = f"{route.method} {route.path} {other} {text}"
            if key not in controls:
                path = f"{route.address(uuid4())}{other}"
                control = await prober.ask(route, path, text, watch=False)
                controls[key] = _blind(control.text, UNKNOWN)
            if _blind(answer.text, name) != controls[key]:
                prober.blame(
                    f"{route.method} {route.path}{query} {body}: {answer.text[:150]} differs from"
                    f" an unknown field (E8)"
                )
    await prober.unchanged(f"naming hidden fields of {entity.name}")


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
    for route in routes_of(prober, entity, "", "/trash", "/stats", "/query", "/bulk", "/{id:str}"):
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
        row = next((v for v in await victims(prober, route) if v.kind == "own"), None)
        if row is None or (route.has_id and not prober.may(route, row.row)):
            continue
        for name in sorted(names):
            field = entity.fields.get(name)
            if field is not None and prober.oracle.writes(
                prober.who, entity.name, route.right, field
            ):
                continue
            body = _with(prober, route, row, name, _strange(prober, field))
            if body is None:
                continue
            answer = await prober.ask(route, route.address(row.id), body, watch=False)
            if answer.status_code != 400:
                prober.blame(
                    f"{route.method} {route.path} took {name!r}: {answer.status_code} (E7)"
                )
        await prober.unchanged(f"{route.method} {route.path} with foreign names (E7)")


def _bodied(prober: Prober, entity: Declaration) -> list[Route]:
    found = routes_of(prober, entity, "", "/batch", "/bulk", "/{id:str}")
    actions = [r for r in prober.routes if r.entity == entity.name and r.action is not None]
    return [r for r in (*found, *actions) if r.method in ("POST", "PUT", "PATCH")]


def _strange(prober: Prober, field: Field | None) -> Any:
    if field is None:
        return "1"
    if field.kind == "link":
        return str(uuid4())
    # A value equal to the stored one may be sent back (ruling 21), so take one that nobody has.
    if field.kind == "choice":
        return _codes(prober, field)[-1]
    if field.kind == "currency":
        return "XDR"
    if field.kind == "boolean":
        return not field.default
    return sample_json(field, prober.stage.world.tenant(prober.who.tenant), 77)


def _codes(prober: Prober, field: Field) -> list[str]:
    if field.dictionary is None:
        return [code for code, _ in field.choices]
    tenant = prober.stage.world.tenant(prober.who.tenant)
    return [choice.code for choice in tenant.dictionary(field.dictionary)]


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
        row = next((v for v in await victims(prober, route) if v.kind == "own"), None)
        if row is None or (route.has_id and not prober.may(route, row.row)):
            continue
        for field in entity.fields.values():
            if field.kind != "link" or not prober.oracle.writes(
                prober.who, entity.name, route.right, field
            ):
                continue
            answers = {}
            stored = row.row.values.get(field.name) if row.row and route.has_id else None
            for victim in unseen_targets(prober, field):
                if victim.row is not None and victim.row.id == stored:
                    continue  # what is there may be sent back
                body = _with(prober, route, row, field.name, victim.id)
                answer = await prober.ask(route, route.address(row.id), body)
                answers[victim.kind] = prober.same(answer, victim.id)
                if answer.status_code < 400:
                    prober.blame(f"{route.path}: linked {field.name} to {victim.kind} (E9)")
            if any(answer != answers["random"] for answer in answers.values()):
                prober.blame(f"{route.method} {route.path}: {field.name} tells foreign from random")
