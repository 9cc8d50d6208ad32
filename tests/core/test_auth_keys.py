"""API keys (D10): shown once, narrower than their creator, dead with him."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from core.auth.lru_cache import LruCache
from tests.core.signing import Gate, open_gate, problem

KEYS = "/api/api-keys/"
CUSTOMERS = "/api/customers/"


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    async with open_gate(test_server, tmp_path_factory.mktemp("keys")) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _forgotten(gate: Gate) -> None:
    forget(gate)


def forget(gate: Gate) -> None:
    """Tests do not wait for the second that a worker trusts what it has read of a key."""
    gate.auth.api_keys = LruCache(4096)


async def make(gate: Gate, token: str, *scopes: str, **more: Any):
    return await gate.post(KEYS, {"name": "Till", "scopes": list(scopes), **more}, token=token)


async def key_of(gate: Gate, email: str, *scopes: str) -> dict[str, Any]:
    answer = await make(gate, (await gate.enter(email))["access"], *scopes)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_key_is_shown_once_and_stored_as_digest(gate):
    """D10, ruling 24: crm_<tenant no>_<id>_<secret>."""
    email = await gate.user("staff")
    token = (await gate.enter(email))["access"]
    made = (await make(gate, token, "customers.customer.list")).json()
    word, number, id, secret = made["key"].split("_", 3)
    assert (word, number) == ("crm", str(gate.platform.by_slug["acme"].number))
    assert id == made["id"].replace("-", "")
    assert len(secret) == 43
    listed = await gate.get(KEYS, token)
    assert [k["id"] for k in listed.json()["results"]] == [made["id"]]
    one = await gate.get(f"{KEYS}{made['id']}/", token)
    rows = await gate.rows("SELECT k::text AS row FROM core_api_key k")
    for text in (listed.text, one.text, *(r["row"] for r in rows)):
        assert secret not in text
    assert "hash" not in listed.json()["results"][0]


async def test_key_opens_what_its_scopes_name(gate):
    """D10: the scope matrix. A key has its scopes, its creator's rights, and nothing else."""
    email = await gate.user("staff")
    listing = (await key_of(gate, email, "customers.customer.list"))["key"]
    every = (await key_of(gate, email, "customers.customer.*"))["key"]
    other = (await key_of(gate, email, "customers.company.list"))["key"]
    body = {"name": "C", "email": f"{uuid4().hex}@x.example"}
    got = {
        name: (
            (await gate.get(CUSTOMERS, key)).status_code,
            (await gate.get(f"{CUSTOMERS}{uuid4()}/", key)).status_code,
            (await gate.post(CUSTOMERS, body, token=key)).status_code,
            (await gate.get("/api/users/", key)).status_code,
        )
        for name, key in (("list", listing), ("every", every), ("other", other))
    }
    assert got["list"] == (200, 403, 403, 403)
    assert got["every"][:2] == (200, 404)
    assert got["every"][2] not in (401, 403)
    assert got["every"][3] == 403
    assert got["other"] == (403, 403, 403, 403)


@pytest.mark.parametrize(
    "scope",
    [
        "customers.customer.purge",
        "core.user.update",
        "core.user.nothing",
        "nothing.at.all",
        "*",
        "customers.*",
        ".*",
        ".",
    ],
)
async def test_scope_beyond_the_creators_rights_is_refused(gate, scope):
    """D10: scopes ⊆ creator's."""
    token = (await gate.enter(await gate.user("staff")))["access"]
    answer = await make(gate, token, "customers.customer.list", scope)
    assert answer.status_code == 400
    assert problem(answer)["errors"][0]["pointer"] == "#/scopes/1"


