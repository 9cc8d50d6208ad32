"""The look-up of a path: what wins, what is refused, and what building and asking it costs."""

from collections.abc import Iterable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Controller, Litestar, asgi, get, post
from litestar.exceptions import ClientException, MethodNotAllowedException, NotFoundException
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from core.errors import StartRefused
from core.rest.route import DELETE, POST, READ, AnyRequest, Route
from core.server.router import Node, RouteTable, route_by_table

PATHS = (
    "/",
    "/{resource:str}",
    "/api/things",
    "/api/things/batch",
    "/api/things/{id:str}",
    "/api/things/{id:str}/history",
    "/api/things/views/{view:str}",
    "/api/{name:str}/history/all",
    "/files/{name:path}",
    "/files/index",
)


async def answer(request: AnyRequest) -> ASGIResponse:
    """Answer with the parameters of the path."""
    return ASGIResponse(body=repr(request.path_params).encode())


def row(path: str, methods: tuple[str, ...] = READ, **opt: Any) -> Route:
    return Route(path, methods, opt, answer)


def make(rows: Iterable[Route], handlers: Iterable[Any] = ()) -> RouteTable:
    return RouteTable(Litestar(list(handlers), openapi_config=None), rows)


TABLE = make(row(path) for path in PATHS)


def find_route(
    path: str, method: str = "GET", table: RouteTable = TABLE
) -> tuple[str, dict[str, Any]]:
    """Return the template of what answers, and the parameters."""
    _, _, _, values, template = table.find(path, method)
    return template, values


@pytest.mark.parametrize(
    ("path", "template", "values"),
    [
        ("/", "/", {}),
        ("/api/things", "/api/things", {}),
        ("/api/things/", "/api/things", {}),
        ("//api///things//", "/api/things", {}),
        ("/things", "/{resource}", {"resource": "things"}),
        ("/api", "/{resource}", {"resource": "api"}),
        ("/api/things/batch", "/api/things/batch", {}),
        ("/api/things/7", "/api/things/{id}", {"id": "7"}),
        ("/api/things/views", "/api/things/{id}", {"id": "views"}),
        ("/api/things/views/7", "/api/things/views/{view}", {"view": "7"}),
        ("/api/things/views/history", "/api/things/views/{view}", {"view": "history"}),
        ("/api/things/batch/history", "/api/things/{id}/history", {"id": "batch"}),
        ("/api/things/history/all", "/api/{name}/history/all", {"name": "things"}),
        ("/files/index", "/files/index", {}),
        ("/files/index/a", "/files/{name}", {"name": "/index/a"}),
        ("/files/a/b.css", "/files/{name}", {"name": "/a/b.css"}),
        ("/files", "/{resource}", {"resource": "files"}),
        ("/{resource:str}", "/{resource}", {"resource": "{resource:str}"}),
    ],
)
def test_literal_words_win_and_what_leads_nowhere_is_left_again(
    path: str, template: str, values: dict[str, str]
) -> None:
    assert find_route(path) == (template, values)


@pytest.mark.parametrize("path", ["/a/b", "/api/things/7/nothing", "/api/things/7/history/1"])
def test_unknown_paths_are_refused(path: str) -> None:
    with pytest.raises(NotFoundException):
        TABLE.find(path, "GET")


def test_a_method_that_a_path_lacks_is_refused_with_those_it_has() -> None:
    """The path decides first: a literal word hides the parameter even for other methods."""
    table = make([row("/a/{id:str}"), row("/a/{key:str}", DELETE), row("/a/batch", POST)])
    for path, allowed in (("/a/7", "DELETE, GET, HEAD, OPTIONS"), ("/a/batch", "OPTIONS, POST")):
        with pytest.raises(MethodNotAllowedException) as refused:
            table.find(path, "BREW")
        assert refused.value.headers == {"allow": allowed}
    with pytest.raises(MethodNotAllowedException):
        table.find("/a/batch", "GET")
    assert find_route("/a/7", "GET", table) == ("/a/{id}", {"id": "7"})
    assert find_route("/a/7", "HEAD", table) == ("/a/{id}", {"id": "7"})
    assert find_route("/a/7", "DELETE", table) == ("/a/{id}", {"key": "7"})


def test_a_websocket_is_refused() -> None:
    with pytest.raises(ClientException):
        TABLE.find("/api/things", None)


@pytest.mark.parametrize("second", ["/a/{key:str}", "/a/{id:str}/"])
def test_two_rows_of_one_path_and_method_are_refused(second: str) -> None:
    with pytest.raises(StartRefused) as refused:
        make([row("/a/{id:str}", plugin="one"), row(second, ("PUT", "HEAD"), plugin="two")])
    assert (
        str(refused.value) == f"HEAD {second.rstrip('/')} of two is taken by /a/{{id:str}} of one"
    )


def test_a_parameter_that_a_row_cannot_read_is_refused() -> None:
    with pytest.raises(StartRefused, match="id must be str or path, not uuid"):
        make([row("/a/{id:uuid}")])


