"""Bytes that no schema describes, at every route, with a good credential: no 5xx and no hang.

``FUZZ_RAW`` requests (default 3,000). The sequence follows from ``FUZZ_SEED``, so that a finding
can be had again.
"""

import asyncio
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from core.rest.openapi.document import served_operations
from core.testing.world import World
from tests.fuzz.conftest import ROLES, Target

REQUESTS = int(os.environ.get("FUZZ_RAW", "3000"))
SEED = os.environ.get("FUZZ_SEED", "trellis")
MOST_SECONDS = 2.0
METHODS = (
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "PROPFIND", "X",
)  # fmt: skip
TYPES = (
    "application/json", "application/json; charset=utf-16", "application/problem+json",
    "text/plain", "multipart/form-data", "multipart/form-data; boundary=", "application/xml",
    "application/x-www-form-urlencoded", "", "application/json, text/html", "\x80\xff",
    "application/msgpack", ";", "application/json" * 500,
)  # fmt: skip
WORDS = (
    "", "null", "true", "0", "-1", "1e999", "9" * 400, "NaN", "-0", "%00", "\x00", "\ud800", "🦉",
    "'", '"', "';--", "{}", "[]", "../", "..%2f..%2f", "%c0%ae", "%", "%zz", "a" * 5000,
    "2025-02-30", "9999-12-31T23:59:59+14:00", "0001-01-01T00:00:00-14:00", "infinity",
    "-infinity", "\u0661\u0662", "\r\n", "id", "created_at", "-created_at", "name__in", "\u202e",
    "ß", "\u0130", "%s", "$1", "now", "+9999999999y", "+99999y", "-99999m", "{" * 60, "E" * 300,
    "00000000-0000-0000-0000-000000000000", "1_000", "0x10", " ", "\t", "a,b,,c", "," * 2000,
)  # fmt: skip
Case = dict[str, Any]


