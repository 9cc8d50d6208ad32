"""Who may change whom (E11), and what administrators do to users."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.access.rights import Principal
from core.auth.users.rules import RightsHolder, covers
from tests.core.signing import Gate, open_gate, problem

USERS = "/api/users/"
NEW = "a brand new secret phrase"


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    async with open_gate(test_server, tmp_path_factory.mktemp("users")) as opened:
        yield opened


@pytest.fixture(scope="module")
async def admin(gate) -> str:
    tokens: dict[str, Any] = await gate.enter(await gate.user("admin"))
    return str(tokens["access"])


@pytest.fixture(scope="module")
async def helpdesk(gate) -> str:
    """A role of the tenant's own that may do everything to users, and nothing else."""
    tokens: dict[str, Any] = await gate.enter(await gate.user("helpdesk"))
    return str(tokens["access"])


async def path_of(gate: Gate, email: str) -> str:
    return f"{USERS}{await gate.user_id(email)}/"


async def test_administrator_makes_a_user_who_sets_his_password(gate, admin):
    """Users CRUD, the link handed over, no password until then."""
    body = {"email": "New.Person@acme.example", "name": "New", "roles": ["seller"]}
    made = await gate.post(USERS, body, token=admin)
    assert made.status_code == 201, made.text
    email = "new.person@acme.example"
    path = await path_of(gate, email)
    link = await gate.post(f"{path}set_password/", {}, token=admin)
    assert link.status_code == 200, link.text
    assert link.json()["expires_in"] == 900
    done = {"token": link.json()["token"], "password": NEW}
    assert (await gate.post("/api/auth/reset_password", done)).status_code == 204
    tokens = await gate.enter(email, NEW)
    changed = await gate.post(path, {"roles": ["staff"]}, token=admin, method="PATCH")
    assert changed.json()["roles"] == ["staff"]
    assert (await gate.get("/api/auth/me", tokens["access"])).status_code == 401
    assert (await gate.post(path, token=admin, method="DELETE")).status_code == 204
    assert (await gate.login(email, NEW)).status_code == 401


async def test_nothing_secret_is_ever_shown(gate, admin):
    shown = (await gate.get(USERS, admin)).json()["results"][0]
    assert not {"token_version", "hash", "password"} & set(shown)


async def test_unknown_role_is_named(gate, admin):
    body = {"email": "pope@acme.example", "name": "P", "roles": ["pope"]}
    answer = await gate.post(USERS, body, token=admin)
    assert answer.status_code == 400
    assert problem(answer)["errors"][0]["pointer"] == "#/roles"
    assert "staff" in problem(answer)["errors"][0]["allowed"]


async def test_deactivation_ends_everything_at_once(gate, admin):
    """D5, D10: sessions, refresh tokens and keys, within one request."""
    email = await gate.user("staff")
    tokens = await gate.enter(email)
    body = {"name": "Till", "scopes": ["customers.customer.list"]}
    key = (await gate.post("/api/api-keys/", body, token=tokens["access"])).json()["key"]
    assert (await gate.get("/api/customers/", key)).status_code == 200
    answer = await gate.post(f"{await path_of(gate, email)}deactivate/", {}, token=admin)
    assert answer.status_code == 200, answer.text
    assert answer.json()["is_active"] is False
    assert (await gate.get("/api/auth/me", tokens["access"])).status_code == 401
    assert (await gate.get("/api/customers/", key)).status_code == 401
    refreshed = await gate.post("/api/auth/refresh", {"refresh": tokens["refresh"]})
    assert refreshed.status_code == 401
    assert (await gate.login(email)).status_code == 401


