"""Sessions of browsers: never planted, renewed where rights change, ended at once (D4, D5)."""

import re
from collections.abc import AsyncIterator
from secrets import token_urlsafe

import pytest

from core.auth.users import administration
from tests.core.browsing import COOKIE, Browser
from tests.core.signing import PASSWORD, WRONG, Gate, open_gate

NEW = "a brand new secret phrase"
SECURITY = "/app/account/security/"
OF_USER = "user_id = (SELECT id FROM core_user WHERE email = $1)"


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    async with open_gate(test_server, tmp_path_factory.mktemp("browsers")) as opened:
        yield opened


async def signed_in(gate: Gate, *roles: str) -> tuple[str, Browser]:
    email = await gate.user(*(roles or ("staff",)))
    return email, await Browser(gate).enter(email)


def plant(browser: Browser, value: str) -> None:
    browser.client.cookies.clear()
    browser.client.cookies.set(COOKIE, value, domain="acme.localhost")


@pytest.mark.parametrize("secure", [False, True])
async def test_cookie_says_what_it_must(gate, secure):
    """Ruling 34: __Host- and Secure, except over http on this machine."""
    host, scheme = ("acme.example", "https") if secure else ("acme.localhost", "http")
    browser = Browser(gate, host, scheme)
    email = await gate.user("staff")
    answer = await browser.post(
        "/app/login/",
        {"email": email, "password": PASSWORD, "tenant": "acme"},
        page="/app/login/?tenant=acme",
    )
    cookies = answer.headers.get_list("set-cookie")
    name = "__Host-crm" if secure else "crm_session"
    found = next(c for c in cookies if re.match(rf"{name}=crs_\d+_[\w-]{{43}};", c))
    parts = found.split("; ")[1:]
    assert parts == ["Path=/", "HttpOnly", "SameSite=Lax", *(["Secure"] if secure else [])]


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "[::1]:8000", "localhost", "a.localhost:1"])
async def test_this_machine_is_known_by_its_names(gate, host):
    answer = await Browser(gate, host).get("/app/login/?tenant=acme")
    assert answer.headers["set-cookie"].startswith("crm_session-visitor=")


@pytest.mark.parametrize("host", ["192.168.1.5", "acme.localhost.evil.example", "127.0.0.1.nip.io"])
async def test_other_machines_get_secure_cookies_only(gate, host):
    answer = await Browser(gate, host).get("/app/login/?tenant=acme")
    assert answer.headers["set-cookie"].startswith("__Host-crm-visitor=")
    assert answer.headers["set-cookie"].endswith("Secure")


async def test_secret_is_stored_as_digest_only(gate):
    _, browser = await signed_in(gate)
    secret = browser.secret.split("_", 2)[2]
    rows = await gate.rows("SELECT s::text AS row FROM core_session s")
    assert not [r for r in rows if secret in r["row"]]


async def test_planted_session_is_never_adopted(gate):
    """D4: before and after the victim signs in, the planted one opens nothing."""
    acme = gate.platform.by_slug["acme"]
    planted = f"crs_{acme.number}_{token_urlsafe(32)}"
    victim = Browser(gate)
    plant(victim, planted)
    assert not await victim.inside()
    await victim.enter(await gate.user("staff"))
    assert victim.secret != planted
    thief = Browser(gate)
    plant(thief, planted)
    assert not await thief.inside()


async def test_old_session_is_dead_after_signing_in_anew(gate):
    """D4: the thief who had it is out."""
    email, browser = await signed_in(gate)
    old = browser.secret
    login = Browser(gate)
    page = await login.token("/app/login/")
    visitor = login.client.cookies.get(f"{COOKIE}-visitor")
    plant(login, old)
    login.client.cookies.set(f"{COOKIE}-visitor", visitor, domain="acme.localhost")
    form = {"email": email, "password": PASSWORD, "_csrf": page}
    assert (await login.post("/app/login/", form)).status_code == 303
    assert login.secret != old
    assert not await browser.inside()
    assert await login.inside()


