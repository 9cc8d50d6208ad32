"""The pages of signing in, of setting a password and of one's account, without scripts."""

import re
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest

from core.admin.paths import is_local, local_path
from core.admin.routes import RESERVED
from core.auth.users import administration
from tests.core.browsing import Browser
from tests.core.signing import PASSWORD, WRONG, Gate, open_gate

NEW = "a brand new secret phrase"
# F12: what browsers, proxies and parsers have been known to read as another site's address.
ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "////evil.example/app/",
    "/\\evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "\\/\\/evil.example",
    "https://evil.example",
    "https:evil.example",
    "https:/evil.example",
    "http:///evil.example",
    "HTTPS://EVIL.EXAMPLE",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    " //evil.example",
    "\t//evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/app/\r\nLocation: https://evil.example",
    "/app/\x00/",
    "/app//evil.example",
    "/app/..//evil.example",
    "/app/../../evil.example",
    "/app/./x",
    "/app/%2e%2e/%2e%2e/x",
    "/app/%2f%2fevil.example",
    "/app/%5cevil.example",
    "/%2fevil.example",
    "/app\\evil.example",
    "/app/x\\..\\y",
    "@evil.example",
    "/app/@evil.example/",
    "//acme.localhost@evil.example",
    "https://acme.localhost.evil.example/app/",
    "//evil.example/app/",
    ".evil.example",
    "/apps/",
    "/application",
    "/api/users/",
    "/app/customers/?next=\r\nx",
    "/app/customers/#//evil.example",
    "/app/\u2025/x",
    "/app/\uff0f\uff0fevil.example",
    "/app/" + "a" * 3000,
    "app/",
    "",
    "/app/login/",
    "/app/logout/?x",
    "/app/reset",
]


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    async with open_gate(test_server, tmp_path_factory.mktemp("door")) as opened:
        yield opened


@pytest.fixture
async def browser(gate) -> Browser:
    return Browser(gate)


async def test_sign_in_look_round_and_sign_out(gate, browser):
    """Ruling 34, C12: and the browser forgets what it showed."""
    email = await gate.user("staff")
    away = await browser.get("/app/")
    assert (away.status_code, away.headers["location"]) == (303, "/app/login/")
    answer = await browser.login(email)
    assert (answer.status_code, answer.headers["location"]) == (303, "/app/")
    home = await browser.get("/app/")
    assert home.status_code == 200
    assert email in home.text
    out = await browser.post("/app/logout/", page="/app/")
    assert out.headers["location"] == "/app/login/?notice=signed_out"
    assert out.headers["clear-site-data"] == '"cache", "storage"'
    assert browser.secret is None
    assert not await browser.inside()
    assert "You have signed out." in (await browser.get("/app/login/?notice=signed_out")).text


async def test_login_leads_back(gate, browser):
    """A session that ended returns to the page after signing in."""
    email = await gate.user("staff")
    wanted = "/app/account/security/?x=1&y=a%20b"
    away = await browser.get(wanted)
    assert away.headers["location"] == f"/app/login/?next={quote(wanted, safe='')}"
    page = await browser.get(away.headers["location"])
    assert f'name="next" value="{wanted.replace("&", "&amp;")}"' in page.text
    answer = await browser.login(email, next=wanted)
    assert answer.headers["location"] == wanted
    again = await browser.get(away.headers["location"])
    assert (again.status_code, again.headers["location"]) == (303, wanted)


@pytest.mark.parametrize("text", ELSEWHERE)
def test_no_spelling_leads_elsewhere(text):
    assert local_path(text) == "/app/"


async def test_open_redirects_lead_home(gate, browser):
    """F12: over HTTP too, from the form and from the address."""
    email = await gate.user("staff")
    for text in ELSEWHERE[:12]:
        assert (await browser.login(email, next=text)).headers["location"] == "/app/"
        answer = await browser.get(f"/app/login/?next={quote(text, safe='')}")
        assert answer.headers["location"] == "/app/"
        browser.client.cookies.clear()


@pytest.mark.parametrize(
    "path", ["/app/", "/app/customers/", "/app/customers/0198-ab/?tab=history&q=%C3%A4", "/app/a~b"]
)
def test_our_own_pages_are_local(path):
    assert is_local(path)
    assert local_path(path) == path