async def test_key_loses_what_its_creator_loses(gate):
    """D10, E12: rights are read per request."""
    email = await gate.user("staff")
    key = (await key_of(gate, email, "customers.customer.*"))["key"]
    path = f"{CUSTOMERS}{uuid4()}/"
    assert (await gate.post(path, {}, token=key, method="PATCH")).status_code == 404
    await gate.rows("UPDATE core_user SET roles = '{seller}' WHERE email = $1", email)
    stale = await gate.post(path, {}, token=key, method="PATCH")
    assert stale.status_code == 401, "what a worker remembers is refused by the database"
    forget(gate)
    assert (await gate.post(path, {}, token=key, method="PATCH")).status_code == 403
    assert (await gate.get(CUSTOMERS, key)).status_code == 200


@pytest.mark.parametrize("end", ["is_active = false", "deleted_at = now()"])
async def test_key_dies_with_its_creator(gate, end):
    """D10: creator disabled, key dead, although the worker has just read it."""
    email = await gate.user("staff")
    key = (await key_of(gate, email, "customers.customer.list"))["key"]
    assert (await gate.get(CUSTOMERS, key)).status_code == 200
    await gate.rows(f"UPDATE core_user SET {end} WHERE email = $1", email)
    assert (await gate.get(CUSTOMERS, key)).status_code == 401


async def test_deleted_key_is_dead_at_once(gate):
    """D10: the database checks the key in every transaction (crm_check_key)."""
    email = await gate.user("staff")
    made = await key_of(gate, email, "customers.customer.list")
    token = (await gate.enter(email))["access"]
    assert (await gate.get(CUSTOMERS, made["key"])).status_code == 200
    path = f"{KEYS}{made['id']}/"
    assert (await gate.post(path, token=token, method="DELETE")).status_code == 204
    assert (await gate.get(CUSTOMERS, made["key"])).status_code == 401
    assert (await gate.get(KEYS, token)).json()["count"] == 0


async def test_expired_key_is_dead(gate):
    email = await gate.user("staff")
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    token = (await gate.enter(email))["access"]
    key = (await make(gate, token, "customers.customer.list", expires_at=soon)).json()["key"]
    assert (await gate.get(CUSTOMERS, key)).status_code == 200
    await gate.rows("UPDATE core_api_key SET expires_at = now() WHERE expires_at IS NOT NULL")
    assert (await gate.get(CUSTOMERS, key)).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {"name": "", "scopes": ["customers.customer.list"]},
        {"name": "   ", "scopes": ["customers.customer.list"]},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": "customers.customer.list"},
        {"name": "x", "scopes": ["customers.customer.list"], "expires_at": "yesterday"},
        {"name": "x", "scopes": ["customers.customer.list"], "expires_at": "2020-01-01T00:00:00Z"},
        {"name": "x", "scopes": ["customers.customer.list"], "expires_at": "2030-01-01T00:00:00"},
        {"name": "x", "scopes": ["customers.customer.list"], "user_id": str(uuid4())},
        {"name": "x", "scopes": ["a"] * 300},
        {},
    ],
)
async def test_strange_keys_are_refused(gate, body):
    token = (await gate.enter(await gate.user("staff")))["access"]
    assert (await gate.post(KEYS, body, token=token)).status_code == 400


async def test_forged_keys_are_refused_alike(gate):
    """D6, D10: 20 forgeries of a key, 0 accepted."""
    email = await gate.user("staff")
    good = (await key_of(gate, email, "customers.customer.list"))["key"]
    _, number, id, secret = good.split("_", 3)
    other = gate.platform.by_slug["globex"].number
    forged = [
        f"crm_{number}_{id}_{'A' * 43}",
        f"crm_{number}_{uuid4().hex}_{secret}",
        f"crm_{other}_{id}_{secret}",
        f"crm_99999_{id}_{secret}",
        f"crm_{number}_{id}_{secret[:-1]}",
        f"crm_{number}_{id}_{secret}A",
        f"crm_{number}_{id}_",
        f"crm_{number}_{id}",
        f"crm_{number}_{id.upper()}_{secret}",
        f"CRM_{number}_{id}_{secret}",
        f"crm_{number}_{secret}_{id}",
        f"crm_-1_{id}_{secret}",
        f"crm_{number}.0_{id}_{secret}",
        f"crm__{id}_{secret}",
        f"crm_{'1' * 40}_{id}_{secret}",
        f"crm_{number}_{id}_{secret.swapcase()}",
        f"crm_{number}_' OR 1=1 --_{secret}",
        f"crm_{number}_{id}_%_{secret}",
        f"crp_{number}_{secret}",
        "crm_",
        "crm_" + "1" * 5000,
    ]
    answers = [await gate.get(CUSTOMERS, text) for text in forged]
    assert {a.status_code for a in answers} == {401}
    assert all(problem(a) == problem(answers[0]) for a in answers)
    assert (await gate.get(CUSTOMERS, good)).status_code == 200


