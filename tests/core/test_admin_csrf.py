"""Forms: only our own, only of this session (D13); the headers that every answer carries (F14)."""

from collections.abc import AsyncIterator

import pytest

from core.admin import headers
from tests.core.browsing import COOKIE, Browser
from tests.core.signing import Gate, open_gate

PROFILE = "/app/account/profile/"
ID = "01980000-0000-7000-8000-000000000000"
COUNTED = """
SELECT (SELECT max(updated_at) FROM core_user) AS users,
       (SELECT count(*) FROM core_preference) AS likes,
       (SELECT count(*) FROM core_api_key) AS keys,
       (SELECT count(*) FROM core_session WHERE revoked_at IS NOT NULL) AS ended,
       (SELECT count(*) FROM core_session) AS sessions,
       (SELECT count(*) FROM core_audit_entry) AS audit,
       (SELECT count(*) FROM core_security_event) AS events
"""
WAYS = ("no_token", "foreign_token", "cross_origin", "null_origin", "no_origin", "cross_site",
        "same_site", "http_origin", "text_plain", "no_type", "in_query")  # fmt: skip


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    async with open_gate(test_server, tmp_path_factory.mktemp("forms")) as opened:
        yield opened


def unsafe(gate: Gate) -> list[tuple[str, str]]:
    """Return every page that takes a method which may write."""
    found = []
    for route in gate.world.app.state.routes:
        if route.path.startswith("/app"):
            methods = set(route.methods) - {"GET", "HEAD", "OPTIONS"}
            found += [(method, route.path) for method in methods]
    return sorted(found)


async def send(browser: Browser, method: str, path: str, way: str, token: str, other: str):
    """Send a form in a way that no page of ours would."""
    sent = {
        "origin": browser.origin,
        "sec-fetch-site": "same-origin",
        "content-type": "application/x-www-form-urlencoded",
        "x-csrf-token": token,
    }
    body = b"name=Changed&mode=dark&scope=core.user.view&reach=chosen"
    if way in ("no_token", "in_query"):
        del sent["x-csrf-token"]
    elif way == "foreign_token":
        sent["x-csrf-token"] = other
    elif way == "no_origin":
        del sent["origin"], sent["sec-fetch-site"]
    elif way in ("cross_site", "same_site"):
        sent["sec-fetch-site"] = way.replace("_", "-")
        del sent["origin"]
    elif way in ("text_plain", "no_type"):
        sent["content-type"] = "text/plain"
        if way == "no_type":
            del sent["content-type"]
    elif way != "good":
        origins = {
            "cross_origin": "https://evil.example",
            "null_origin": "null",
            "http_origin": "http://acme.localhost:81",
        }
        sent["origin"] = origins[way]
    query = f"?_csrf={token}" if way == "in_query" else ""
    return await browser.client.request(method, path + query, headers=sent, content=body)


@pytest.mark.parametrize("way", WAYS)
async def test_every_unsafe_page_refuses_what_is_not_ours(gate, way):
    """D13: 403 or 415, and nothing written."""
    browser = await Browser(gate).enter(await gate.user("admin"))
    other = await Browser(gate).enter(await gate.user("admin"))
    token, foreign = await browser.token("/app/"), await other.token("/app/")
    before = await gate.rows(COUNTED)
    routes = unsafe(gate)
    assert len(routes) >= 10
    for method, path in routes:
        address = path.replace("{id:str}", ID).replace("{resource:str}", "users") + "/"
        answer = await send(browser, method, address, way, token, foreign)
        assert answer.status_code in (403, 415), f"{way}: {method} {path} {answer.status_code}"
        assert answer.headers["content-type"].startswith("text/html")
    assert await gate.rows(COUNTED) == before
    assert await browser.inside()


async def test_valid_token_in_field_or_header_is_accepted(gate):
    browser = await Browser(gate).enter(await gate.user("admin"))
    token = await browser.token("/app/")
    answer = await send(browser, "POST", PROFILE, "good", token, "")
    assert answer.status_code == 303
    assert (await browser.post(PROFILE, {"name": "By field"}, page="/app/")).status_code == 303
    # A browser behind a proxy that ends TLS says https where we saw http.
    fine = await browser.post(PROFILE, {"name": "x"}, page="/app/", origin="https://acme.localhost")
    assert fine.status_code == 303