@pytest.mark.parametrize("wrong", ["password", "email", "nobody", "empty", "long", "inactive"])
async def test_refused_logins_say_the_same(gate, browser, wrong):
    """D1: which of them was wrong is nobody's business; the address is kept."""
    email = await gate.user("staff")
    form = {
        "password": (email, WRONG),
        "email": (f"x{email}", PASSWORD),
        "nobody": ("nobody at all", PASSWORD),
        "empty": ("", ""),
        "long": (email, "x" * 2000),
        "inactive": (email, PASSWORD),
    }
    if wrong == "inactive":
        await gate.rows("UPDATE core_user SET is_active = false WHERE email = $1", email)
    answer = await browser.login(*form[wrong])
    assert answer.status_code == 401
    assert "E-mail or password is wrong." in answer.text
    assert "www-authenticate" not in answer.headers
    assert browser.secret is None
    assert WRONG not in answer.text
    assert f'value="{form[wrong][0]}"' in answer.text


async def test_throttled_login_says_what_to_do(gate, browser):
    """D3: and how long to wait."""
    email = await gate.user("staff")
    for _ in range(12):
        answer = await browser.login(email, WRONG)
        if answer.status_code == 429:
            break
    assert answer.status_code == 429
    wait = answer.headers["retry-after"]
    assert f"Wait {wait} seconds, then try again." in answer.text
    assert f'value="{email}"' in answer.text


async def test_login_of_another_tenant_is_wrong_here(gate, browser):
    email = await gate.user("staff", tenant="globex")
    assert (await browser.login(email)).status_code == 401
    assert (await browser.login(email, tenant="globex")).status_code == 401


async def test_plain_address_offers_the_tenants(gate):
    """At 127.0.0.1 there is no tenant yet: links to their hosts."""
    browser = Browser(gate, "127.0.0.1:8000")
    page = (await browser.get("/app/login/")).text
    assert 'href="http://acme.localhost:8000/app/login/"' in page
    assert 'href="http://globex.localhost:8000/app/login/"' in page


async def test_foreign_address_lists_nobody_and_takes_a_name(gate):
    browser = Browser(gate, "crm.example", "https")
    page = (await browser.get("/app/login/")).text
    assert "globex" not in page
    assert 'name="tenant"' in page
    email = await gate.user("staff", tenant="globex")
    unknown = await browser.post(
        "/app/login/",
        {"email": email, "password": PASSWORD, "tenant": "nowhere"},
        page="/app/login/?tenant=nowhere",
    )
    assert unknown.status_code == 401
    answer = await browser.post(
        "/app/login/",
        {"email": email, "password": PASSWORD, "tenant": "globex"},
        page="/app/login/?tenant=globex",
    )
    assert answer.status_code == 303
    assert email in (await browser.get("/app/")).text


async def test_short_addresses_lead_to_the_pages(gate, browser):
    """ADM-06: the page /customers."""
    for path, target in (("/customers", "/app/customers/"), ("/", "/app/")):
        answer = await browser.get(path)
        assert (answer.status_code, answer.headers["location"]) == (302, target)
    lost = await browser.get("/nothing", accept="text/html")
    assert (lost.status_code, lost.headers["content-type"]) == (404, "text/html; charset=utf-8")
    plain = await browser.get("/nothing")
    assert plain.headers["content-type"] == "application/problem+json"
    strange = await browser.get("/api/nothing/", accept="text/html")
    assert strange.headers["content-type"] == "application/problem+json"
    assert (await browser.get("/evil.example")).status_code == 404


async def test_own_pages_lie_where_no_entity_may(gate):
    """A plugin's entity cannot hide a page of the kernel, nor the reverse."""
    entities = gate.platform.registry.entities.values()
    resources = {e.resource for e in entities if e.plugin != "core"}
    assert not resources & RESERVED
    resources |= {e.resource for e in entities}
    for route in gate.world.app.state.routes:
        parts = route.path.strip("/").split("/")
        if parts[0] == "app" and len(parts) > 1:
            assert parts[1] in RESERVED | resources, route.path


async def test_asking_for_a_password_says_the_same_for_all(gate, browser):
    """D1: and leaves a note for the administrator only where there is somebody."""
    email = await gate.user("staff")
    answers = [
        await browser.post("/app/reset/", {"email": text}) for text in (email, "x" + email, "?")
    ]
    assert {a.headers["location"] for a in answers} == {"/app/login/?notice=asked"}
    assert await gate.events(email) == ["reset_requested"]