class Maker:
    """Makes hostile requests out of the routes and names of an application."""

    def __init__(
        self, world: World, pick: random.Random, ids: list[str], document: dict[str, Any]
    ) -> None:
        self.pick = pick
        self.ids = ids
        self.good = _examples(document)
        self.routes = sorted(
            {(path, method) for path, method, _ in served_operations(world.app.state.routes)}
        )
        self.fields = sorted(
            {n for e in world.platform.registry.entities.values() for n in e.fields}
        )
        self.makers: tuple[Callable[[], bytes], ...] = (
            self.shaped, self.shaped, self.shaped, self.broken, self.random_bytes, self.deep,
            self.huge_number, self.twice, self.truncated, self.wide,
        )  # fmt: skip

    def word(self) -> str:
        return self.pick.choice(WORDS)

    def value(self, depth: int = 0) -> Any:
        plain = [None, True, 0, -1, 2**63, -(2**70), 1e308, 0.1, self.word, self.identifier]
        if depth < 3 and self.pick.random() < 0.3:
            if self.pick.random() < 0.5:
                return [self.value(depth + 1) for _ in range(self.pick.randrange(4))]
            return {self.name(): self.value(depth + 1) for _ in range(self.pick.randrange(4))}
        found = self.pick.choice(plain)
        return found() if callable(found) else found

    def identifier(self) -> str:
        return self.pick.choice(self.ids)

    def name(self) -> str:
        known = [*self.fields, "ids", "filter", "set", "action", "atomic", "records", "criteria",
                 "all", "any", "not", "field", "op", "value", "points", "reason", "choices",
                 "email", "password", "refresh", "tenant", "token", "scopes", "values"]  # fmt: skip
        return self.pick.choice(known) if self.pick.random() < 0.9 else self.word()

    def _text(self, value: Any) -> bytes:
        try:
            return msgspec.json.encode(value)
        except (UnicodeEncodeError, OverflowError, msgspec.MsgspecError, ValueError):
            return repr(value).encode("utf-8", "surrogatepass")

    def shaped(self) -> bytes:
        count = self.pick.randrange(1, 6)
        raw = self._text({self.name(): self.value() for _ in range(count)})
        if self.pick.random() < 0.2:
            escape = self.pick.choice((rb"\ud800", rb"\u0000", rb"\udc00\ud800"))
            raw = raw.replace(b'"', b'"' + escape, 1)
        return raw

    def broken(self) -> bytes:
        raw = bytearray(self.shaped())
        for _ in range(self.pick.randrange(1, 5)):
            raw[self.pick.randrange(len(raw))] = self.pick.randrange(256)
        return bytes(raw)

    def random_bytes(self) -> bytes:
        return self.pick.randbytes(self.pick.randrange(64))

    def deep(self) -> bytes:
        count = self.pick.choice((33, 500, 5000, 100_000))
        kind = self.pick.choice((b"[", b'{"a":', b'{"all":[', b'{"not":', b'{"custom":{"a":'))
        return kind * count

    def huge_number(self) -> bytes:
        digits = self.pick.choice((19, 20, 400, 5000, 100_000))
        form = self.pick.choice((b'{"%s":%s}', b'{"%s":-%s}', b'{"%s":1e%s}', b'{"%s":0.%s}'))
        return form % (self.name().encode("utf-8", "replace"), b"9" * digits)

    def twice(self) -> bytes:
        name = self._text(self.name())
        return b"{%s:1,%s:%s}" % (name, name, self._text(self.value()))

    def truncated(self) -> bytes:
        raw = self.shaped()
        return raw[: self.pick.randrange(len(raw))]

    def wide(self) -> bytes:
        count = self.pick.choice((30, 1001, 20_000))
        kind = self.pick.choice((b'{"ids":[%s]}', b'{"records":[%s]}', b'{"all":[%s]}', b"[%s]"))
        inner = self.pick.choice((b"1", b'""', b"{}", b"null", self._text(self.identifier())))
        return kind % b",".join([inner] * count)

    def path(self) -> tuple[str, str]:
        path, method = self.pick.choice(self.routes)
        while "{" in path:
            head, _, rest = path.partition("{")
            middle = self.identifier() if self.pick.random() < 0.6 else self.word()
            path = head + middle + rest.partition("}")[2]
        if self.pick.random() < 0.1:
            cut = self.pick.randrange(len(path) + 1)
            path = path[:cut] + self.word() + path[cut:]
        if self.pick.random() < 0.5:
            path += "/"
        return path, method if self.pick.random() < 0.9 else self.pick.choice(METHODS)

    def query(self) -> bytes:
        if self.pick.random() < 0.4:
            return b""
        if self.pick.random() < 0.1:
            return self.pick.randbytes(20)
        suffixes = ("", "", "__in", "__gte", "__lt", "__isnull", "__icontains", "__startswith",
                    "__ne", "__bogus", "__", ".id", ".name__in")  # fmt: skip
        own = ("page", "page_size", "cursor", "ordering", "fields", "omit", "expand", "mobile",
               "count", "search", "format", "tenant", "condition", "loyalty_level")  # fmt: skip
        parts = []
        for _ in range(self.pick.randrange(1, 5)):
            name = self.pick.choice(own)
            if self.pick.random() < 0.6:
                name = self.pick.choice(self.fields) + self.pick.choice(suffixes)
            parts.append(f"{name}={self.word()}")
        return "&".join(parts).encode("utf-8", "surrogatepass")

    def headers(self) -> list[tuple[bytes, bytes]]:
        found: list[tuple[bytes, bytes]] = []
        odd = ("if-match", "if-none-match", "idempotency-key", "cookie", "x-tenant-id", "accept",
               "content-length", "accept-encoding", "range", "x-forwarded-for", "x-request-id",
               "content-encoding", "origin", "transfer-encoding", "expect")  # fmt: skip
        for _ in range(self.pick.choice((0, 0, 1, 1, 3))):
            value = self.word() if self.pick.random() < 0.7 else f'"{self.identifier()}-1"'
            found.append((self.pick.choice(odd).encode(), value.encode("utf-8", "surrogatepass")))
        if self.pick.random() < 0.05:
            found.append((b"cookie", self.pick.randbytes(200)))
        return found

    def case(self) -> Case:
        path, method = self.path()
        reads = method in ("GET", "HEAD") and self.pick.random() < 0.9
        body = b"" if reads else self.pick.choice(self.makers)()
        kind = "application/json" if self.pick.random() < 0.85 else self.pick.choice(TYPES)
        headers = [(b"content-type", kind.encode("latin-1", "replace")), *self.headers()]
        query = self.query()
        return {"method": method, "path": path, "query": query, "headers": headers, "body": body}

    def nearly(self) -> Case:
        """Return a request that would be good but for one value."""
        path, method, example = self.pick.choice(self.good)
        good = msgspec.json.decode(msgspec.json.encode(example))
        records = good.get("records", [good])
        if records and records[0] and self.pick.random() < 0.9:
            records[0][self.pick.choice(list(records[0]))] = self.value()
        if self.pick.random() < 0.2:
            good[self.name()] = self.value()
        if "email" in records[0]:
            records[0]["email"] = f"{self.pick.randrange(10**9)}@fuzz.example"
        headers = [(b"content-type", b"application/json")]
        path = path.replace("{id}", self.identifier())
        return {
            "method": method, "path": path, "query": b"", "headers": headers,
            "body": self._text(good),
        }  # fmt: skip