@pytest.mark.parametrize("kind", ["wrong", "other_tenant", "short", "long", "empty", "refresh"])
async def test_strange_cookies_are_nobody(gate, kind):
    email, browser = await signed_in(gate)
    good = browser.secret
    number, secret = good.removeprefix("crs_").split("_", 1)
    refresh = (await gate.enter(email))["refresh"]
    strange = {
        "wrong": f"crs_{number}_{'A' * 43}",
        "other_tenant": f"crs_{int(number) + 1}_{secret}",
        "short": good[:-1],
        "long": good + "A",
        "empty": "",
        "refresh": f"crs_{number}_{refresh.split('_', 2)[2].split('.')[0]}",
    }
    plant(browser, strange[kind])
    answer = await browser.get("/app/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/app/login/")


async def test_repeated_cookie_signs_nobody_in(gate):
    _, browser = await signed_in(gate)
    twice = f"{COOKIE}={browser.secret}; {COOKIE}=planted"
    browser.client.cookies.clear()
    assert (await browser.get("/app/", cookie=twice)).status_code == 303


async def test_cookie_of_a_tenant_is_nothing_at_another(gate):
    _, browser = await signed_in(gate)
    other = Browser(gate, "globex.localhost")
    other.client.cookies.set(COOKIE, browser.secret, domain="globex.localhost")
    assert (await other.get("/app/")).status_code == 303
    assert await browser.inside()


async def test_cookie_is_nothing_to_the_api_and_a_token_nothing_to_pages(gate):
    """REST takes only Authorization, pages only the cookie."""
    email, browser = await signed_in(gate, "admin")
    assert (await browser.get("/api/auth/me/")).status_code == 401
    assert (await browser.get("/api/users/")).status_code == 401
    access = (await gate.enter(email))["access"]
    answer = await Browser(gate).get("/app/", authorization=f"Bearer {access}")
    assert answer.status_code == 303
    secret = browser.secret.removeprefix("crs_")
    body = {"refresh": f"crr_{secret}.{secret.partition('_')[2]}"}
    assert (await gate.post("/api/auth/refresh", body)).status_code == 401
    assert await browser.inside()


@pytest.mark.parametrize(
    "change", ["roles = '{seller}'", "is_active = false", "deleted_at = now()"]
)
async def test_change_of_a_person_ends_his_sessions_within_a_request(gate, change):
    """D5: role change, deactivation, deletion."""
    email, browser = await signed_in(gate)
    assert await browser.inside()
    await gate.rows(f"UPDATE core_user SET {change} WHERE email = $1", email)
    answer = await browser.get(SECURITY)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/app/login/?next=")
    assert answer.headers["set-cookie"].startswith(f"{COOKIE}=; ")


@pytest.mark.parametrize("column", ["expires_at", "revoked_at", "deleted_at"])
async def test_ended_session_opens_nothing(gate, column):
    email, browser = await signed_in(gate)
    await gate.rows(
        f"UPDATE core_session SET {column} = now() - interval '1 second' WHERE {OF_USER}", email
    )
    assert not await browser.inside()


async def test_session_ends_idle_and_absolutely(gate):
    """D5: 30 minutes, 12 hours; what was used is written together, never beyond the end."""
    email, browser = await signed_in(gate)
    times = (
        "SELECT round(extract(epoch FROM expires_at - now()) / 60)::int AS idle,"
        " round(extract(epoch FROM ends_at - now()) / 60)::int AS whole"
        f" FROM core_session WHERE {OF_USER}"
    )
    first = (await gate.rows(times, email))[0]
    assert (first["idle"], first["whole"]) == (30, 720)
    soon = "expires_at = now() + interval '5 minutes'"
    await gate.rows(f"UPDATE core_session SET {soon} WHERE {OF_USER}", email)
    assert await browser.inside()
    assert (await gate.rows(times, email))[0]["idle"] == 5
    await gate.auth.write_last_used()
    assert (await gate.rows(times, email))[0]["idle"] == 30
    last = "ends_at = now() + interval '9 minutes'"
    await gate.rows(f"UPDATE core_session SET {last} WHERE {OF_USER}", email)
    assert await browser.inside()
    await gate.auth.write_last_used()
    assert (await gate.rows(times, email))[0]["idle"] == 9


