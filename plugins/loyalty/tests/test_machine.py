"""Any order of movements, against a ledger in plain Python that was written apart.

``LOYALTY_RUNS`` and ``LOYALTY_STEPS`` make it longer: 200 and 50 are the figures of Q6.
"""

import asyncio
import os
import sys
import time
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core.testing.world import Person, World
from plugins.loyalty.models import Kind
from plugins.loyalty.services import ledger
from plugins.loyalty.tests.book import Book, Entry, Refusal
from plugins.loyalty.tests.factories import customer

RUNS = int(os.environ.get("LOYALTY_RUNS", "6"))
STEPS = int(os.environ.get("LOYALTY_STEPS", "30"))
CUSTOMERS = 3
DAWN = datetime(2100, 1, 1, tzinfo=UTC)
STATE = """
SELECT c.id, c.loyalty_points AS points, c.loyalty_tier AS tier,
       (SELECT coalesce(sum(e.points), 0) FROM loyalty_entry e
         WHERE e.tenant_id = $1 AND e.customer_id = c.id) AS ledger,
       (SELECT count(*) FROM loyalty_entry e
         WHERE e.tenant_id = $1 AND e.customer_id = c.id) AS entries,
       (SELECT e.balance_after FROM loyalty_entry e WHERE e.tenant_id = $1
           AND e.customer_id = c.id ORDER BY e.created_at DESC, e.id DESC LIMIT 1) AS last,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(l.expires_at, l.remaining)
                 ORDER BY l.expires_at, l.created_at, l.id), '[]') FROM loyalty_lot l
         WHERE l.tenant_id = $1 AND l.customer_id = c.id AND l.remaining > 0) AS lots,
       (SELECT count(*) FROM loyalty_lot l WHERE l.tenant_id = $1 AND l.customer_id = c.id
           AND l.remaining <> l.points + coalesce((SELECT sum(p.points) FROM loyalty_part p
               WHERE p.tenant_id = $1 AND p.lot_id = l.id), 0)) AS wrong
  FROM customers_customer c WHERE c.tenant_id = $1 AND c.id = ANY ($2)
"""
Points = st.integers(1, 400)
Owner = st.integers(0, CUSTOMERS - 1)
Keyed = st.booleans()
Day = st.integers(1, 9)


class Both(RuleBasedStateMachine):
    """Customers of one run and the book that says what is right; both are moved, and agree."""

    world: World
    staff: Person
    loop: asyncio.AbstractEventLoop
    steps = 0

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    @initialize()
    def open(self) -> None:
        self.book = Book(CUSTOMERS)
        self.ids = [self.wait(customer(self.world)) for _ in range(CUSTOMERS)]
        self.sent: list[tuple[str, dict[str, Any], Any]] = []

    def post(self, path: str, body: dict[str, Any]) -> Any:
        answer = self.wait(self.world.ask(self.staff, "POST", f"/api/customers/{path}/", body))
        assert answer.status_code in (200, 400, 409), answer.text
        return answer

    def move(self, path: str, body: dict[str, Any], keyed: bool, expected: Any) -> tuple[Any, Any]:
        """Do a movement in the book and by HTTP; both do it, or both refuse it."""
        if keyed:
            body = {**body, "key": str(uuid4())}
        refused = None
        try:
            found = expected()
        except Refusal as refusal:
            refused = refusal.status
        answer = self.post(path, body)
        if refused is not None:
            assert answer.status_code == refused
            return None, None
        assert answer.status_code == 200, answer.text
        if keyed:
            self.sent.append((path, body, answer.json()))
        return found, answer.json()

    def note(self, entry: Entry | None) -> None:
        """Learn the id of the customer's latest entry."""
        if entry is None:
            return
        sql = (
            "SELECT e.id, e.points, e.kind FROM loyalty_entry e WHERE e.tenant_id = $1"
            " AND e.customer_id = $2 ORDER BY e.created_at DESC, e.id DESC LIMIT 1"
        )
        context = self.world.system()
        row = self.wait(context.fetchrow(sql, context.tenant.id, self.ids[entry.owner]))
        assert (row["points"], row["kind"]) == (entry.points, entry.kind)
        entry.id = str(row["id"])

    @invariant()
    def book_and_product_agree(self) -> None:
        type(self).steps += 1
        context = self.world.system()
        rows = self.wait(context.fetch(STATE, context.tenant.id, self.ids))
        found = {UUID(str(row["id"])): row for row in rows}
        for owner, id in enumerate(self.ids):
            row, balance = found[id], self.book.balance(owner)
            assert row["points"] == row["ledger"] == balance >= 0
            assert row["last"] in (balance, None)
            assert row["tier"] == self.book.tier(owner)
            lots = sorted((lot for lot in self.book.lots[owner] if lot.left), key=lambda x: x.order)
            days = [
                None if end is None else (datetime.fromisoformat(end) - DAWN).days
                for end, _ in row["lots"]
            ]
            left = [lot.left for lot in lots]
            assert list(zip(days, (r for _, r in row["lots"]), strict=True)) == list(
                zip((lot.day for lot in lots), left, strict=True)
            )
            assert row["wrong"] == 0
            assert row["entries"] == sum(e.owner == owner for e in self.book.entries)


