"""Hosts, proxies and aliases: what of a request's address is believed (D9)."""

import base64
from urllib.parse import urlsplit

import httpx
import pytest

PARTS = """
[server]
{server}
[plugins]
installed = [{{installed}}]
[tenants.acme]
hosts = ["acme.localhost"]
plugins = [{{installed}}]
{acme}
[tenants.globex]
hosts = ["globex.localhost"]
plugins = [{{installed}}]
"""


@pytest.fixture
async def serve(make_world):
    async def serving(server="", acme=""):
        return await make_world(config=PARTS.format(server=server, acme=acme))

    return serving


async def test_an_alias_is_another_name_of_the_same_path(serve):
    """Links in an answer keep the words of the request, so that a client stays on its paths."""
    world = await serve('aliases = {{ "/api/crm" = "/api", "/api/crm/machines" = "/api/devices" }}')
    staff = await world.person("staff")
    made = await world.ask(staff, "POST", "/api/crm/machines/", {"name": "A"})
    assert made.headers["location"].startswith("http://testserver/api/crm/machines/")
    assert (await world.ask(staff, "GET", made.headers["location"])).json() == made.json()
    for path in ("/api/crm/devices/", "/api/devices/", "/api/crm/machines"):
        assert (await world.ask(staff, "GET", path)).json()["count"] == 1
    await world.ask(staff, "POST", "/api/devices/", {"name": "B"})
    page = await world.ask(staff, "GET", "/api/crm/machines/?page_size=1")
    assert urlsplit(page.json()["next"]).path == "/api/crm/machines/"
    wrong = await world.ask(staff, "GET", "/api/crm/machines/x/")
    assert wrong.json()["instance"] == "/api/crm/machines/x/"
    assert (await world.ask(staff, "GET", "/api/crmx/")).status_code == 404


async def test_a_tenants_aliases_are_its_own(serve):
    """Named by token, API key or host; another tenant does not have them."""
    world = await serve(acme='aliases = {{ "/api/gadgets" = "/api/devices" }}')
    staff = await world.person("staff")
    other = await world.person("staff", tenant="globex")
    assert (await world.ask(staff, "GET", "/api/gadgets/")).status_code == 200
    assert (await world.ask(other, "GET", "/api/gadgets/")).status_code == 404
    admin = await world.person("admin")
    made = await world.ask(
        admin, "POST", "/api/auth/api_keys/", {"name": "K", "scopes": ["dummy.device.*"]}
    )
    if made.status_code == 201:
        key = {"authorization": f"Bearer {made.json()['key']}"}
        answer = await world.client.get("/api/gadgets/", headers=key)
        assert answer.status_code == 200, answer.text
    assert (await world.ask(None, "GET", "/api/gadgets/")).status_code == 401, "acme's host"
    claims = base64.urlsafe_b64encode(b'{"x":' + b"[" * 5000).decode()
    hostile = ("crm_", "crm_x_y", "crm_99999999999999999999_a", "a.b.c", "a.!.c", "é")
    for raw in (*hostile, f"a.{claims}.c"):
        sent = {"authorization": f"Bearer {raw}".encode(), "host": "acme.localhost"}
        answer = await world.client.get("/api/gadgets/", headers=sent)
        assert answer.status_code in (401, 404)


async def test_unknown_hosts_are_refused_where_hosts_are_named(serve):
    """D9: 400 for any other Host; a tenant's own hosts and the base URL's are known."""
    world = await serve(
        'allowed_hosts = ["api.example.com", "*.shop.example", "10.0.0.0/8"]\n'
        'base_url = "https://crm.example.com"'
    )
    staff = await world.person("staff")
    for host in (
        "api.example.com",
        "API.example.com:8443",
        "a.shop.example",
        "10.1.2.3:8000",
        "acme.localhost:8000",
        "crm.example.com",
    ):
        answer = await world.ask(staff, "GET", "/api/devices/", headers={"host": host})
        assert answer.status_code == 200, host
    for host in (
        "evil.example",
        "api.example.com.evil.example",
        "evilapi.example.com",
        "shop.example",
        "evilshop.example",
        "11.0.0.1",
        "[::1]:80",
        "",
        "api.example.com@evil",
    ):
        answer = await world.ask(staff, "GET", "/api/devices/", headers={"host": host})
        assert (answer.status_code, answer.json()["code"]) == (400, "host"), host


async def test_links_begin_with_the_base_url_whatever_the_headers_say(serve):
    """D9: no Host and no forwarded header gets into an address that the server writes."""
    world = await serve('base_url = "https://crm.example.com/"')
    staff = await world.person("staff")
    for _ in range(2):
        await world.ask(staff, "POST", "/api/devices/", {"name": "A"})
    for name in ("host", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-for", "forwarded"):
        for value in ("evil.example", "javascript", "host=evil.example", "evil.example:443"):
            sent = {name: value}
            page = await world.ask(staff, "GET", "/api/devices/?page_size=1", headers=sent)
            assert page.status_code == 200, (sent, page.text)
            assert page.json()["next"].startswith("https://crm.example.com/api/devices/?")
            made = await world.ask(staff, "POST", "/api/devices/", {"name": "A"}, sent)
            assert made.headers["location"].startswith("https://crm.example.com/api/devices/")


@pytest.mark.parametrize("host", ["[", "a:b:c", "::", "a b", "é", "a" * 5000, ":99999", "x:1/y?"])
async def test_a_strange_host_never_breaks_the_server(world, staff, host):
    sent = {"host": host.encode()}
    for who in (staff, None):
        answer = await world.ask(who, "GET", "/api/devices/?page_size=1", headers=sent)
        assert answer.status_code in (200, 400, 401)


async def test_only_a_trusted_proxy_sets_address_and_scheme(serve):
    """D9: X-Forwarded-For and -Proto count from the operator's proxies and from nobody else."""
    world = await serve('trusted_proxies = ["10.0.0.0/8"]')
    staff = await world.person("staff")
    for _ in range(2):
        await world.ask(staff, "POST", "/api/devices/", {"name": "A"})
    for peer, proto, scheme in (
        ("10.0.0.1", "https", "https"),
        ("10.0.0.1", "evil, https", "https"),
        ("10.0.0.1", "evil", "http"),
        ("10.0.0.1", "", "http"),
        ("192.0.2.1", "https", "http"),
        ("nonsense", "https", "http"),
    ):
        transport = httpx.ASGITransport(app=world.app, client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            answer = await client.get(
                "/api/devices/?page_size=1",
                headers={**staff.headers, "x-forwarded-proto": proto, "x-forwarded-for": "1.2.3.4"},
            )
        assert urlsplit(answer.json()["next"]).scheme == scheme, (peer, proto)