async def test_token_looks_different_each_time(gate):
    """Compressed pages tell nothing about it."""
    browser = await Browser(gate).enter(await gate.user("staff"))
    one, two = await browser.token("/app/"), await browser.token("/app/")
    assert one != two
    for token in (one, two):
        sent = {"name": "Twice", "_csrf": token}
        assert (await browser.post(PROFILE, sent)).status_code == 303


@pytest.mark.parametrize("damage", ["", "x", "A" * 86, "é", "%00"])
async def test_forged_tokens_are_refused(gate, damage):
    browser = await Browser(gate).enter(await gate.user("staff"))
    answer = await browser.post(PROFILE, {"name": "Forged", "_csrf": damage})
    assert answer.status_code == 403


async def test_json_with_a_token_is_accepted_unless_malformed(gate):
    browser = await Browser(gate).enter(await gate.user("staff"))
    token = await browser.token("/app/")
    own = {"origin": browser.origin, "content-type": "application/json", "x-csrf-token": token}
    path = "/app/account/mode/"
    answer = await browser.client.post(path, content=b'{"mode":"dark"}', headers=own)
    assert answer.status_code == 303
    for body in (b"[]", b"{", b"\xff", b'{"a":' * 50):
        answer = await browser.client.post(path, content=body, headers=own)
        assert answer.status_code == 400, body
        assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    "body", [b"name=%ff", b"name=%00", b"name=a%00b", b"&".join([b"a=1"] * 20_001)]
)
async def test_damaged_forms_are_refused(gate, body):
    browser = await Browser(gate).enter(await gate.user("staff"))
    own = {
        "origin": browser.origin,
        "content-type": "application/x-www-form-urlencoded",
        "x-csrf-token": await browser.token("/app/"),
    }
    assert (await browser.client.post(PROFILE, content=body, headers=own)).status_code == 400


async def test_multipart_forms_are_read(gate):
    browser = await Browser(gate).enter(await gate.user("staff"))
    own = {"origin": browser.origin, "x-csrf-token": await browser.token("/app/")}
    files = {"name": (None, "Ayu Lestari"), "logo": ("a.png", b"\x89PNG", "image/png")}
    assert (await browser.client.post(PROFILE, files=files, headers=own)).status_code == 303
    assert "Ayu Lestari" in (await browser.get("/app/account/")).text
    broken = {**own, "content-type": "multipart/form-data; boundary=x"}
    for body in (b"", b"--y--", b"--x\r\n\r\n", b"--x\r\nContent-Disposition: x\r\n\r\na\r\n--x--"):
        answer = await browser.client.post(PROFILE, content=body, headers=broken)
        assert answer.status_code == 400, body


async def test_login_form_is_bound_to_its_browser(gate):
    """Login CSRF: nobody can be signed in to an account of somebody else's choice."""
    email = await gate.user("staff")
    attacker, victim = Browser(gate), Browser(gate)
    token = await attacker.token("/app/login/")
    await victim.get("/app/login/")
    form = {"email": email, "password": "correct pony battery", "_csrf": token}
    answer = await victim.post("/app/login/", form)
    assert answer.status_code == 403
    assert victim.secret is None
    bare = await Browser(gate).post("/app/login/", form)
    assert bare.status_code == 403
    assert "Allow cookies for this address" in bare.text


async def test_form_of_an_ended_session_keeps_what_was_typed(gate):
    """Sign in elsewhere, come back, send again: no password among what is kept."""
    email = await gate.user("staff")
    browser = await Browser(gate).enter(email)
    token = await browser.token("/app/")
    out = "UPDATE core_session SET revoked_at = now() WHERE user_id ="
    await gate.rows(f"{out} (SELECT id FROM core_user WHERE email = $1)", email)
    form = {"name": 'A "long" <text>', "password": "secret words", "_csrf": token}
    answer = await browser.post(PROFILE, form)
    assert answer.status_code == 401
    assert 'href="/app/login/"' in answer.text
    assert 'name="name" value="A &#34;long&#34; &lt;text&gt;"' in answer.text
    assert "secret words" not in answer.text
    await browser.enter(email)
    kept = {"name": 'A "long" <text>', "_csrf": token}
    again = await browser.post(PROFILE, kept)
    assert again.status_code == 403
    assert 'value="A &#34;long&#34; &lt;text&gt;"' in again.text
    fresh = again.text.split('name="_csrf" value="')[-1].split('"')[0]
    assert (await browser.post(PROFILE, {**kept, "_csrf": fresh})).status_code == 303


