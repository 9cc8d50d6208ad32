"""Which addresses a page may send a browser to: paths of our own pages, and nothing else."""

import re
from typing import Any
from urllib.parse import quote, urlsplit

from litestar import Request

HOME = "/app/"
LOGIN = "/app/login/"
LONGEST = 2000
# Every character is named. No backslash, no second slash, no encoded one, no control character:
# browsers read some of these as the beginning of another site's address.
_SEGMENT = r"[A-Za-z0-9_~-][A-Za-z0-9._~:@-]*"
_LOCAL = re.compile(
    rf"/app/(?:{_SEGMENT}/)*(?:{_SEGMENT})?"
    r"(?:\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?\[\]-]|%[0-9A-Fa-f]{2})*)?",
    re.ASCII,
)
# Coming back to these would lead away again at once.
_SIGN_IN_PAGES = re.compile(r"/app/(?:login|logout|reset)(?:[/?]|$)")


def local_path(text: str | None) -> str:
    """Return ``text`` if it is the address of one of our pages, else the home page."""
    given = text or ""
    if len(given) > LONGEST or not _LOCAL.fullmatch(given) or _SIGN_IN_PAGES.match(given):
        return HOME
    return given


def is_local(text: str) -> bool:
    """Whether a redirect may go there."""
    return len(text) <= LONGEST and _LOCAL.fullmatch(text) is not None


def login_path(back: str) -> str:
    """Return the address of the login page that leads back afterwards."""
    found = local_path(back)
    return LOGIN if found == HOME else f"{LOGIN}?next={quote(found, safe='')}"


def split_address(text: str) -> tuple[str, str]:
    """Return host, and path with query, of an address that a browser names; it may be anything."""
    try:
        found = urlsplit(text)
    except ValueError:
        return "", ""
    return found.netloc.lower(), f"{found.path}?{found.query}" if found.query else found.path


def referring_path(request: Request[Any, Any, Any]) -> str:
    """Return the page of ours on which a form was sent, as far as the browser says."""
    host, path = split_address(request.headers.get("referer", ""))
    return local_path(path) if host == request.headers.get("host", "").lower() else HOME
