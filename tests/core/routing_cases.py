"""Requests whose answers the look-up of a path decides, and how an answer is written down."""

from typing import Any

import httpx

ID = "01980000-0000-7000-8000-000000000000"
ORIGIN = {"origin": "https://front.example"}
HTML = {"accept": "text/html"}
# What of an answer is the look-up's doing; the rest has tests of its own.
HEADERS = ("content-type", "location", "vary", "access-control-allow-origin")
UNKNOWN = (
    "/nothing/at/all",
    "/api",
    "/api/nothing",
    "/api/nothing/",
    f"/api/customers/{ID}/nothing",
    f"/api/customers/{ID}/history/nothing",
    "/api/customers/query/nothing",
    f"/api/customers%2F{ID}/nothing",
    "/app/nothing",
    f"/app/customers/{ID}/nothing/",
    "/app/static",
    "/app/static/nothing.css",
    "/api/docs/nothing.js",
    "/evil.example",
    "/health/nothing",
)
KNOWN = (
    "/",
    "/customers",
    "/health",
    "/health/",
    "//health",
    "/api/customers",
    "/api/customers/",
    "//api///customers//",
    "/api%2Fcustomers",
    "/api/crm/customers/",
    "/api/accounts/login/",
    "/api/customers/batch",
    "/api/customers/query/",
    "/api/customers/trash",
    "/api/customers/options",
    "/api/customers/bulk",
    "/api/customers/credit",
    f"/api/customers/{ID}",
    f"/api/customers/{ID}/",
    f"/api/customers/{ID}%2Fhistory",
    f"/api/customers/{ID}/restore",
    f"/api/customers/{ID}/purge/",
    f"/api/customers/{ID}/history/stats",
    f"/api/customers/{ID}/make_vip",
    f"/api/customers/detailed-profile/{ID}/",
    "/api/customers/advanced_search/",
    "/api/dummy/ping",
    "/api/devices/stats",
    f"/api/devices/{ID}/inspect",
    "/api/auth/login",
    "/api/auth/me",
    f"/api/auth/sessions/{ID}",
    "/api/settings/loyalty",
    "/api/apps/loyalty/enable",
    "/api/search",
    "/api/audit",
    "/api/openapi.json",
    "/app",
    "/app/login",
    "/app/logout",
    "/app/account/profile",
    "/app/customers/",
    "/app/customers/new",
    f"/app/customers/{ID}/edit",
    "/app/customers/dashboard",
    "/app/static/nothing.css",
)
METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "BREW")


def cases() -> list[tuple[str, str, str]]:
    """Return method, path, and what is sent along."""
    found = [(method, path, "") for path in UNKNOWN for method in ("GET", "POST", "OPTIONS")]
    found += [(method, path, "") for path in KNOWN for method in METHODS]
    found += [(m, p, "html") for p in ("/nothing", "/app/nothing", "/app/logout") for m in METHODS]
    places = ("/api/customers/", "/api/nothing", "/app/login")
    found += [(m, p, "origin") for p in places for m in ("GET", "PUT", "OPTIONS")]
    return found


async def answer(client: httpx.AsyncClient, method: str, path: str, along: str) -> dict[str, Any]:
    """Send one request as nobody; return what the look-up is responsible for."""
    sent = {"host": "acme.localhost", **{"html": HTML, "origin": ORIGIN}.get(along, {})}
    reply = await client.request(method, path, headers=sent)
    found: dict[str, Any] = {"status": reply.status_code}
    found |= {name: reply.headers[name] for name in HEADERS if name in reply.headers}
    if "allow" in reply.headers:
        found["allow"] = sorted(reply.headers["allow"].split(", "))
    if reply.headers.get("content-type") == "application/problem+json" and reply.content:
        found["body"] = {k: v for k, v in reply.json().items() if k != "request_id"}
    return found
