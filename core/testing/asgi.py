"""A client that calls the application directly: what probes need of one, thousands of times."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

import msgspec

_SAFE = "%/:=&?~#+!$,;'@()*[]|{}<>\"^`"
_HOST = "testserver"
_CLIENT = ("127.0.0.1", 123)


class Reply:
    """What the application answered. ``headers`` are lower case; repeated ones are joined."""

    __slots__ = ("_text", "content", "headers", "status_code")

    def __init__(self, status_code: int, headers: Mapping[str, str], content: bytes) -> None:
        self.status_code = status_code
        self.headers = headers
        self.content = content
        self._text: str | None = None

    @property
    def text(self) -> str:
        """The body as text."""
        if self._text is None:
            self._text = self.content.decode("utf-8", "replace")
        return self._text

    def json(self) -> Any:
        """Return the body as plain values."""
        return msgspec.json.decode(self.content)


class AsgiClient:
    """Sends requests to one application, without sockets; what it raises is raised here."""

    def __init__(self, app: Any, headers: Mapping[str, str] | None = None) -> None:
        self._app = app
        self._headers = {"host": _HOST, "accept": "*/*", **(headers or {})}

    async def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Reply:
        """Send one request and return its answer."""
        scope = self._scope(method, path, {**self._headers, **(headers or {})}, content or b"")
        body = [content or b""]
        start: dict[str, Any] = {}
        chunks: list[bytes] = []

        async def receive() -> dict[str, Any]:
            if body:
                return {"type": "http.request", "body": body.pop(), "more_body": False}
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body" and method != "HEAD":
                chunks.append(message.get("body", b""))

        await self._app(scope, receive, send)
        return Reply(start["status"], _joined(start["headers"]), b"".join(chunks))

    def _scope(
        self, method: str, path: str, headers: Mapping[str, str], content: bytes
    ) -> dict[str, Any]:
        target, _, query = path.partition("?")
        lines = [
            (name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()
        ]
        if content or method in ("POST", "PUT", "PATCH"):
            lines.append((b"content-length", b"%d" % len(content)))
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "headers": lines,
            "scheme": "http",
            "path": unquote(target),
            "raw_path": quote(target, safe=_SAFE).encode(),
            "query_string": quote(query, safe=_SAFE).encode(),
            "server": (_HOST, None),
            "client": _CLIENT,
            "root_path": "",
        }


def _joined(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined
