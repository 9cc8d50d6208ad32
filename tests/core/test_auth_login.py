"""Signing in: KER-04, D1 and the tenant of an address (rulings 24 and 25, issue part 6)."""

import random
import time
from collections.abc import AsyncIterator
from statistics import median

import argon2
import pytest

from core.auth.credentials import tenant_at
from core.auth.users import administration
from tests.core.signing import PASSWORD, WRONG, Gate, open_gate, problem


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    async with open_gate(test_server, tmp_path_factory.mktemp("login")) as opened:
        yield opened


async def test_login_answers_tokens_that_open_every_route(gate):
    """KER-04, ruling 24: {access, refresh, expires_in} from e-mail and password."""
    email = await gate.user("staff")
    answer = await gate.login(email)
    body = answer.json()
    assert answer.status_code == 200
    assert body["expires_in"] == 900
    assert body["token_type"] == "Bearer"
    assert body["user"]["email"] == email
    assert body["user"]["roles"] == ["staff"]
    assert body["tenant"]["slug"] == "acme"
    assert (await gate.get("/api/customers/", body["access"])).status_code == 200
    assert (await gate.get("/api/customers/")).status_code == 401


async def test_the_sources_address_of_login_works(gate):
    """KER-04: POST /api/accounts/login/, with the shipped alias."""
    email = await gate.user("staff")
    body = {"email": email, "password": PASSWORD}
    assert (await gate.post("/api/accounts/login/", body)).status_code == 200


async def test_me_says_who_what_and_where(gate):
    token = (await gate.enter(await gate.user("seller")))["access"]
    body = (await gate.get("/api/auth/me/", token)).json()
    assert body["user"]["name"] == "A Person"
    assert body["roles"] == ["seller"]
    assert "customers.customer.list" in body["permissions"]
    assert "customers.customer.delete" not in body["permissions"]
    assert body["tenant"]["plugins"] == ["customers"]
    assert body["tenant"]["currency"] == "IDR"
    assert (await gate.get("/api/auth/me/")).status_code == 401


async def test_address_alone_suffices_where_one_tenant_knows_it(gate):
    email = await gate.user("staff", tenant="globex")
    assert (await gate.enter(email))["tenant"]["slug"] == "globex"


async def test_address_is_read_as_it_was_stored(gate):
    email = await gate.user("staff", email="jose\u0301@acme.example")
    assert (await gate.login(" JOS\u00c9@ACME.example ".strip())).status_code == 200
    assert (await gate.enter(email))["user"]["email"] == "jos\u00e9@acme.example"


async def test_address_of_two_tenants_has_to_name_one(gate):
    email = "both@trellis.example"
    for slug in ("acme", "globex"):
        await gate.user("staff", tenant=slug, email=email)
    assert (await gate.login(email)).status_code == 401
    for slug in ("acme", "globex"):
        assert (await gate.login(email, tenant=slug)).json()["tenant"]["slug"] == slug
        body = {"email": email, "password": PASSWORD}
        by_host = await gate.post("/api/auth/login", body, host=f"{slug}.localhost:8000")
        assert by_host.json()["tenant"]["slug"] == slug


async def test_unknown_and_foreign_tenant_are_refused_alike(gate):
    """A5: what a client names must agree; whether it exists is not told."""
    email = await gate.user("staff")
    body = {"email": email, "password": PASSWORD}
    host = {"host": "acme.localhost"}
    answers = [
        await gate.post("/api/auth/login", {**body, "tenant": "globex"}, **host),
        await gate.post("/api/auth/login", {**body, "tenant": "nowhere"}, **host),
        await gate.post("/api/auth/login", body, **host, x_tenant_id="globex"),
        await gate.post("/api/auth/login", body, **host, x_tenant_id="nowhere"),
    ]
    assert {a.status_code for a in answers} == {403}
    assert all(problem(a) == problem(answers[0]) for a in answers)


async def test_refused_login_is_recorded_although_the_answer_is_401(gate):
    """Ruling 25: the event commits in a transaction of its own; it holds no address."""
    email = await gate.user("staff")
    assert (await gate.login(email, WRONG)).status_code == 401
    assert await gate.events(email) == ["login_refused"]
    rows = await gate.rows("SELECT detail::text AS detail FROM core_security_event")
    assert all("@" not in row["detail"] for row in rows)


async def _classes(gate: Gate) -> dict[str, tuple[str, str]]:
    idle, unset = await gate.user("staff"), await gate.user("staff", password=False)
    await gate.rows("UPDATE core_user SET is_active = false WHERE email = $1", idle)
    return {
        "unknown": ("nobody@acme.example", PASSWORD),
        "wrong password": (await gate.user("staff"), WRONG),
        "not active": (idle, PASSWORD),
        "no password": (unset, PASSWORD),
    }


async def test_every_refused_login_has_the_same_answer(gate):
    """D1: same status, body and headers."""
    answers = [await gate.login(*given) for given in (await _classes(gate)).values()]
    assert {a.status_code for a in answers} == {401}
    assert all(problem(a) == problem(answers[0]) for a in answers)
    assert problem(answers[0])["code"] == "wrong_login"
    names = [sorted(a.headers) for a in answers]
    assert all(n == names[0] for n in names)
    lengths = {a.headers["content-length"] for a in answers}
    assert len(lengths) == 1


def auc(left: list[float], right: list[float]) -> float:
    """Return how well a time tells the two classes apart: 0.5 not at all, 1.0 always."""
    ranked = sorted([(t, 0) for t in left] + [(t, 1) for t in right])
    ranks = sum(rank for rank, (_, side) in enumerate(ranked, 1) if side)
    area = (ranks - len(right) * (len(right) + 1) / 2) / (len(left) * len(right))
    return max(area, 1 - area)


async def timed_logins(gate: Gate, samples: int) -> dict[str, list[float]]:
    """Return the times of interleaved logins, per class; each from a network of its own."""
    classes = {k: v for k, v in (await _classes(gate)).items() if k != "no password"}
    for kind in ("not active", "wrong password"):  # the counter of an account would interfere
        classes[kind] = (classes[kind][0], WRONG)
    found: dict[str, list[float]] = {kind: [] for kind in classes}
    for turn in range(samples):
        if turn % 4 == 0:
            await gate.rows("TRUNCATE core_attempt")
        for kind in random.sample(list(classes), len(classes)):
            began = time.perf_counter()
            answer = await gate.login(*classes[kind])
            found[kind].append(time.perf_counter() - began)
            assert answer.status_code == 401
    return found


@pytest.mark.slow
async def test_time_does_not_tell_an_unknown_address(gate):
    """D1: a classifier on times is as good as a coin; 100 samples allow for an error of 0.1.

    ``tests/core/measure_login.py`` takes 2,000 per class.
    """
    found = await timed_logins(gate, 100)
    for kind in ("wrong password", "not active"):
        assert auc(found["unknown"], found[kind]) < 0.65, {k: median(v) for k, v in found.items()}


async def test_old_hash_is_renewed_at_login(gate):
    email = await gate.user("staff")
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    of_user = "user_id = (SELECT id FROM core_user WHERE email = $1)"
    await gate.rows(f"UPDATE core_password SET hash = $2 WHERE {of_user}", email, weak)
    assert (await gate.login(email)).status_code == 200
    rows = await gate.rows(f"SELECT hash FROM core_password WHERE {of_user}", email)
    assert rows[0]["hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert (await gate.login(email)).status_code == 200


async def test_a_password_is_one_password_however_it_is_typed(gate):
    email = await gate.user("staff", password=False)
    token = await _link(gate, email)
    composed, decomposed = "caf\u00e9 au lait, please", "cafe\u0301 au lait, please"
    body = {"token": token, "password": composed}
    assert (await gate.post("/api/auth/reset_password", body)).status_code == 204
    assert (await gate.login(email, decomposed)).status_code == 200


async def _link(gate: Gate, email: str) -> str:
    return await administration.reset_link(gate.platform, gate.platform.by_slug["acme"], email)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"email": "a@b.example"},
        {"email": ["a@b.example"], "password": PASSWORD},
        {"email": {"$ne": ""}, "password": PASSWORD},
        {"email": "a@b.example", "password": 7},
        {"email": "a@b.example", "password": None},
        {"email": "a@b.example", "password": PASSWORD, "tenant": 1},
        {"email": "a@b.example", "password": PASSWORD, "admin": True},
        {"email": "no address", "password": PASSWORD},
        {"email": "a@b.example", "password": "x" * 2000},
        b'{"email": "a@b.example", "email": "c@d.example", "password": "x"}',
        b'{"email": "a@b.example", "password": "\\u0000"}',
        b"\xff",
    ],
)
async def test_strange_bodies_are_refused_by_name(gate, body):
    """D8's strict types hold for every route of signing in."""
    answer = await gate.post("/api/auth/login", body)
    assert answer.status_code == 400
    assert problem(answer)["error"]


async def test_every_wrong_field_is_named(gate):
    answer = await gate.post("/api/auth/login", {"email": 1, "password": 2})
    assert {e["pointer"] for e in problem(answer)["errors"]} == {"#/email", "#/password"}


async def test_a_host_names_its_tenant_with_or_without_port(gate):
    acme = gate.platform.by_slug["acme"]
    for host in ("acme.localhost", "ACME.localhost:8000", "acme.localhost."):
        assert tenant_at(gate.platform, host) is acme
    for host in ("", "127.0.0.1:8000", "[::1]:8000", "xacme.localhost", "acme.localhost.evil"):
        assert tenant_at(gate.platform, host) is None
