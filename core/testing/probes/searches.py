"""Search for what others hold: nothing of it is found, counted, ranked or shown (ruling 30)."""

from typing import Any
from uuid import UUID

from core.model.entities import Declaration
from core.testing.probes.dataset import Row, Spot
from core.testing.probes.prober import Prober
from core.testing.probes.requests import Route
from core.testing.probes.target_records import routes_of

EVERYWHERE = "/api/search"
_NOTHING = {"count": 0, "count_is_capped": False}


async def searched(prober: Prober, entity: Declaration) -> None:
    """Ask for each token in a search field of the entity, in its lists and over everything."""
    if not prober.who.alive or "list" not in prober.oracle.actions(prober.who, entity.name):
        return
    lists = routes_of(prober, entity, "", "/query")
    lists = [r for r in lists if (r.ending, r.method) in (("", "GET"), ("/query", "POST"))]
    everywhere = [r for r in prober.routes if r.path == EVERYWHERE]
    for token, spot in list(prober.stage.tokens.items()):
        if spot.entity != entity.name or not entity.fields[spot.field].search:
            continue
        wanted = await _expected(prober, spot)
        for route in lists:
            await _ask(prober, route, f"{route.address()}?search={token}", token, wanted)
        for route in everywhere:
            path = f"{route.address()}?q={token}&entity={entity.name}"
            await _ask(prober, route, path, token, wanted)


async def _expected(prober: Prober, spot: Spot) -> UUID | None:
    """Return the record that the search must find, if any: listed by right, its field seen."""
    row: Row = prober.stage.rows[spot.row]
    field = prober.stage.registry.entities[spot.entity].fields[spot.field]
    sees = prober.oracle.sees(prober.who, field)
    listed = not row.deleted and prober.oracle.reaches(prober.who, "list", row)
    return row.id if sees and listed else None


async def _ask(prober: Prober, route: Route, path: str, token: str, wanted: UUID | None) -> None:
    body: Any = {} if route.method == "POST" else None
    answer = await prober.ask(route, path, body)
    if answer.status_code == 400 and wanted is None:
        return  # nothing that the principal sees is searched
    if answer.status_code != 200:
        prober.blame(f"{route.method} {path}: {answer.status_code} {answer.text[:200]}")
        return
    said = answer.json()
    found = {record["id"] for record in said["results"]}
    if found != ({str(wanted)} if wanted else set()):
        prober.blame(f"{route.method} {path}: finds {found}, not {wanted}")
    if wanted is None and any(said[key] != value for key, value in _NOTHING.items()):
        prober.blame(f"{route.method} {path}: counts what is hidden: {answer.text[:200]}")
