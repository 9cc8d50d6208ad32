"""The documentation page: one document that names its vendored assets by their hashes."""

import gzip
import hashlib
from functools import cache
from pathlib import Path

import msgspec

FOLDER = Path(__file__).parent / "assets"
STYLES = ("swagger-ui.css", "page.css")
SCRIPTS = ("swagger-ui-bundle.js", "page.js")
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
# No inline script, no inline style, nothing from elsewhere; the renderer's icons are data: images.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Trellis API</title>
<link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width, initial-scale=1">
{styles}
</head>
<body>
<noscript><p class="page-failed">This page needs JavaScript. The document itself is at
<a href="/api/openapi.json">/api/openapi.json</a>.</p></noscript>
<main id="page"></main>
{scripts}
</body>
</html>
"""


class Asset(msgspec.Struct, frozen=True):
    """One file of the page, as it goes out."""

    name: str
    content: bytes
    packed: bytes
    media: str


def _read(file: str) -> Asset:
    path = FOLDER / file
    content = path.read_bytes()
    mark = hashlib.sha256(content).hexdigest()[:16]
    packed = gzip.compress(content, 6, mtime=0)
    return Asset(f"{path.stem}-{mark}{path.suffix}", content, packed, TYPES[path.suffix])


@cache
def assets() -> dict[str, Asset]:
    """Return the assets by the name under which they are served: a name is looked up, never read.

    The hash in the name makes the answer immutable.
    """
    return {asset.name: asset for asset in map(_read, (*STYLES, *SCRIPTS))}


@cache
def page() -> bytes:
    """Return the page."""
    names = list(assets())
    styles = [n for n in names if n.endswith(".css")]
    scripts = [n for n in names if n.endswith(".js")]
    return PAGE.format(
        styles="\n".join(f'<link rel="stylesheet" href="/api/docs/{n}">' for n in styles),
        scripts="\n".join(f'<script src="/api/docs/{n}" defer></script>' for n in scripts),
    ).encode()
