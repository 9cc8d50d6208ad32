"""The records to ask for, and what each is to the one who asks."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import msgspec

from core.model.entities import Declaration
from core.model.fields import Field
from core.testing.probes.dataset import TENANTS, Row
from core.testing.probes.expected_access import IN_TRASH
from core.testing.probes.prober import Prober
from core.testing.probes.requests import Route

MALFORMED = "not-an-id"
CHANGING = frozenset(("update", "delete", "restore", "purge"))
ENDING = CHANGING - {"update"} | {"deactivate"}


class Victim(msgspec.Struct, frozen=True):
    """A record to ask for, and what it is to the one who asks."""

    kind: str
    id: str
    row: Row | None = None


async def victims(prober: Prober, route: Route) -> list[Victim]:
    """Return the records to ask a route for: own, foreign, deleted, random, malformed."""
    found = [Victim("random", str(uuid4())), Victim("malformed", MALFORMED)]
    if route.entity is None:
        return found
    for tenant in TENANTS:
        for deleted in (False, True):
            for row in prober.stage.of(route.entity, tenant=tenant, deleted=deleted)[:2]:
                if _spared(prober, route, row):
                    continue
                found.append(Victim(_kind(prober, row), str(row.id), row))
    own = await _throwaway(prober, route)
    return [*found, Victim("own", str(own.id), own)] if own is not None else found


def _spared(prober: Prober, route: Route, row: Row) -> bool:
    """Return whether asking would change a record on which later probes stand.

    Only what a principal may do happens; for that there are records to throw away. Where those
    are out of his reach he changes the record of his own side, but never ends it.
    """
    if route.method == "GET" or route.ending == "/query":
        return False
    rights = {route.right} | (CHANGING if route.ending == "/bulk" else set())
    if not any(prober.oracle.reaches(prober.who, right, row) for right in rights):
        return False
    gentle = route.has_id and not rights & ENDING and row.side == prober.who.side
    return not gentle or row.deleted


def _kind(prober: Prober, row: Row) -> str:
    place = "tenant" if row.tenant != prober.who.tenant else f"side {row.side}"
    return f"{place} deleted" if row.deleted else place


async def _throwaway(prober: Prober, route: Route) -> Row | None:
    """Plant a record that the principal may do this to, so that doing it harms no other."""
    if not prober.who.alive or route.entity is None:
        return None
    row = await prober.stage.plant(
        route.entity,
        prober.who.tenant,
        prober.who.side,
        deleted=route.right in IN_TRASH and route.has_id,
        created_by=prober.who.id,
        **await _fresh_links(prober, route.entity),
    )
    await prober.look()
    return row


async def _fresh_links(prober: Prober, entity: str) -> dict[str, Any]:
    """Plant what a second record must link to where a combination of links is unique."""
    declared = prober.stage.registry.entities[entity]
    found: dict[str, Any] = {}
    for names in declared.unique:
        field = next(f for f in (declared.fields[n] for n in names) if f.kind == "link")
        row = await prober.stage.plant(str(field.target), prober.who.tenant, prober.who.side)
        found[field.name] = row.id
    return found


def unseen_targets(prober: Prober, field: Field) -> Iterator[Victim]:
    """Yield records behind a link that the principal may not refer to, and one that is not."""
    yield Victim("random", str(uuid4()))
    for row in prober.stage.rows.values():
        if row.entity == field.target:
            shown = any(prober.oracle.reaches(prober.who, a, row) for a in ("view", "list"))
            if row.tenant != prober.who.tenant or not shown:
                yield Victim(f"{row.tenant}/{row.side}", str(row.id), row)


def routes_of(prober: Prober, entity: Declaration, *endings: str) -> list[Route]:
    return [
        r
        for r in prober.routes
        if r.entity == entity.name and r.ending in endings and r.action is None
    ]