async def test_only_an_administrator_changes_users(gate):
    """E11: nobody else has a grant."""
    target = await path_of(gate, await gate.user("staff"))
    for role in ("staff", "seller", "customer"):
        token = (await gate.enter(await gate.user(role)))["access"]
        new = {"email": f"{role}@evil.example", "name": "x", "roles": ["admin"]}
        tries = [
            await gate.post(USERS, new, token=token),
            await gate.post(target, {"name": "x"}, token=token, method="PATCH"),
            await gate.post(target, token=token, method="DELETE"),
            await gate.post(f"{target}set_password/", {}, token=token),
            await gate.post(f"{target}deactivate/", {}, token=token),
            await gate.post(f"{USERS}bulk/", {"set": {"name": "x"}, "ids": []}, token=token),
        ]
        assert {a.status_code for a in tries} == {403}, role


async def test_nobody_hands_out_more_than_he_holds(gate, helpdesk):
    """E11: grant ⊆ grantor."""
    before = await gate.rows("SELECT count(*) AS n FROM core_user WHERE 'admin' = ANY (roles)")
    for number, roles in enumerate((["admin"], ["staff"], ["seller"], ["helpdesk", "admin"])):
        body = {"email": f"e{number}@acme.example", "name": "x", "roles": roles}
        answer = await gate.post(USERS, body, token=helpdesk)
        assert answer.status_code in (400, 403), answer.text
    after = await gate.rows("SELECT count(*) AS n FROM core_user WHERE 'admin' = ANY (roles)")
    assert before == after


async def test_nobody_lays_hands_on_who_holds_more(gate, helpdesk):
    """E11: an administrator's address, link or account would be a way to his rights."""
    target = await path_of(gate, await gate.user("admin"))
    tries = [
        await gate.post(target, {"email": "mine@evil.example"}, token=helpdesk, method="PATCH"),
        await gate.post(target, {"is_active": False}, token=helpdesk, method="PATCH"),
        await gate.post(target, token=helpdesk, method="DELETE"),
        await gate.post(f"{target}set_password/", {}, token=helpdesk),
        await gate.post(f"{target}deactivate/", {}, token=helpdesk),
        await gate.post(
            f"{USERS}bulk/",
            {"set": {"is_active": False}, "ids": [target.split("/")[3]], "atomic": True},
            token=helpdesk,
        ),
    ]
    assert {a.status_code for a in tries} == {403}, [a.text for a in tries]
    assert {problem(a)["code"] for a in tries} == {"escalation"}


async def test_helpdesk_does_its_work_on_those_who_hold_no_more(gate, helpdesk):
    target = await path_of(gate, await gate.user("helpdesk"))
    answer = await gate.post(target, {"name": "Renamed"}, token=helpdesk, method="PATCH")
    assert answer.status_code == 200, answer.text
    assert (await gate.post(f"{target}set_password/", {}, token=helpdesk)).status_code == 200
    assert (await gate.post(f"{target}deactivate/", {}, token=helpdesk)).status_code == 200


async def test_key_of_an_administrator_is_held_to_its_scopes(gate, admin):
    """E11, D10: a key that may only create users cannot make an administrator."""
    scopes = ["core.user.create", "core.user.list", "core.user.view", "core.user.update"]
    body = {"name": "Sync", "scopes": scopes}
    key = (await gate.post("/api/api-keys/", body, token=admin)).json()["key"]
    new = {"email": "made@acme.example", "name": "x", "roles": ["admin"]}
    made = await gate.post(USERS, {**new, "roles": []}, token=key)
    assert made.status_code == 201
    id = made.json()["id"]
    raised = {"roles": ["admin"]}
    tries = [
        await gate.post(USERS, {**new, "email": "m2@acme.example"}, token=key),
        await gate.post(f"{USERS}{id}/", raised, token=key, method="PATCH"),
        await gate.post(f"{USERS}bulk/", {"set": raised, "ids": [id]}, token=key),
        await gate.post(
            f"{USERS}batch/", {"records": [{**new, "email": "m3@acme.example"}]}, token=key
        ),
    ]
    assert {a.status_code for a in tries} == {403}, [a.text for a in tries]
    assert {problem(a)["code"] for a in tries} == {"escalation"}