class Things(Controller):
    """What a plugin brings, under the path of an entity."""

    path = "/api/things"

    @get("/{number:int}/double")
    async def double(self, number: FromPath[int]) -> dict[str, int]:
        """Double a number."""
        return {"double": 2 * number}

    @post("/batch/now")
    async def now(self) -> dict[str, str]:
        """Say when."""
        return {"when": "now"}


async def test_controllers_lie_among_the_rows() -> None:
    app = Litestar([Things], openapi_config=None)
    rows = [row("/api/things/{id:str}"), row("/api/things/{id:str}/history")]
    table = route_by_table(app, rows)
    assert [(r.path, r.methods) for r in table.rows[2:]] == [
        ("/api/things/{number:int}/double", ("GET",)),
        ("/api/things/batch/now", ("POST",)),
    ]
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.get("/api/things/21/double")).json() == {"double": 42}
        assert (await client.get("/api/things/x/double")).status_code == 404
        assert (await client.get("/api/things/21/history/")).text == "{'id': '21'}"
        assert (await client.get("/api/things/batch/history")).text == "{'id': 'batch'}"
        assert (await client.post("/api/things/batch/now")).json() == {"when": "now"}
        told = await client.options("/api/things/batch/now/")
        assert (told.status_code, told.headers["allow"]) == (204, "OPTIONS, POST")
        assert (await client.get("/api/things%2F21/history")).text == "{'id': '21'}"


def test_a_row_and_a_controller_of_one_path_are_refused() -> None:
    with pytest.raises(StartRefused, match=r"GET /api/things/\{number:int\}/double of core"):
        make([row("/api/things/{id:str}/double")], [Things])


def test_only_http_is_routed() -> None:
    @asgi("/mounted", is_mount=True, copy_scope=True)
    async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
        """Nothing guards this."""

    with pytest.raises(StartRefused, match="only HTTP handlers can be guarded"):
        make([], [mounted])


WORDS = st.sampled_from(("a", "b", "c"))
PARTS = st.one_of(WORDS, st.sampled_from(("{p:str}", "{rest:path}")))


def naive(form: list[str], parts: list[str]) -> list[str] | None:
    """Return how well each part fits (literal before parameter before remainder), None if not."""
    if not form or not parts:
        return [] if form == parts else None
    if form[0] == "{rest:path}":
        return ["2"]
    if form[0] not in ("{p:str}", parts[0]):
        return None
    rest = naive(form[1:], parts[1:])
    return None if rest is None else ["1" if form[0] == "{p:str}" else "0", *rest]


def cut(form: list[str]) -> list[str]:
    """Return a form that a row may have: each parameter once, and nothing behind a remainder."""
    found: list[str] = []
    for number, part in enumerate(form):
        found.append(part.replace("{p:", f"{{p{number}:"))
        if part == "{rest:path}":
            break
    return found


@given(st.lists(st.lists(PARTS, max_size=4), max_size=12), st.lists(WORDS, max_size=5))
def test_the_trie_agrees_with_trying_every_form(forms: list[list[str]], parts: list[str]) -> None:
    root, ends = Node(), {}
    for form in forms:
        node = root
        for part in cut(form):
            node = node.child(part)
        node.endpoints["GET"] = node  # type: ignore[assignment]  # only that something is there
        ends[node] = form[: len(cut(form))]
    fits = {node: fit for node, form in ends.items() if (fit := naive(form, parts)) is not None}
    expected = min(fits, key=lambda node: fits[node]) if fits else None
    assert root.find(parts, 0, []) is expected


def entity_rows(count: int) -> list[Route]:
    """Return as many rows as that many entities have."""
    ends = ("", "/batch", "/query", "/{id:str}", "/{id:str}/history", "/{id:str}/restore")
    return [row(f"/api/things-{n}{end}") for n in range(count) for end in ends]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The parts that the trie looks at while it is built."""
    seen: list[str] = []
    whole = Node.child

    def counted(self: Node, part: str) -> Node:
        seen.append(part)
        return whole(self, part)

    monkeypatch.setattr(Node, "child", counted)
    return seen


def test_building_grows_with_the_rows_alone(steps: list[str]) -> None:
    make(entity_rows(50))
    fifty = len(steps)
    steps.clear()
    make(entity_rows(100))
    assert 0 < len(steps) <= 2 * fifty


def test_lookup_does_not_grow_with_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    visited: list[int] = []
    whole = Node.find

    def counted(self: Node, parts: list[str], position: int, texts: list[str]) -> Node | None:
        visited.append(position)
        return whole(self, parts, position, texts)

    monkeypatch.setattr(Node, "find", counted)
    costs = []
    for count in (10, 100):
        table = make(entity_rows(count))
        visited.clear()
        table.find("/api/things-7/5/history", "GET")
        costs.append(len(visited))
    assert costs[0] == costs[1] == 5