async def test_foreign_form_gets_nothing_back(gate):
    """What another site sent is not offered to be sent again."""
    browser = await Browser(gate).enter(await gate.user("staff"))
    form = {"name": "Planted", "_csrf": await browser.token("/app/")}
    answer = await browser.post(PROFILE, form, origin="https://evil.example")
    assert answer.status_code == 403
    assert "Planted" not in answer.text


async def test_parts_of_pages_are_answered_in_parts(gate):
    """htmx 4: a toast, or the way to the login page; never a page in a table's cell."""
    email = await gate.user("staff")
    browser = await Browser(gate).enter(email)
    asks = {"hx_request": "true", "hx_current_url": f"{browser.origin}/app/account/keys/?x=1"}
    refused = await browser.get("/app/nothing/here/", **asks)
    assert refused.status_code == 404
    assert refused.headers["hx-retarget"] == "#toaster"
    assert "<html" not in refused.text
    assert 'role="alert"' in refused.text
    moved = await browser.post("/app/account/mode/", {"mode": "dark"}, page="/app/", **asks)
    assert (moved.status_code, moved.headers["hx-redirect"]) == (200, "/app/")
    token = await browser.token("/app/")
    browser.client.cookies.delete(COOKIE)
    away = await browser.get("/app/", **asks)
    assert away.status_code == 401
    back = "/app/login/?next=%2Fapp%2Faccount%2Fkeys%2F%3Fx%3D1"
    assert away.headers["hx-redirect"] == back
    kept = await browser.post(PROFILE, {"name": "Typed", "_csrf": token}, **asks)
    assert (kept.status_code, kept.headers["hx-reswap"]) == (401, "beforeend")
    assert f'href="{back}"' in kept.text
    whole = await browser.get("/app/login/", hx_history_restore_request="true", **asks)
    assert "<html" in whole.text


@pytest.mark.parametrize("text", ["http://[", "//", "http://x:99999999/", "\\", "a" * 5000])
async def test_headers_of_a_broken_browser_break_nothing(gate, text):
    browser = await Browser(gate).enter(await gate.user("staff"))
    asks = {"hx_request": "true", "hx_current_url": text, "referer": text}
    assert (await browser.get("/app/", **asks)).status_code == 200
    sent = await browser.post("/app/account/mode/", {"mode": "dark"}, page="/app/", **asks)
    assert sent.headers["hx-redirect"] == "/app/"


PATHS = {
    "/health/": 200,
    "/api/users/": 401,
    "/api/docs/": 200,
    "/api/nothing/": 404,
    "/customers/": 302,
    "/app/login/": 200,
    "/app/": 303,
    "/app/nothing/": 404,
    "/app/static/nothing.js": 404,
    "/app/account/profile/": 405,
}


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_carries_the_headers(gate, path, secure):
    """F14, C12: pages, the API, redirects and errors alike; HSTS only where there is TLS."""
    browser = Browser(gate, scheme="https" if secure else "http")
    found = await browser.get(path)
    assert found.status_code == PATHS[path]
    sent = found.headers
    assert sent["x-content-type-options"] == "nosniff"
    assert sent["referrer-policy"] == "same-origin"
    assert sent["x-frame-options"] == "DENY"
    assert sent["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in sent["permissions-policy"]
    assert ("strict-transport-security" in sent) is secure
    assert sent["cache-control"] == "no-store"
    assert sent["content-security-policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in sent["content-security-policy"]
    assert "unsafe" not in sent["content-security-policy"]
    for name in ("x-content-type-options", "content-security-policy", "cache-control"):
        assert len(sent.get_list(name)) == 1


async def test_pages_hold_nothing_inline(gate):
    """F3: no script, style or event in the text of a page; static files may be kept."""
    browser = await Browser(gate).enter(await gate.user("admin"))
    for path in ("/app/", "/app/account/", "/app/account/security/", "/app/account/keys/"):
        page = await browser.get(path)
        assert page.status_code == 200
        assert page.headers["content-security-policy"] == headers.POLICY
        text = page.text.lower()
        assert "<style" not in text
        assert " style=" not in text
        assert " onclick=" not in text
        assert all("src=" in tag.split(">")[0] for tag in text.split("<script")[1:])
    style = page.text.split('rel="stylesheet" href="')[1].split('"')[0]
    sent = (await browser.get(style)).headers
    assert "immutable" in sent["cache-control"]
    assert sent["x-content-type-options"] == "nosniff"
