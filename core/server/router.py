"""The look-up of a path: one trie of the table's rows and of the routes of plugins' controllers.

Litestar stays the application; it would rebuild a map of all handlers for each that is added, and
its own look-up does not go back when a literal word leads nowhere.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from litestar import Litestar, Request
from litestar._asgi.routing_trie.mapping import build_route_middleware_stack
from litestar.exceptions import ClientException, MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, Receive, Scope, Send

from core.errors import StartRefused
from core.rest.route import AnyRequest, Route

Parser = Callable[[str], Any]
# What Litestar expects of a look-up: application, handler, path, parameters and the path's form.
Target = tuple[ASGIApp, Any, str, dict[str, Any], str]
_PARAMETER = re.compile(r"\{(\w+):(\w+)\}")
_OWN = "litestar."


class Row:
    """A row of the table as Litestar sees a handler; the rest is as the application has it."""

    __slots__ = ("_app", "_fn", "opt")

    def __init__(self, app: Litestar, route: Route) -> None:
        self._app = app
        self._fn = route.fn
        self.opt = route.opt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._fn(Request(scope, receive, send))
        await response(scope, receive, send)

    def resolve_exception_handlers(self) -> Any:
        """Return who answers for an exception."""
        return self._app.exception_handlers

    def resolve_request_max_body_size(self) -> int | None:
        """Return how large a body may be."""
        return self._app.request_max_body_size  # type: ignore[return-value]  # build() names it

    def resolve_type_encoders(self) -> Any:
        """Return how values are encoded."""
        return self._app.type_encoders or {}

    def resolve_type_decoders(self) -> Any:
        """Return how values are decoded."""
        return self._app.type_decoders or []


class Endpoint:
    """What answers one method of one path."""

    __slots__ = ("app", "handler", "parameters", "route")

    def __init__(
        self, route: Route, app: ASGIApp, handler: Any, parsers: Mapping[str, Parser | None]
    ) -> None:
        self.route = route
        self.app = app
        self.handler = handler
        self.parameters = tuple(parsers.items())

    def values(self, texts: list[str]) -> dict[str, Any]:
        """Return the parameters of a path; a text that none of them can be is an unknown path."""
        try:
            return {
                name: text if parse is None else parse(text)
                for (name, parse), text in zip(self.parameters, texts, strict=True)
            }
        except ValueError:
            raise NotFoundException from None


class Node:
    """One word of paths: what may follow it, and what answers where a path ends here."""

    __slots__ = ("endpoints", "parameter", "remainder", "template", "words")

    def __init__(self) -> None:
        self.words: dict[str, Node] = {}
        self.parameter: Node | None = None
        self.remainder: Node | None = None
        self.endpoints: dict[str, Endpoint] = {}
        self.template = ""

    def child(self, part: str) -> "Node":
        """Return the node of a part of a declared path; it is made where it is missing."""
        named = _PARAMETER.fullmatch(part)
        if named is None:
            return self.words.setdefault(part, Node())
        if named[2] == "path":
            self.remainder = self.remainder or Node()
            return self.remainder
        self.parameter = self.parameter or Node()
        return self.parameter

    def find(self, parts: list[str], position: int, texts: list[str]) -> "Node | None":
        """Return where a path ends and fill ``texts``: literal words first, then parameters."""
        if position == len(parts):
            return self if self.endpoints else None
        word = self.words.get(parts[position])
        if word is not None:
            end = word.find(parts, position + 1, texts)
            if end is not None:
                return end
        if self.parameter is not None:
            texts.append(parts[position])
            end = self.parameter.find(parts, position + 1, texts)
            if end is not None:
                return end
            texts.pop()
        if self.remainder is not None:
            texts.append("/" + "/".join(parts[position:]))
        return self.remainder


class RouteTable:
    """All routes of an application; ``rows`` lists them, ``find`` looks one up."""

    def __init__(self, app: Litestar, rows: Iterable[Route]) -> None:
        self._app = app
        self._root = Node()
        self.rows: list[Route] = []
        for row in rows:
            own = Row(app, row)
            self._add(row, own, own, dict.fromkeys(_names(row)))
        for route in app.routes:
            for row, handler, answering in _controllers(app, route):
                parsers = {p.name: p.parser for p in route.path_parameters.values()}
                self._add(row, answering, handler, parsers)
        for node in _nodes(self._root):
            self._answer_options(node)

    def find(self, path: str, method: str | None) -> Target:
        """Return who answers a request; refuses an unknown path, and a method it does not have."""
        texts: list[str] = []
        node = self._root.find([part for part in path.split("/") if part], 0, texts)
        if node is None:
            raise NotFoundException
        if method is None:
            raise ClientException  # a websocket, and there are none
        endpoint = node.endpoints.get(method)
        if endpoint is None:
            raise MethodNotAllowedException(headers={"allow": ", ".join(sorted(node.endpoints))})
        return endpoint.app, endpoint.handler, path, endpoint.values(texts), node.template

    def _add(
        self, row: Route, app: ASGIApp, handler: Any, parsers: Mapping[str, Parser | None]
    ) -> None:
        node = self._root
        for part in row.path.split("/"):
            node = node.child(part) if part else node
        node.template = node.template or _PARAMETER.sub(r"{\1}", row.path)
        endpoint = Endpoint(row, app, handler, parsers)
        for method in row.methods:
            other = node.endpoints.setdefault(method, endpoint)
            if other is not endpoint:
                raise StartRefused(
                    f"{method} {row.path} of {_owner(row)} is taken by"
                    f" {other.route.path} of {_owner(other.route)}"
                )
        self.rows.append(row)

    def _answer_options(self, node: Node) -> None:
        """Let a path name its methods, unless a controller of its own does."""
        if not node.endpoints or "OPTIONS" in node.endpoints:
            return
        known = next(iter(node.endpoints.values()))
        allowed = ", ".join(sorted([*node.endpoints, "OPTIONS"]))

        async def name_methods(request: AnyRequest) -> ASGIResponse:
            return ASGIResponse(status_code=204, headers={"allow": allowed})

        row = Route(known.route.path, ("OPTIONS",), {}, name_methods)
        handler = Row(self._app, row)
        node.endpoints["OPTIONS"] = Endpoint(row, handler, handler, dict(known.parameters))


def route_by_table(app: Litestar, rows: Iterable[Route]) -> RouteTable:
    """Let an application look paths up in a table of these rows and of its controllers' routes."""
    table = RouteTable(app, rows)
    app.asgi_router.handle_routing = table.find  # type: ignore[assignment]  # nobody clears a cache
    return table


def _names(row: Route) -> list[str]:
    """Return the parameters of a row's path; its function reads what they mean."""
    found = _PARAMETER.findall(row.path)
    for name, kind in found:
        if kind not in ("str", "path"):
            raise StartRefused(f"route {row.path}: {name} must be str or path, not {kind}")
    return [name for name, _ in found]


def _controllers(app: Litestar, route: Any) -> Iterator[tuple[Route, HTTPRouteHandler, ASGIApp]]:
    """Yield row, handler and application of what Litestar has registered at one path."""
    if not isinstance(route, HTTPRoute):
        raise StartRefused(f"route {route.path}: only HTTP handlers can be guarded")
    for handler in route.route_handlers:
        if handler.fn.__module__.startswith(_OWN):
            continue  # its answer to OPTIONS; the trie gives one for all methods of the path
        row = Route(route.path, tuple(sorted(handler.http_methods)), handler.opt, handler.fn)
        yield row, handler, build_route_middleware_stack(app, route, handler)


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in (*node.words.values(), node.parameter, node.remainder):
        if child is not None:
            yield from _nodes(child)


def _owner(row: Route) -> str:
    return str(row.opt.get("plugin") or "core")