async def test_nobody_ends_himself(gate):
    email = await gate.user("admin")
    token = (await gate.enter(email))["access"]
    path = await path_of(gate, email)
    tries = [
        await gate.post(path, token=token, method="DELETE"),
        await gate.post(path, {"is_active": False}, token=token, method="PATCH"),
        await gate.post(f"{path}deactivate/", {}, token=token),
    ]
    assert {a.status_code for a in tries} == {409}
    assert {problem(a)["code"] for a in tries} == {"own_account"}


async def test_the_last_administrator_stays(gate):
    """Two administrators of globex who end each other at once: one remains."""
    one, two = [await gate.user("admin", tenant="globex") for _ in range(2)]
    alone = (await gate.enter(one))["access"]
    other = (await gate.enter(two))["access"]
    paths = [await path_of(gate, email) for email in (one, two)]
    answers = await asyncio.gather(
        gate.post(f"{paths[1]}deactivate/", {}, token=alone),
        gate.post(f"{paths[0]}deactivate/", {}, token=other),
    )
    codes = sorted(a.status_code for a in answers)
    assert codes[0] == 200
    assert codes[1] in (401, 409)
    left = await gate.rows(
        "SELECT u.email FROM core_user u JOIN core_tenant t ON t.id = u.tenant_id"
        " WHERE t.slug = 'globex' AND 'admin' = ANY (u.roles) AND u.is_active"
    )
    assert len(left) == 1
    last = left[0]["email"]
    token, path = (alone, paths[0]) if last == one else (other, paths[1])
    stepping_down = await gate.post(path, {"roles": ["staff"]}, token=token, method="PATCH")
    assert stepping_down.status_code == 409
    assert problem(stepping_down)["code"] == "last_admin"


async def test_no_sequence_of_calls_raises_a_sellers_rights(gate):
    """E11: whatever a seller or customer sends, the stored grants stay the same."""
    sql = "SELECT id, roles, is_active, token_version FROM core_user ORDER BY id"
    emails = [await gate.user("seller"), await gate.user("customer")]
    tokens = [(await gate.enter(email))["access"] for email in emails]
    ids = [await gate.user_id(email) for email in emails]
    before = await gate.rows(sql)
    raised = {"roles": ["admin"], "is_active": True, "token_version": 99, "tenant_id": ids[0]}
    for token in tokens:
        for id in ids:
            for method in ("PUT", "PATCH"):
                await gate.post(f"{USERS}{id}/", raised, token=token, method=method)
            for action in ("set_password", "deactivate", "restore", "purge"):
                await gate.post(f"{USERS}{id}/{action}/", raised, token=token)
        await gate.post(USERS, {**raised, "email": "e@x.example", "name": "x"}, token=token)
        await gate.post(f"{USERS}batch/", [raised], token=token)
        await gate.post(f"{USERS}bulk/", {"set": raised, "ids": ids}, token=token)
        await gate.post("/api/api-keys/", {"name": "x", "scopes": ["*"]}, token=token)
        await gate.post("/api/auth/me", raised, token=token, method="PATCH")
    assert await gate.rows(sql) == before


async def test_scope_counts_with_its_attribute(gate):
    """E11: a seller's rights cover those of his own company's sellers, and nobody else's."""
    tenant = gate.platform.by_slug["acme"]
    mine, theirs = "01a1fb67-0000-7000-8000-000000000001", "01a1fb67-0000-7000-8000-000000000002"
    seller = Principal(kind="user", id=mine, roles=("seller",), attributes={"company": mine})
    admin = Principal(kind="user", id=mine, roles=("admin",))

    def covered(actor: Principal, *roles: str, company: str | None = None) -> bool:
        rights = tenant.rights(actor.roles)
        return covers(tenant, actor, rights, RightsHolder(roles, {"company": company, "own": mine}))

    assert covered(seller, "seller", company=mine)
    assert covered(seller, "seller")
    assert covered(seller)
    assert not covered(seller, "seller", company=theirs)
    for role in ("staff", "customer", "helpdesk", "admin"):
        assert not covered(seller, role, company=mine), role
        assert covered(admin, role, company=theirs), role
