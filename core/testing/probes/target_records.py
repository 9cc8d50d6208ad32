"""The records to ask for, and what each is to the one who asks."""

from collections.abc import Container, Iterator
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
    """Return the records to ask a route for: own, foreign, deleted, random, malformed.

    Of the principal's tenant there is one of each side where rights are scoped: elsewhere both
    sides are the same to them.
    """
    found = [Victim("random", str(uuid4())), Victim("malformed", MALFORMED)]
    if route.entity is None:
        return found
    scoped = prober.oracle.is_scoped(prober.who, route.entity)
    for tenant in TENANTS:
        sides = 2 if scoped and tenant == prober.who.tenant else 1
        for deleted in (False, True):
            for row in prober.stage.of(route.entity, tenant=tenant, deleted=deleted)[:sides]:
                if _spared(prober, route, row):
                    continue
                found.append(Victim(_kind(prober, row), str(row.id), row))
    own = await _throwaway(prober, route)
    return [*found, Victim("own", str(own.id), own)] if own is not None else found


def _spared(prober: Prober, route: Route, row: Row) -> bool:
    """Return whether asking would change a record on which later probes stand.

    Only what a principal may do happens; for that there are records to throw away. Where those
    are out of their reach they change the record of their own side, but never end it.
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


def unseen_targets(
    prober: Prober, field: Field, without: Container[object] = ()
) -> Iterator[Victim]:
    """Yield a record of each kind behind a link that the principal may not refer to, and none.

    ``without`` are ids to leave out.
    """
    yield Victim("random", str(uuid4()))
    kinds: set[str] = set()
    for row in prober.stage.rows.values():
        kind = f"{row.tenant}/{row.side}{' deleted' if row.deleted else ''}"
        if row.entity == field.target and kind not in kinds and row.id not in without:
            shown = any(prober.oracle.reaches(prober.who, a, row) for a in ("view", "list"))
            if row.tenant != prober.who.tenant or not shown:
                kinds.add(kind)
                yield Victim(kind, str(row.id), row)


def routes_of(prober: Prober, entity: Declaration, *endings: str) -> list[Route]:
    return [
        r
        for r in prober.routes
        if r.entity == entity.name and r.ending in endings and r.action is None
    ]
