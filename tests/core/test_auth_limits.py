"""Guessing is slow and expensive for the guesser only: D2 and D3."""

import asyncio
import math
import resource
import time
from collections.abc import AsyncIterator

import pytest

from core.auth.sign_in.client_address import client_address
from core.auth.sign_in.login_throttle import network_of
from core.auth.sign_in.passwords import QUEUE
from tests.core.signing import PASSWORD, WRONG, Gate, new_address, open_gate, problem

ALIAS = "/api/auth/login"


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    async with open_gate(test_server, tmp_path_factory.mktemp("limits")) as opened:
        yield opened


async def test_hundreds_of_logins_at_once_leave_the_rest_alone(gate):
    """D2: 500 parallel logins; other routes stay fast, memory stays bounded."""
    email = await gate.user("staff")
    token = (await gate.enter(email))["access"]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    guesses = [asyncio.create_task(gate.login(f"p{i}@acme.example")) for i in range(500)]
    slow, times = asyncio.gather(*guesses), []
    while not slow.done():
        began = time.perf_counter()
        assert (await gate.get("/api/auth/me", token)).status_code == 200
        times.append(time.perf_counter() - began)
        await asyncio.sleep(0.01)
    answers = [a.status_code for a in await slow]
    assert set(answers) == {401, 429}
    assert answers.count(401) >= QUEUE
    # The first sample waits while the test itself makes 500 clients.
    assert sorted(times[1:])[int(len(times) * 0.99) - 1] < 1.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


async def test_full_queue_says_when_to_come_back(gate):
    answers = await asyncio.gather(*(gate.login(f"q{i}@acme.example") for i in range(QUEUE * 3)))
    refused = [a for a in answers if a.status_code == 429]
    assert refused
    assert problem(refused[0])["code"] == "busy"
    assert int(refused[0].headers["retry-after"]) >= 1


async def tried_hard(gate: Gate) -> None:
    """Make every account look as if twelve guesses had just failed: the next waits 128 s."""
    await gate.rows(
        "UPDATE core_attempt SET failures = 12, last_at = now() WHERE kind = 'login/account'"
    )


async def test_guesses_at_an_account_wait_ever_longer(gate):
    """D3: exponential delay per account, from whatever network; no guess is evaluated early."""
    email = await gate.user("staff")
    began = time.monotonic()
    codes = [(await gate.login(email, WRONG)).status_code for _ in range(12)]
    assert codes[:5] == [401] * 5
    assert set(codes) == {401, 429}
    assert codes.count(401) <= 6 + math.log2(time.monotonic() - began + 1)
    await tried_hard(gate)
    for _ in range(3):  # a refused attempt is not counted
        answer = await gate.login(email, WRONG)
        assert answer.status_code == 429
        assert 100 < int(answer.headers["retry-after"]) <= 128
    # The right password waits as well: nothing tells the guesser that he was right.
    assert (await gate.login(email, PASSWORD)).status_code == 429


async def test_unknown_address_waits_like_a_known_one(gate):
    """D1, D3: the counters need no user."""
    known = await gate.user("staff")
    series = []
    for email in (known, "nobody-at-all@acme.example"):
        answers = [await gate.login(email, WRONG) for _ in range(8)]
        series.append([a.status_code for a in answers][:6])
    assert series[0] == series[1] == [401] * 5 + [429]


async def test_victim_still_signs_in_from_a_known_network(gate):
    """D3: no lock-out. The owner's own network has a counter of its own."""
    email = await gate.user("staff")
    home = new_address()
    assert (await gate.login(email, address=home)).status_code == 200
    await gate.login(email, WRONG)
    await tried_hard(gate)
    assert (await gate.login(email)).status_code == 429
    assert (await gate.login(email, address=home)).status_code == 200


async def test_one_network_cannot_try_address_after_address(gate):
    """D3: stuffing from one network waits too, whatever X-Forwarded-For says."""
    home = new_address()
    evaluated = 0
    for number in range(120):
        body = {"email": f"s{number}@acme.example", "password": WRONG}
        spoofed = f"198.51.{number}.9"
        answer = await gate.post(ALIAS, body, address=home, x_forwarded_for=spoofed)
        evaluated += answer.status_code == 401
    assert 50 <= evaluated <= 60


async def test_own_account_does_not_pay_for_guesses_at_others(gate):
    """D3: signing in to one's own account between the guesses changes nothing."""
    own, home = await gate.user("staff"), new_address()
    evaluated = 0
    for number in range(80):
        assert (await gate.login(own, address=home)).status_code == 200
        answer = await gate.login(f"t{number}@acme.example", WRONG, address=home)
        evaluated += answer.status_code == 401
    assert evaluated <= 60


async def test_delay_doubles_and_passes(gate):
    """D3: 1 s, 2 s, 4 s … at most 15 minutes; forgotten after a day."""
    sql = "SELECT crm_attempt_wait($1, now(), 5, '1 day') AS wait"
    waits = [(await gate.rows(sql, n))[0]["wait"] for n in (4, 5, 6, 9, 14, 15, 100)]
    assert waits == [0, 1, 2, 16, 512, 900, 900]
    past = "SELECT crm_attempt_wait(100, now() - interval '25 hours', 5, '1 day') AS wait"
    assert (await gate.rows(past))[0]["wait"] == 0


async def test_success_clears_the_account(gate):
    email = await gate.user("staff")
    for _ in range(3):
        for _ in range(4):
            assert (await gate.login(email, WRONG)).status_code == 401
        assert (await gate.login(email)).status_code == 200


async def test_counters_hold_no_address(gate):
    """D3: keys are keyed digests; the application cannot even read the table."""
    await gate.login("somebody@acme.example", WRONG)
    rows = await gate.rows("SELECT kind, key FROM core_attempt")
    assert rows
    assert all(len(row["key"]) == 32 for row in rows)
    connection = await gate.world.scratch.connect("crm_app")
    try:
        granted = "SELECT has_table_privilege('core_attempt', 'SELECT')"
        assert await connection.fetchval(granted) is False
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2ff::1", "2001:db8:1:200::/56"),
        ("", "unknown"),
        ("testclient", "unknown"),
    ],
)
def test_network_of_an_address(address, network):
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "expected"),
    [
        ("203.0.113.5", "1.2.3.4", (), "203.0.113.5"),
        ("10.0.0.1", "1.2.3.4", ("10.0.0.0/8",), "1.2.3.4"),
        ("10.0.0.1", "9.9.9.9, 1.2.3.4, 10.0.0.2", ("10.0.0.0/8",), "1.2.3.4"),
        ("10.0.0.1", "<script>", ("10.0.0.0/8",), "10.0.0.1"),
        ("10.0.0.1", "", ("10.0.0.0/8",), "10.0.0.1"),
    ],
)
def test_only_a_trusted_proxy_names_the_sender(peer, forwarded, trusted, expected):
    assert client_address(peer, forwarded, trusted) == expected