async def test_use_shortly_before_the_end_is_written_at_once(gate):
    email, browser = await signed_in(gate)
    soon = "expires_at = now() + interval '20 seconds'"
    await gate.rows(f"UPDATE core_session SET {soon} WHERE {OF_USER}", email)
    assert await browser.inside()
    await gate.auth._writing
    left = (
        f"SELECT expires_at > now() + interval '25 minutes' AS f FROM core_session WHERE {OF_USER}"
    )
    assert (await gate.rows(left, email))[0]["f"]


async def test_password_change_renews_this_session_and_ends_the_others(gate):
    """D4, D5: refresh tokens too."""
    email, browser = await signed_in(gate)
    other, tokens, old = await Browser(gate).enter(email), await gate.enter(email), browser.secret
    form = {"old": PASSWORD, "password": NEW, "again": NEW}
    answer = await browser.post("/app/account/password/", form, page=SECURITY)
    assert (answer.status_code, answer.headers["location"]) == (303, SECURITY)
    assert browser.secret != old
    assert "Your password is changed." in (await browser.get(SECURITY)).text
    thief = Browser(gate)
    plant(thief, old)
    assert not await thief.inside()
    assert not await other.inside()
    refresh = await gate.post("/api/auth/refresh", {"refresh": tokens["refresh"]})
    assert refresh.status_code == 401
    assert "password_changed" in await gate.events(email)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"old": WRONG, "password": NEW, "again": NEW}, "The old password is wrong."),
        ({"old": PASSWORD, "password": NEW, "again": "x"}, "The two passwords differ."),
        ({"old": PASSWORD, "password": "short", "again": "short"}, "at least 10 characters"),
    ],
)
async def test_refused_password_changes_stand_beside_their_field(gate, form, words):
    _, browser = await signed_in(gate)
    answer = await browser.post("/app/account/password/", form, page=SECURITY)
    assert answer.status_code == 400
    assert words in answer.text
    assert NEW not in answer.text
    assert await browser.inside()


async def test_password_set_on_the_host_ends_sessions(gate):
    email, browser = await signed_in(gate)
    await administration.set_password(gate.platform, gate.platform.by_slug["acme"], email, NEW)
    assert not await browser.inside()


async def test_sessions_are_listed_and_ended(gate):
    """D5: list and revoke; a program's sessions too, and only one's own."""
    email, browser = await signed_in(gate)
    other, tokens = await Browser(gate).enter(email), await gate.enter(email)
    page = (await browser.get(SECURITY)).text
    ends = set(re.findall(r'action="(/app/account/sessions/[^"]+/end/)"', page))
    assert len(ends) == 3
    _, stranger = await signed_in(gate)
    foreign = await stranger.post(sorted(ends)[0], page=SECURITY)
    assert foreign.status_code == 404
    assert (await browser.post("/app/account/sessions/end_others/", page=SECURITY)).is_redirect
    assert not await other.inside()
    assert (await gate.get("/api/auth/me/", tokens["access"])).status_code == 401
    assert await browser.inside()
    page = (await browser.get(SECURITY)).text
    (own,) = re.findall(r'action="(/app/account/sessions/[^"]+/end/)"', page)
    out = await browser.post(own, page=SECURITY)
    assert out.headers["location"] == "/app/login/?notice=signed_out"
    assert not await browser.inside()


async def test_writes_from_pages_name_their_author(gate):
    """The same audit as with REST: who, in which session, by which route."""
    email, browser = await signed_in(gate)
    await browser.post("/app/account/profile/", {"name": "Renamed"}, page="/app/account/")
    rows = await gate.rows(
        "SELECT q.* FROM core_audit_entry e JOIN core_audit_request q ON q.id = e.request_id"
        " WHERE e.record_id = $1::uuid ORDER BY e.at DESC LIMIT 1",
        await gate.user_id(email),
    )
    assert rows
    found = str(dict(rows[0]))
    assert "/app/account/profile" in found
    assert await gate.user_id(email) in found