async def test_password_is_set_by_a_link_once(gate, browser):
    """D8: single use; sessions end."""
    email = await gate.user("staff")
    await browser.enter(email)
    acme = gate.platform.by_slug["acme"]
    token = await administration.reset_link(gate.platform, acme, email)
    other, page = Browser(gate), f"/app/reset/?token={token}"
    differ = {"token": token, "password": NEW, "again": "x" + NEW}
    answer = await other.post("/app/reset/", differ, page=page)
    assert answer.status_code == 400
    assert "The two passwords differ." in answer.text
    weak = {"token": token, "password": "short", "again": "short"}
    answer = await other.post("/app/reset/", weak, page=page)
    assert answer.status_code == 400
    assert "at least 10 characters" in answer.text
    assert token in answer.text
    good = {"token": token, "password": NEW, "again": NEW}
    answer = await other.post("/app/reset/", good, page=page)
    assert answer.headers["location"] == "/app/login/?notice=password_set"
    assert not await browser.inside()
    spent = await other.post("/app/reset/", good, page=page)
    assert spent.status_code == 404
    assert "This link has been used or is too old." in spent.text
    assert (await other.login(email, NEW)).status_code == 303


async def test_name_and_preferences_are_saved(gate, browser):
    """Per person, in force on the next page."""
    email = await gate.user("seller")
    await browser.enter(email)
    path = "/app/account/"
    answer = await browser.post("/app/account/profile/", {"name": "Ayu <b>Lestari"}, page=path)
    assert answer.status_code == 303
    page = (await browser.get(path)).text
    assert "Your name is saved." in page
    assert "Ayu &lt;b&gt;Lestari" in page
    assert "Your name is saved." not in (await browser.get(path)).text
    form = {"locale": "en", "timezone": "Asia/Tokyo", "mode": "dark"}
    assert (await browser.post("/app/account/likes/", form, page=path)).status_code == 303
    page = (await browser.get(path)).text
    assert 'data-mode="dark"' in page
    assert '<option value="Asia/Tokyo" selected>' in page
    assert not re.search(r'name="shortcuts"[^>]*checked|checked[^>]*name="shortcuts"', page)
    back = {"referer": f"{browser.origin}/app/account/security/"}
    sent = await browser.post("/app/account/mode/", {"mode": "light"}, page=path, **back)
    assert sent.headers["location"] == "/app/account/security/"
    assert 'data-mode="light"' in (await browser.get(path)).text


@pytest.mark.parametrize(
    ("action", "form", "words"),
    [
        ("profile", {"name": "  "}, "Write your name"),
        ("profile", {"name": "x" * 201}, "Write your name"),
        ("likes", {"locale": "xx"}, "Choose a language"),
        ("likes", {"timezone": "Mars/Olympus"}, "Choose a time zone"),
        ("likes", {"mode": "pink"}, "Choose one of the list"),
    ],
)
async def test_wrong_entries_stand_beside_their_field(gate, browser, action, form, words):
    await browser.enter(await gate.user("staff"))
    answer = await browser.post(f"/app/account/{action}/", form, page="/app/account/")
    assert answer.status_code == 400
    assert words in answer.text


async def test_api_keys_are_made_shown_once_and_ended(gate, browser):
    """D10: shown once; its rights are at most its maker's."""
    await browser.enter(await gate.user("staff"))
    path = "/app/account/keys/"
    assert "You have no keys" in (await browser.get(path)).text
    form = {"name": "Nightly export", "reach": "read", "days": "30"}
    answer = await browser.post(path, form)
    assert answer.status_code == 201
    key = re.findall(r'value="(crm_[^"]+)"', answer.text)[0]
    page = (await browser.get(path)).text
    assert "Nightly export" in page
    assert key not in page
    assert (await gate.get("/api/customers/", key)).status_code == 200
    end = re.findall(r'action="(/app/account/keys/[^"]+/revoke/)"', page)[0]
    assert (await browser.post(end, page=path)).status_code == 303
    assert (await gate.get("/api/customers/", key)).status_code == 401
    assert (await browser.post(end, page=path)).status_code == 404


async def test_key_with_foreign_rights_is_refused(gate, browser):
    await browser.enter(await gate.user("staff"))
    form = {"name": "More", "reach": "chosen", "scope": "core.user.delete", "days": ""}
    answer = await browser.post("/app/account/keys/", form)
    assert answer.status_code == 400
    assert "You do not hold" in answer.text
    nameless = {"name": " ", "reach": "read"}
    answer = await browser.post("/app/account/keys/", nameless)
    assert "Give the key a name" in answer.text
    seller = await Browser(gate).enter(await gate.user("seller"))
    assert (await seller.get("/app/account/keys/")).status_code == 403