async def test_key_counts_in_its_tenant_and_in_the_header_only(gate):
    """D10, A5."""
    email = await gate.user("staff")
    key = (await key_of(gate, email, "customers.customer.list"))["key"]
    assert (await gate.get(CUSTOMERS, key, host="globex.localhost")).status_code == 403
    assert (await gate.get(CUSTOMERS, key, x_tenant_id="globex")).status_code == 403
    host = {"host": "acme.localhost"}
    assert (await gate.get(f"{CUSTOMERS}?api_key={key}", **host)).status_code in (400, 401)
    assert (await gate.get(CUSTOMERS, **host, x_api_key=key)).status_code == 401


async def test_key_makes_no_key_and_has_no_session(gate):
    """D10, E11: a stolen key does not multiply, and says nothing about sessions."""
    email = await gate.user("staff")
    key = (await key_of(gate, email, "core.api_key.create", "customers.customer.list"))["key"]
    assert (await make(gate, key, "customers.customer.list")).status_code == 403
    assert (await gate.get("/api/auth/sessions", key)).status_code == 403
    assert (await gate.post("/api/auth/logout_all", token=key)).status_code == 403
    body = {"old_password": "x", "new_password": "y"}
    assert (await gate.post("/api/auth/change_password", body, token=key)).status_code == 403
    me = (await gate.get("/api/auth/me", key)).json()
    assert me["permissions"] == ["core.api_key.create", "customers.customer.list"]


async def test_only_roles_with_the_grant_make_keys(gate):
    seller = (await gate.enter(await gate.user("seller")))["access"]
    assert (await make(gate, seller, "customers.customer.list")).status_code == 403
    assert (await gate.get(KEYS, seller)).status_code == 403
    assert (await gate.get(KEYS, host="acme.localhost")).status_code == 401


async def test_staff_sees_his_own_keys_and_an_administrator_all(gate):
    one, two = await gate.user("staff"), await gate.user("staff")
    mine, theirs = [await key_of(gate, e, "customers.customer.list") for e in (one, two)]
    token = (await gate.enter(one))["access"]
    seen = {k["id"] for k in (await gate.get(KEYS, token)).json()["results"]}
    assert seen == {mine["id"]}
    path = f"{KEYS}{theirs['id']}/"
    assert (await gate.get(path, token)).status_code == 404
    assert (await gate.post(path, token=token, method="DELETE")).status_code == 404
    admin = (await gate.enter(await gate.user("admin")))["access"]
    seen = {k["id"] for k in (await gate.get(f"{KEYS}?page_size=200", admin)).json()["results"]}
    assert {mine["id"], theirs["id"]} <= seen
    assert (await gate.post(path, token=admin, method="DELETE")).status_code == 204


async def test_last_use_is_written_apart(gate):
    """Ruling 25."""
    made = await key_of(gate, await gate.user("staff"), "customers.customer.list")
    await gate.get(CUSTOMERS, made["key"])
    used = "SELECT last_used_at FROM core_api_key WHERE id = $1::text::uuid"
    assert (await gate.rows(used, made["id"]))[0]["last_used_at"] is None
    await gate.auth.write_last_used()
    assert (await gate.rows(used, made["id"]))[0]["last_used_at"] is not None
