"""The style sheet and the logo of a tenant over HTTP: public, immutable, its own, never hostile."""

import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from tests.core.browsing import Browser
from tests.core.signing import Gate, open_gate

ADDRESS = re.compile(r"/app/brand/[a-z]+-[0-9a-f]+\.css")
LAY = "INSERT INTO core_setting (tenant_id, kind, name, value) VALUES ($1, 'settings', $2, $3)"
LOOK = {"name": "Acme Ltd", "primary": "#7a1fa2", "radius": "0.25rem", "font": "serif"}
HOSTILE = (
    {"primary": "red;} body{display:none"},
    {"primary": "#7a1fa2;background:url(//evil.example)"},
    {"primary_dark": "#fff}</style><script>"},
    {"radius": "1rem;} @import '//evil.example'"},
    {"font": "serif;} *{color:red"},
    {"logo": "data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+"},
    {"logo": "https://evil.example/logo.png"},
)


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    folder = tmp_path_factory.mktemp("brand")
    async with open_gate(test_server, folder, ("customers",)) as opened:
        yield opened


@pytest.fixture(autouse=True)
async def untouched(gate) -> None:
    """Every test begins without a look of its own."""
    await gate.rows("DELETE FROM core_setting")
    for slug in ("acme", "globex"):
        await gate.platform.renew(gate.world.tenant(slug))


async def look(gate: Gate, branding: dict[str, Any], tenant: str = "acme") -> None:
    """Store a look past the screen that would judge it."""
    place, value = gate.world.tenant(tenant), msgspec.json.encode(branding).decode()
    await gate.world.system(tenant).write(
        lambda unit: unit.execute(LAY, place.id, "branding", value)
    )
    await gate.platform.renew(place)


async def sheet(gate: Gate, tenant: str = "acme") -> str:
    """Return the address that a tenant's pages name; nothing where they name none."""
    page = await Browser(gate, f"{tenant}.localhost").get("/app/login/")
    found = ADDRESS.search(page.text)
    return found[0] if found else ""


async def test_the_sheet_is_public_and_cached_for_ever(gate):
    """Ruling 35: the address carries the hash, so it may be kept."""
    assert await sheet(gate) == ""
    await look(gate, LOOK)
    path = await sheet(gate)
    stranger = Browser(gate)
    answer = await stranger.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/css")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "--primary: light-dark(#7a1fa2" in answer.text
    assert "--radius: 0.25rem;" in answer.text
    assert "set-cookie" not in answer.headers
    same = await stranger.get(path, if_none_match=answer.headers["etag"])
    assert (same.status_code, same.content) == (304, b"")
    head = await stranger.client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    await look_again(gate)
    assert await sheet(gate) != path


async def look_again(gate: Gate) -> None:
    await gate.rows("DELETE FROM core_setting")
    await look(gate, {**LOOK, "primary": "#17634b"})


async def test_another_hash_is_answered_but_not_cached(gate):
    """A worker that has not heard of an edit gives what it has."""
    await look(gate, LOOK)
    answer = await Browser(gate).get("/app/brand/acme-0123456789abcdef.css")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"
    for path in ("acme-0123456789abcdef.png", "acme.css", "nobody-0123.css", "-.css"):
        assert (await Browser(gate).get(f"/app/brand/{path}")).status_code == 404, path


async def test_without_a_look_there_is_no_sheet(gate):
    assert (await Browser(gate).get("/app/brand/acme-0123456789abcdef.css")).status_code == 404


async def test_another_tenants_look_is_not_served_here(gate):
    await look(gate, LOOK, "globex")
    path = await sheet(gate, "globex")
    assert (await Browser(gate, "globex.localhost").get(path)).status_code == 200
    for found in (path, "/app/brand/globex-0123456789abcdef.css"):
        assert (await Browser(gate).get(found)).status_code == 404
    assert await sheet(gate) == ""


@pytest.mark.parametrize("branding", HOSTILE, ids=lambda b: next(iter(b)))
async def test_no_stored_value_gets_into_a_sheet_unjudged(gate, branding):
    """Also what was stored past the screen: the name is kept, the rest is not shown."""
    await look(gate, {**LOOK, **branding})
    page = await Browser(gate).get("/app/login/")
    assert not ADDRESS.search(page.text)
    assert "Acme Ltd" in page.text
    for word in ("evil.example", "display:none", "<script>", "svg+xml;base64", "color:red"):
        assert word not in page.text, word
    assert (await Browser(gate).get("/app/brand/acme-0123456789abcdef.css")).status_code == 404