class Machine(Both):
    """The movements, by HTTP and by services."""

    @rule(owner=Owner, points=Points, keyed=Keyed)
    def earn(self, owner: int, points: int, keyed: bool) -> None:
        body = {"points": points, "reason": "Purchase"}
        path = f"{self.ids[owner]}/earn"
        found, _ = self.move(
            path, body, keyed, lambda: self.book.give(owner, "earned", (points, None))
        )
        self.note(found)

    @rule(owner=Owner, points=Points, day=Day)
    def earn_until(self, owner: int, points: int, day: int) -> None:
        async def give(unit: Any) -> None:
            tenant = self.world.tenant()
            (row,) = (await ledger.lock(unit, tenant, self.ids[owner])).values()
            entry = ledger.Entry(kind=Kind.EARNED, reason="Campaign")
            await ledger.give(unit, tenant, row, entry, (points, DAWN + timedelta(days=day)))

        self.wait(self.world.system().write(give))
        self.note(self.book.give(owner, "earned", (points, day)))

    @rule(owner=Owner, points=st.integers(1, 1200), keyed=Keyed)
    def redeem(self, owner: int, points: int, keyed: bool) -> None:
        body = {"points": points, "reason": "Voucher"}
        path = f"{self.ids[owner]}/redeem_points"
        found, _ = self.move(path, body, keyed, lambda: self.book.take(owner, "redeemed", points))
        self.note(found)

    @rule(owner=Owner, points=st.integers(-600, 300), keyed=Keyed)
    def adjust(self, owner: int, points: int, keyed: bool) -> None:
        body = {"points": points, "reason": "By hand"}
        path = f"{self.ids[owner]}/update_points"
        found, _ = self.move(path, body, keyed, lambda: self.book.adjust(owner, points))
        self.note(found)

    @precondition(lambda self: any(entry.id for entry in self.book.entries))
    @rule(
        pick=st.integers(0, 10_000),
        points=st.none() | Points,
        keyed=Keyed,
        lately=st.booleans(),
    )
    def reverse(self, pick: int, points: int | None, keyed: bool, lately: bool) -> None:
        known = [entry for entry in self.book.entries if entry.id]
        known = known[-4:] if lately else known
        entry = known[pick % len(known)]
        body = {"entry_id": entry.id, "reason": "Refund", "points": points}
        path = f"{self.ids[entry.owner]}/reverse_points"
        found, answer = self.move(path, body, keyed, lambda: self.book.reverse(entry, points))
        if found is not None:
            found.id = answer["entry_id"]
            assert answer["points"] == found.points
            assert answer["balance"] == self.book.balance(entry.owner)

    @rule(giver=Owner, receiver=Owner, points=Points, keyed=Keyed)
    def transfer(self, giver: int, receiver: int, points: int, keyed: bool) -> None:
        body = {
            "from_customer_id": str(self.ids[giver]),
            "to_customer_id": str(self.ids[receiver]),
            "points": points,
            "reason": "Family",
        }
        found, answer = self.move(
            "transfer_points", body, keyed, lambda: self.book.transfer(giver, receiver, points)
        )
        if found is not None:
            found[0].id, found[1].id = answer["from"]["entry_id"], answer["to"]["entry_id"]

    @rule(day=Day)
    def expire(self, day: int) -> None:
        at = DAWN + timedelta(days=day)
        tenant = self.world.tenant()
        for _ in range(2):  # repeating it takes nothing more
            self.wait(self.world.system().write(lambda unit: ledger.expire(unit, tenant, at)))
        for entry in self.book.expire(day):
            self.note(entry)

    @precondition(lambda self: self.sent)
    @rule(pick=st.integers(0, 10_000), times=st.integers(1, 3))
    def repeat(self, pick: int, times: int) -> None:
        """A repeated key has no second effect and answers as before."""
        path, body, before = self.sent[pick % len(self.sent)]

        async def again() -> list[Any]:
            one = [
                self.world.ask(self.staff, "POST", f"/api/customers/{path}/", body)
                for _ in range(times)
            ]
            return await asyncio.gather(*one)

        for answer in self.wait(again()):
            assert answer.status_code == 200, answer.text
            if "entry_id" in before or "transfer" in before:
                assert answer.json() == before

    @precondition(lambda self: self.sent)
    @rule(pick=st.integers(0, 10_000), owner=Owner)
    def reuse(self, pick: int, owner: int) -> None:
        """A key that named something else is refused."""
        key = self.sent[pick % len(self.sent)][1]["key"]
        body = {"points": 401, "reason": "Other", "key": key}
        answer = self.post(f"{self.ids[owner]}/earn", body)
        assert (answer.status_code, answer.json()["code"]) == (409, "key_used")


@pytest.mark.slow
@pytest.mark.timeout(0)
async def test_any_order_of_movements(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """B1, Q6, LOY-01, LOY-04, LOY-08: ledger, balance, lots and tier always agree."""
    Machine.world, Machine.staff = world, await world.person("staff")
    Machine.loop, Machine.steps = asyncio.get_running_loop(), 0
    began = time.monotonic()
    wanted = settings(
        max_examples=RUNS,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    await asyncio.to_thread(run_state_machine_as_test, Machine, settings=wanted)
    with capsys.disabled():
        seconds = time.monotonic() - began
        sys.stdout.write(f"\n{RUNS} runs x {STEPS} steps: {Machine.steps} states agree,")
        sys.stdout.write(f" {seconds:.1f} s\n")
