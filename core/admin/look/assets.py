"""Static files: read once at start, named by their hash, answered from memory.

A request names a file that is looked up among those read; it never reaches the file system.
"""

import gzip
import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from litestar import Request
from litestar.response.base import ASGIResponse

from core.errors import NotFound, StartRefused
from core.rest.route import READ, Route

STATIC = Path(__file__).parents[1] / "static"
PREFIX = "/app/static/"
# A file of another kind is no asset: vendor.lock and licences lie in the folder, unserved.
TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".jpg": "image/jpeg",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
TEXTS = frozenset((".css", ".js", ".svg"))
YEAR = "public, max-age=31536000, immutable"
NAMED = re.compile(r'url\("asset:([^"]+)"\)')


class Asset(msgspec.Struct, frozen=True):
    """One file as it goes out: ``name`` carries the hash, ``packed`` is empty if not smaller."""

    name: str
    media: str
    content: bytes
    packed: bytes
    mark: str


# The same file in the next application of a process is not packed again.
@lru_cache(maxsize=512)
def make_asset(name: str, content: bytes, joint: str = ".") -> Asset:
    """Return the asset of a file called ``name``; ``joint`` stands before the hash."""
    path = Path(name)
    mark = hashlib.sha256(content).hexdigest()[:16]
    packed = gzip.compress(content, 9, mtime=0) if path.suffix in TEXTS else b""
    served = path.with_name(f"{path.stem}{joint}{mark}{path.suffix}").as_posix()
    return Asset(served, TYPES[path.suffix], content, packed, mark)


def read_folder(folder: Path) -> dict[str, bytes]:
    """Return the contents of all assets under ``folder`` by their path in it."""
    if not folder.is_dir():
        return {}
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in TYPES and not path.is_symlink()
    }


def read_plugin(name: str, folder: Path) -> dict[str, bytes]:
    """Return a plugin's files; each lies in a folder of the plugin's own name."""
    found = read_folder(folder / "static")
    for path in found:
        if not path.startswith(f"{name}/"):
            raise StartRefused(f"plugin {name!r}: static/{path} must lie in static/{name}/")
    return found


class Assets:
    """Every file that is served, and for each look which file a name means."""

    def __init__(self) -> None:
        self.served: dict[str, Asset] = {}

    def add(self, files: Mapping[str, bytes]) -> dict[str, str]:
        """Take in the files of one look and return the address of each name.

        ``url("asset:name")`` in a style sheet becomes the address of that file of the same look.
        """
        addresses: dict[str, str] = {}

        def address(match: re.Match[str]) -> str:
            if match[1] not in addresses:
                raise StartRefused(f"a style sheet names the asset {match[1]!r}, which is not here")
            return f'url("{addresses[match[1]]}")'

        for name in sorted(files, key=lambda n: n.endswith(".css")):
            content = files[name]
            if name.endswith(".css") and b'url("asset:' in content:
                content = NAMED.sub(address, content.decode()).encode()
            made = make_asset(name, content)
            self.served.setdefault(made.name, made)
            addresses[name] = PREFIX + made.name
        return addresses


def merge_layers(layers: Iterable[Mapping[str, bytes]]) -> dict[str, bytes]:
    """Return the files of all layers; a later layer replaces by path."""
    files: dict[str, bytes] = {}
    for layer in layers:
        files.update(layer)
    return files


def answer_asset(request: Request[Any, Any, Any], asset: Asset, cache: str = YEAR) -> ASGIResponse:
    """Return the reply that carries an immutable file, packed where the browser takes it."""
    headers = {"cache-control": cache, "etag": f'"{asset.mark}"', "vary": "accept-encoding"}
    if request.headers.get("if-none-match", "").removeprefix("W/") == headers["etag"]:
        return ASGIResponse(status_code=304, headers=headers, media_type=asset.media)
    body = asset.content
    if asset.packed and "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        body = asset.packed
    if request.method == "HEAD":
        headers |= {"content-type": asset.media, "content-length": str(len(body))}
        return ASGIResponse(headers=headers, media_type=asset.media, is_head_response=True)
    return ASGIResponse(body=body, headers=headers, media_type=asset.media)


def asset_route(assets: Assets) -> Route:
    """Return the one route of all static files."""

    async def serve(request: Request[Any, Any, Any]) -> ASGIResponse:
        found = assets.served.get(str(request.path_params["name"]).lstrip("/"))
        if found is None:
            raise NotFound
        return answer_asset(request, found)

    return Route(PREFIX + "{name:path}", READ, {"public": True}, serve)