def _examples(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return path, method and body of each operation that has an example, but for signing in."""
    found = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            example = content.get("application/json", {}).get("example")
            if example and not path.startswith("/api/auth/"):
                found.append((path, method.upper(), example))
    return found


async def send(app: Any, case: Case, headers: dict[str, str]) -> int:
    """Give one request to the application as a server would, without a server's own checks."""
    raw = case["path"].encode("utf-8", "surrogatepass")
    own = [(k.encode(), v.encode()) for k, v in headers.items()]
    given = [(k, v) for k, v in case["headers"] if k not in (b"host", b"authorization")]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": case["method"],
        "scheme": "http",
        "path": raw.decode("utf-8", "replace"),
        "raw_path": raw,
        "root_path": "",
        "query_string": case["query"],
        "headers": [*own, *given],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
    status = 0
    body = [case["body"][i : i + 65536] for i in range(0, len(case["body"]), 65536)] or [b""]

    async def receive() -> dict[str, Any]:
        part = body.pop(0) if body else b""
        return {"type": "http.request", "body": part, "more_body": bool(body)}

    async def answer(message: dict[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]

    await app(scope, receive, answer)
    return status


async def identifiers(world: World) -> list[str]:
    """Return ids of live records of each entity, and some of nothing."""
    found = ["0197f2a4-8c1e-7b3d-9e5f-2a6b4c8d0e1f", "00000000-0000-0000-0000-000000000000", "1"]
    for entity in world.platform.registry.entities.values():
        sql = f"SELECT id FROM {entity.table} x WHERE x.tenant_id = $1 LIMIT 20"
        found += [str(r["id"]) for r in await world.system().fetch(sql, world.tenant().id)]
    return found


@pytest.mark.fuzz
async def test_no_bytes_break_the_server(target: Target) -> None:
    world, pick = target.world, random.Random(SEED)
    document = await world.client.get("/api/openapi.json", headers=_host(target, "admin"))
    maker = Maker(world, pick, await identifiers(world), document.json())
    statuses: Counter[int] = Counter()
    broken: list[str] = []
    for number in range(REQUESTS):
        case = maker.nearly() if pick.random() < 0.3 else maker.case()
        role = "admin" if pick.random() < 0.6 else pick.choice(ROLES)
        began = time.perf_counter()
        try:
            status = await asyncio.wait_for(send(world.app, case, _host(target, role)), 10)
        except Exception as error:  # noqa: BLE001 - whatever gets out of the application is a finding
            status, case["error"] = 599, repr(error)
        took = time.perf_counter() - began
        statuses[status] += 1
        if status >= 500 or status == 0 or took > MOST_SECONDS:
            case["body"] = case["body"][:300]
            broken.append(f"#{number} {role} {status} {took:.2f} s {case}")
        if status == 401 and role != "anonymous":
            await target.enter(role)
    sys.stdout.write(f"\n{REQUESTS} raw requests, statuses {dict(sorted(statuses.items()))}\n")
    assert not broken, f"{len(broken)} findings:\n" + "\n".join(broken[:40])


def _host(target: Target, role: str) -> dict[str, str]:
    return target.headers(role) | {"host": "acme.localhost"}
