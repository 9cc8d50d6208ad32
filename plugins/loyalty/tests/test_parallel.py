"""Points are exact however many ask at once, over real HTTP and real processes."""

import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from core.testing.world import World
from plugins.loyalty.tests.factories import customer, ledger, move, state

pytestmark = pytest.mark.postgresql

REQUESTS = int(os.environ.get("LOYALTY_REDEMPTIONS", "1000"))
POINTS = REQUESTS * 6 // 10
AT_ONCE = 64
SUMS = """
SELECT count(*) FILTER (WHERE e.kind = 'redeemed') AS redeemed, sum(e.points) AS balance,
       min(e.balance_after) AS least, count(DISTINCT e.balance_after) AS balances
  FROM loyalty_entry e WHERE e.tenant_id = $1 AND e.customer_id = $2
"""


@contextmanager
def serving(world: World) -> Iterator[str]:
    """Serve the world's database with two processes; yield the address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {
        **os.environ,
        "CRM_CONFIG": str(world.file),
        "CRM_HOME": str(world.file.parent / "var"),
        "CRM_DATABASE_URL": world.scratch.url(),
    }
    command = [sys.executable, "-m", "core.cli", "serve", "--port", str(port), "--workers", "2"]
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        _until_ready(process, f"{address}/health/ready")
        yield address
    finally:
        process.terminate()
        process.wait(30)


def _until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    for _ in range(600):
        assert process.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(url, timeout=2) as reply:
                if reply.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server does not get ready")


async def _redeem(address: str, path: str, headers: dict[str, str]) -> Counter[int]:
    """Send all requests over ``AT_ONCE`` connections; return how often each status came back."""
    answers: Counter[int] = Counter()
    left = iter(range(REQUESTS))
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(base_url=address, limits=limits, timeout=60) as client:

        async def work() -> None:
            for _ in left:
                body = {"points": 1, "reason": "Sticker"}
                answer = await client.post(path, json=body, headers=headers)
                answers[answer.status_code] += 1

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return answers


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_parallel_redemptions_grant_what_there_is(
    make_world: Any, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Parallel redemptions on points for six of ten: exactly so many are granted."""
    world = await make_world(("customers", "loyalty"), {})
    admin = await world.person("admin")
    id = await customer(world)
    person = await world.person("customer", customers_customer_id=id)
    earned = await move(world, admin, id, "earn", {"points": POINTS, "reason": "Start"})
    assert earned.status_code == 200
    with serving(world) as address:
        began = time.monotonic()
        answers = await _redeem(address, f"/api/customers/{id}/redeem_points/", person.headers)
        seconds = time.monotonic() - began
    assert answers == {200: POINTS, 409: REQUESTS - POINTS}
    context = world.system()
    sums = await context.fetchrow(SUMS, context.tenant.id, id)
    # Each balance down to 0 was reached once: no movement saw another's balance.
    assert tuple(sums) == (POINTS, 0, 0, POINTS + 1)
    assert await state(world, admin, id) == (0, "bronze")
    record_property("seconds", round(seconds, 1))
    with capsys.disabled():
        sys.stdout.write(
            f"\n{REQUESTS} redemptions in {seconds:.1f} s, {REQUESTS / seconds:.0f} per second\n"
        )


async def test_parallel_adjustments_lose_nothing(world: World) -> None:
    """C-3: up and down at once, clamped or not, the ledger's sum is the balance."""
    admin = await world.person("admin")
    id = await customer(world)
    steps = [7, -3, 5, -20, 11, -1, 2, -9] * 8
    answers = await asyncio.gather(
        *(move(world, admin, id, "update_points", {"points": step}) for step in steps)
    )
    assert {answer.status_code for answer in answers} == {200}
    entries = await ledger(world, admin, id)
    assert len(entries) == len(steps)
    assert sorted(entry["requested"] for entry in entries) == sorted(steps)
    points, _ = await state(world, admin, id)
    assert sum(entry["points"] for entry in entries) == points
    assert all(entry["points"] >= entry["requested"] for entry in entries)
