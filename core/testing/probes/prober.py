"""Asking: one request at a time, and after each the three oracles CANARY, NOWRITE and SAME404."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from core.testing.asgi import AsgiClient, Reply
from core.testing.probes.dataset import TENANTS, Row, Stage, Who
from core.testing.probes.expected_access import HISTORY, IN_TRASH, Oracle
from core.testing.probes.requests import Bodies, Route, routes

# What a refused request may leave behind: evidence of itself, and when somebody was last seen.
EVIDENCE = {
    "core_security_event": "a refused sign-in is recorded (ruling 25)",
    "core_session": "carries last_seen_at, written each minute (ruling 25)",
    "core_attempt": "counts refused sign-ins",
}
TABLES = """
SELECT c.relname, EXISTS (SELECT FROM pg_attribute v WHERE v.attrelid = c.oid
                           AND v.attname = 'version') AS is_entity
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attname = 'tenant_id'
   AND NOT c.relname = ANY ($1) ORDER BY 1
"""
# An entity's rows tell of their changes; what is only ever added, such as the history, by count.
CHANGES = "concat_ws(' ', count(*), sum(version), max(updated_at))"
COUNT = "count(*)::text"
# The next transaction number of the server: while it stays, nobody has written anything.
NEXT_WRITE = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
# Of these only the number tells: when a key was last used is written each minute (ruling 25).
USED = ("core_api_key",)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_VOLATILE = ("x-request-id", "content-length", "date")


class Prober:
    """Probes one stage as one principal; ``findings`` says what was wrong, in sentences."""

    def __init__(self, stage: Stage, who: Who, oracle: Oracle | None = None) -> None:
        self.stage = stage
        self.who = who
        self.oracle = oracle or Oracle(stage)
        every = routes(stage.world.app, stage.world.platform.registry)
        self.routes = [route for route in every if not route.is_page]
        self.bodies = Bodies(stage, self.oracle, who)
        self.findings: list[str] = []
        self.count = 0
        self.reached: Counter[tuple[str, str]] = Counter()
        self._owner: asyncpg.Connection | None = None
        self._client = AsgiClient(stage.world.app)
        self._print_sql = ""
        self._next_write = ""
        self._before: dict[str, Any] = {}

    async def open(self) -> None:
        """Connect as the owner, who sees every tenant's rows."""
        self._owner = await self.stage.world.scratch.connect("crm_owner")
        found = await self._owner.fetch(TABLES, list(EVIDENCE))
        tables = " UNION ALL ".join(
            f"SELECT tenant_id, '{name} ' ||"
            f" {CHANGES if is_entity and name not in USED else COUNT} AS state"
            f" FROM {name} GROUP BY tenant_id"
            for name, is_entity in found
        )
        self._print_sql = (
            "SELECT tenant_id, array_agg(state ORDER BY state)"
            f" FROM ({tables}) t GROUP BY tenant_id"
        )
        await self.look()

    async def close(self) -> None:
        """Let go of the owner's connection."""
        assert self._owner is not None
        await self._owner.close()

    async def look(self) -> None:
        """Take the fingerprint of all tenants' tables as the state before the next request."""
        self._before = await self._print()

    async def _print(self) -> dict[str, Any]:
        assert self._owner is not None
        next_write = await self._owner.fetchval(NEXT_WRITE)
        if next_write == self._next_write:
            return self._before
        self._next_write = next_write
        states = dict(await self._owner.fetch(self._print_sql))
        return {slug: states.get(self.stage.world.tenant(slug).id, []) for slug in TENANTS}

    def blame(self, words: str) -> None:
        """Note what is wrong."""
        self.findings.append(f"{self.who.name}: {words}")

    async def ask(
        self,
        route: Route,
        path: str,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        who: Who | None = None,
        *,
        watch: bool = True,
    ) -> Reply:
        """Send one probe and judge it by CANARY and, with ``watch``, at once by NOWRITE."""
        asking = who or self.who
        lines = {**asking.headers, **(headers or {})}
        content = b""
        if json is not None:
            content = msgspec.json.encode(json)
            lines["content-type"] = "application/json"
        answer = await self._client.request(route.method, path, lines, content)
        self.count += 1
        if answer.status_code < 300 or answer.status_code in (400, 409, 422) or route.public:
            self.reached[route.method, route.path] += 1
        title = f"{route.method} {path} {answer.status_code}"
        if answer.status_code >= 500:
            self.blame(f"{title}: the server failed")
        self.canary(title, answer, f"{path} {content!r}")
        if watch:
            await self.nowrite(title, route.method, answer)
        return answer

    def canary(self, title: str, answer: Reply, request: str) -> None:
        """Blame an answer that shows what the principal may not read and did not send."""
        text = answer.text + "\n".join(answer.headers.values())
        for token in self.stage.tokens_in(text):
            spot = self.stage.tokens[token]
            if token not in request and not self.oracle.entitled(self.who, spot):
                self.blame(f"{title}: shows {spot.entity}.{spot.field} of {self._whose(spot.row)}")
        strange = {id for id in _UUID.findall(text) if UUID(id) in self.stage.rows}
        for id in strange - self.oracle.ids(self.who):
            if id not in request:
                row = self.stage.rows[UUID(id)]
                self.blame(f"{title}: names the {row.entity} {self._whose(row.id)}")

    def _whose(self, id: UUID) -> str:
        row = self.stage.rows[id]
        return f"{row.tenant}/{row.side}{' (deleted)' if row.deleted else ''}"

    async def nowrite(self, title: str, method: str, answer: Reply) -> None:
        """Blame a refusal that changed something, and any change in another tenant."""
        if method in ("GET", "HEAD"):
            return  # a READ ONLY transaction; ``unchanged`` proves it for all of them
        before, self._before = self._before, await self._print()
        for slug in TENANTS:
            foreign = slug != self.who.tenant or not self.who.alive
            if before[slug] != self._before[slug] and (answer.status_code >= 400 or foreign):
                self.blame(
                    f"{title}: changed {_tables(before[slug], self._before[slug])} of {slug}"
                )

    async def unchanged(self, what: str) -> None:
        """Blame whatever wrote although only reads and refusals happened since the last look."""
        before, self._before = self._before, await self._print()
        for slug in TENANTS:
            if before[slug] != self._before[slug]:
                changed = _tables(before[slug], self._before[slug])
                self.blame(f"{what} changed {changed} of {slug} (NOWRITE)")

    def may(self, route: Route, row: Row | None) -> bool:
        """Return whether the oracle lets the principal do what the route does to the record."""
        if row is None:
            return False
        if row.deleted and route.right == HISTORY:  # ruling 29
            return all(self.oracle.reaches(self.who, right, row) for right in (HISTORY, "trash"))
        if row.deleted != (route.right in IN_TRASH):
            return False
        return self.oracle.reaches(self.who, route.right, row)

    def refusal(self, route: Route) -> int:
        """Return how a route must refuse a record that the principal may not reach."""
        if not self.who.alive or self.who.id is None:
            return 401
        assert route.entity is not None
        return 404 if route.right in self.oracle.actions(self.who, route.entity) else 403

    def same(self, answer: Reply, id: str) -> tuple[int, tuple[Any, ...], str]:
        """Return an answer without what may differ between two records: SAME404."""
        headers = tuple(
            (n, v.replace(id, "ID"))
            for n, v in sorted(answer.headers.items())
            if n not in _VOLATILE
        )
        request_id = answer.headers.get("x-request-id", "-")
        return answer.status_code, headers, answer.text.replace(id, "ID").replace(request_id, "RID")


def _tables(before: list[str], after: list[str]) -> list[str]:
    """Return the tables whose state differs."""
    return sorted({state.partition(" ")[0] for state in set(before) ^ set(after)})
