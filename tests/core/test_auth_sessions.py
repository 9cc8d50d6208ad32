"""Sessions: rotation and reuse of refresh tokens (D7), and what ends them (D5)."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from core.auth.users import administration
from tests.core.signing import PASSWORD, WRONG, Gate, open_gate, problem

NEW = "a brand new secret phrase"
ME = "/api/auth/me"


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    async with open_gate(test_server, tmp_path_factory.mktemp("sessions")) as opened:
        yield opened


async def turn(gate: Gate, refresh: str):
    return await gate.post("/api/auth/refresh/", {"refresh": refresh})


async def alive(gate: Gate, tokens: dict) -> tuple[bool, bool]:
    """Return whether access and refresh token are still good."""
    access = (await gate.get(ME, tokens["access"])).status_code == 200
    return access, (await turn(gate, tokens["refresh"])).status_code == 200


async def test_refresh_answers_the_next_pair(gate):
    """KER-04, D7: rotated on use."""
    first = await gate.enter(await gate.user("staff"))
    answer = await turn(gate, first["refresh"])
    assert answer.status_code == 200
    second = answer.json()
    assert second["refresh"] != first["refresh"]
    assert second["user"] == first["user"]
    assert (await gate.get(ME, second["access"])).status_code == 200
    assert (await turn(gate, second["refresh"])).status_code == 200


@pytest.mark.parametrize("turns", [1, 2, 5])
async def test_spent_refresh_token_ends_the_whole_family(gate, turns):
    """D7: however old it is; the event commits although the answer is 401 (ruling 25)."""
    email = await gate.user("staff")
    first = await gate.enter(email)
    latest = first
    for _ in range(turns):
        latest = (await turn(gate, latest["refresh"])).json()
    assert (await turn(gate, first["refresh"])).status_code == 401
    assert (await turn(gate, latest["refresh"])).status_code == 401
    assert (await gate.get(ME, latest["access"])).status_code == 401
    assert await gate.events(email) == ["refresh_reused"]


async def test_reuse_leaves_other_devices_alone(gate):
    email = await gate.user("staff")
    stolen, other = await gate.enter(email), await gate.enter(email)
    await turn(gate, stolen["refresh"])
    assert (await turn(gate, stolen["refresh"])).status_code == 401
    assert await alive(gate, other) == (True, True)


async def test_refresh_token_is_spent_once_however_many_ask(gate):
    first = await gate.enter(await gate.user("staff"))
    answers = await asyncio.gather(*(turn(gate, first["refresh"]) for _ in range(20)))
    assert sorted(a.status_code for a in answers) == [200] + [401] * 19


async def test_strange_refresh_tokens_are_refused_alike(gate):
    good = (await gate.enter(await gate.user("staff")))["refresh"]
    number, rest = good.removeprefix("crr_").split("_", 1)
    strange = [
        "x",
        "",
        good[:-1],
        good + "x",
        f"crr_999999_{rest}",
        f"crr_{int(number) + 1}_{rest}",
    ]
    strange += [f"crr_{'9' * 30}_{rest}", f"crr_{number}_{'A' * 43}.{'A' * 43}"]
    answers = [await turn(gate, text) for text in strange if text]
    assert {a.status_code for a in answers} == {401}
    assert all(problem(a) == problem(answers[0]) for a in answers)
    elsewhere = await gate.post("/api/auth/refresh", {"refresh": good}, host="globex.localhost")
    assert problem(elsewhere) == problem(answers[0])
    assert (await turn(gate, good)).status_code == 200


async def test_access_token_does_not_refresh(gate):
    tokens = await gate.enter(await gate.user("staff"))
    assert (await turn(gate, tokens["access"])).status_code == 401


async def test_secrets_are_stored_as_digests_only(gate):
    """D5, D7: 256-bit, stored hashed."""
    tokens = await gate.enter(await gate.user("staff"))
    stored = await gate.rows("SELECT s::text AS row FROM core_session s")
    for part in tokens["refresh"].split("_", 2)[2].split("."):
        assert len(part) == 43
        assert not [r for r in stored if part in r["row"]]


async def test_logout_ends_this_session_at_once(gate):
    """D5: within one request, and only this one."""
    email = await gate.user("staff")
    one, two = await gate.enter(email), await gate.enter(email)
    assert (await gate.post("/api/auth/logout/", token=one["access"])).status_code == 204
    assert await alive(gate, one) == (False, False)
    assert await alive(gate, two) == (True, True)


async def test_logout_by_refresh_token(gate):
    one = await gate.enter(await gate.user("staff"))
    body = {"refresh": one["refresh"]}
    for _ in range(2):
        assert (await gate.post("/api/auth/logout", body)).status_code == 204
    assert await alive(gate, one) == (False, False)
    assert (await gate.post("/api/auth/logout")).status_code == 401


async def test_logout_everywhere(gate):
    email = await gate.user("staff")
    one, two = await gate.enter(email), await gate.enter(email)
    assert (await gate.post("/api/auth/logout_all", token=one["access"])).status_code == 204
    assert await alive(gate, one) == (False, False)
    assert await alive(gate, two) == (False, False)
    assert (await gate.login(email)).status_code == 200


async def test_password_change_ends_all_other_sessions(gate):
    """D5: this session goes on with the access token of the answer."""
    email = await gate.user("seller")  # has no right on users
    one, two = await gate.enter(email), await gate.enter(email)
    body = {"old_password": PASSWORD, "new_password": NEW}
    answer = await gate.post("/api/auth/change_password", body, token=one["access"])
    assert answer.status_code == 200
    assert await alive(gate, two) == (False, False)
    assert await alive(gate, one) == (False, True)
    assert (await gate.get(ME, answer.json()["access"])).status_code == 200
    assert (await gate.login(email)).status_code == 401
    assert (await gate.login(email, NEW)).status_code == 200


async def test_password_change_needs_the_old_one(gate):
    email = await gate.user("staff")
    token = (await gate.enter(email))["access"]
    body = {"old_password": WRONG, "new_password": NEW}
    answer = await gate.post("/api/auth/change_password", body, token=token)
    assert answer.status_code == 400
    assert problem(answer)["errors"][0]["pointer"] == "#/old_password"
    assert await gate.events(email) == ["password_refused"]


async def test_guessing_the_old_password_is_counted(gate):
    """D3: a stolen access token does not open a way around the counters."""
    email = await gate.user("staff")
    token = (await gate.enter(email))["access"]
    body = {"old_password": WRONG, "new_password": NEW}
    answers = [
        (await gate.post("/api/auth/change_password", body, token=token)).status_code
        for _ in range(12)
    ]
    assert answers[:5] == [400] * 5
    assert 429 in answers[5:8]


@pytest.mark.parametrize(
    "change",
    ["roles = '{seller}'", "is_active = false", "deleted_at = now()"],
)
async def test_change_of_a_person_ends_everything_he_has(gate, change):
    """D5, E12: role change, deactivation and deletion, within one request."""
    email = await gate.user("staff")
    tokens = await gate.enter(email)
    assert (await gate.get(ME, tokens["access"])).status_code == 200
    await gate.rows(f"UPDATE core_user SET {change} WHERE email = $1", email)
    assert await alive(gate, tokens) == (False, False)


async def test_password_set_on_the_host_ends_sessions(gate):
    email = await gate.user("staff")
    tokens = await gate.enter(email)
    acme = gate.platform.by_slug["acme"]
    await administration.set_password(gate.platform, acme, email, NEW)
    assert await alive(gate, tokens) == (False, False)


@pytest.mark.parametrize("column", ["expires_at", "ends_at"])
async def test_session_ends_idle_and_absolutely(gate, column):
    """D5: 30 days without a refresh, 90 days in any case."""
    email = await gate.user("staff")
    tokens = await gate.enter(email)
    row = (
        await gate.rows(
            "SELECT expires_at - created_at AS idle, ends_at - created_at AS whole"
            " FROM core_session ORDER BY created_at DESC LIMIT 1"
        )
    )[0]
    assert (row["idle"].days, row["whole"].days) == (30, 90)
    await gate.rows(
        f"UPDATE core_session SET {column} = now() - interval '1 second' WHERE user_id ="
        " (SELECT id FROM core_user WHERE email = $1)",
        email,
    )
    assert (await turn(gate, tokens["refresh"])).status_code == 401
    if column == "expires_at":
        assert (await gate.get(ME, tokens["access"])).status_code == 401


async def test_sessions_are_listed_and_ended_one_by_one(gate):
    """D5: list and revoke, only one's own."""
    email = await gate.user("staff")
    one, two = await gate.enter(email), await gate.enter(email)
    stranger = await gate.enter(await gate.user("staff"))
    listed = (await gate.get("/api/auth/sessions/", one["access"])).json()
    assert listed["count"] == 2
    assert [s["current"] for s in listed["results"]].count(True) == 1
    other = next(s["id"] for s in listed["results"] if not s["current"])
    path = f"/api/auth/sessions/{other}/"
    foreign = await gate.post(path, token=stranger["access"], method="DELETE")
    assert foreign.status_code == 404
    assert (await gate.post(path, token=one["access"], method="DELETE")).status_code == 204
    assert (await gate.post(path, token=one["access"], method="DELETE")).status_code == 404
    assert await alive(gate, two) == (False, False)
    assert (await gate.get(ME, one["access"])).status_code == 200


async def test_last_seen_is_written_apart_from_the_reads(gate):
    """Ruling 25: collected in memory, written in a transaction of its own."""
    email = await gate.user("staff")
    tokens = await gate.enter(email)
    of_user = "user_id = (SELECT id FROM core_user WHERE email = $1)"
    old = f"UPDATE core_session SET last_seen_at = now() - interval '1 hour' WHERE {of_user}"
    await gate.rows(old, email)
    await gate.get(ME, tokens["access"])
    seen = (
        "SELECT last_seen_at < now() - interval '50 minutes' AS old FROM core_session"
        f" WHERE {of_user}"
    )
    assert (await gate.rows(seen, email))[0]["old"] is True
    await gate.auth.write_last_used()
    assert (await gate.rows(seen, email))[0]["old"] is False
