"""Requests per second of lists, gets, creates and patches, beside what the machine can do."""

import json
import shutil
import statistics
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bench.machine import ROOT, WRK, Load, bare, load, ready_in, trellis
from tests.bench.many import config_with, write_plugins
from tests.bench.prepared import Prepared, prepare

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(WRK is None, reason="wrk is not installed (Debian package wrk)"),
]
ROUNDS = 3
LIST = "/api/customers/?is_active=true&ordering=-created_at&page_size=20"
CREATE = """
local n = 0
local run = math.random(1, 1e9)
init = function() run = os.time() .. "-" .. tostring({}):sub(8) end
request = function()
  n = n + 1
  return wrk.format("POST", "/api/customers/", wrk.headers,
    '{"name": "Bench ' .. n .. '", "email": "b' .. run .. '-' .. n ..
    '@bench.example", "city": "Bandung"}')
end
"""
ON_ONE = """
local ids = {IDS}
local n = 0
request = function()
  n = n + 1
  return wrk.format("METHOD", "/api/customers/" .. ids[n % #ids + 1] .. "/", wrk.headersBODY)
end
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """A home with 20,000 customers in acme."""
    yield from prepare(tmp_path_factory.mktemp("bench"), scale=10)


def median(rounds: list[Load]) -> Load:
    """Return the round with the median rate; refuses a run with failed requests."""
    assert not any(one.errors for one in rounds), rounds
    return sorted(rounds, key=lambda one: one.rps)[len(rounds) // 2]


def alternately(*runs: Callable[[], Load]) -> list[Load]:
    """Run each in turn, several rounds, so that the machine's moods hit all alike."""
    found: list[list[Load]] = [[] for _ in runs]
    for _ in range(ROUNDS):
        for place, run in enumerate(runs):
            found[place].append(run())
    return [median(rounds) for rounds in found]


def show(name: str, ours: Load, limit: Load, target: float) -> None:
    """Print one line of the table."""
    ratio = ours.rps / limit.rps
    verdict = "reached" if ratio >= target else "NOT REACHED"
    print(
        f"\n{name:<32} {ours.rps:7.0f}/s (p50 {ours.p50:.2f}, p99 {ours.p99:.2f} ms) of"
        f" {limit.rps:7.0f}/s = {ratio:.3f} (asked {target}) {verdict}"
    )


async def test_list_against_a_bare_handler(prepared: Prepared) -> None:
    """List of 20: filter, sort, capped count, JWT and field rules; one worker, 8 connections."""
    with trellis(prepared.home, prepared.config, workers=1) as address:
        token = prepared.login(address)
        sql, context, values = await prepared.statement(token, LIST)
        env = {"BENCH_SQL": json.dumps([sql, context, values]), "BENCH_URL": prepared.app_url()}
        headers = {"Authorization": f"Bearer {token}"}
        with bare(1, env) as limit:
            ours, theirs = alternately(
                lambda: load(address + LIST, 8, headers=headers),
                lambda: load(limit + "/list", 8),
            )
    show("list of 20, 1 worker, 8 conn.", ours, theirs, 0.6)


def test_records_against_hello(prepared: Prepared) -> None:
    """Get, create and patch with 2 workers and 16 connections, beside hello on the same server."""
    with trellis(prepared.home, prepared.config, workers=2) as address, bare(2, {}) as limit:
        token = prepared.login(address)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        ids = ", ".join(f'"{id}"' for id in some_ids(address, token))
        script = ON_ONE.replace("IDS", ids)
        get = script.replace("METHOD", "GET").replace("BODY", "")
        body = """, '{"city": "Jakarta ' .. n .. '"}'"""
        patch = script.replace("METHOD", "PATCH").replace("BODY", body)
        hello, got, created, patched = alternately(
            lambda: load(limit + "/hello", 16),
            lambda: load(address, 16, get, headers),
            lambda: load(address, 16, CREATE, headers),
            lambda: load(address, 16, patch, headers),
        )
    show("get one, 2 workers, 16 conn.", got, hello, 0.10)
    show("create one", created, hello, 0.06)
    show("patch one", patched, hello, 0.06)


def some_ids(address: str, token: str) -> list[str]:
    """Return ids of 200 customers."""
    url = f"{address}/api/customers/?page_size=200&fields=id"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as reply:
        return [row["id"] for row in json.load(reply)["results"]]


def list_p50(prepared: Prepared, config: Path) -> float:
    """Return the median latency of the list in milliseconds, on a warmed-up server."""
    with trellis(prepared.home, config, workers=1) as address:
        headers = {"Authorization": f"Bearer {prepared.login(address)}"}
        load(address + LIST, 4, headers=headers)
        return statistics.median(
            load(address + LIST, 4, headers=headers).p50 for _ in range(ROUNDS)
        )


def test_thirty_entities_cost_nothing(prepared: Prepared, tmp_path: Path) -> None:
    """List p50 and start-up with 30 more entities installed."""
    few = list_p50(prepared, prepared.config)
    names = write_plugins(30)
    try:
        config = config_with(prepared, tmp_path, names)
        prepared.crm("db", "migrate", config=config)
        many = list_p50(prepared, config)
        started = statistics.median(ready_in(prepared.home, config) for _ in range(ROUNDS))
    finally:
        for name in names:
            shutil.rmtree(ROOT / "plugins" / name)
    ratio = many / few
    verdict = "reached" if ratio <= 1.1 else "NOT REACHED"
    print(
        f"\nlist p50 with 30 more entities    {many:.2f} ms / {few:.2f} ms = {ratio:.2f}"
        f" (asked <= 1.1) {verdict}"
    )
    verdict = "reached" if started <= 3 else "NOT REACHED"
    print(f"start to ready, warm database     {started:.2f} s (asked <= 3 s) {verdict}")
