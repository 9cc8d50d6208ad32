"""Proof that a form was made by us, for this session, and sent from a page of ours."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from secrets import token_bytes
from typing import Any

from litestar import Request

from core.auth.tokens.signing_keys import Key
from core.errors import Forbidden
from core.rest.request.decode import UnsupportedMedia

AnyRequest = Request[Any, Any, Any]
SAFE = ("GET", "HEAD", "OPTIONS")
FIELD = "_csrf"
HEADER = "x-csrf-token"
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", "application/json")
_SIZE = 32


class ForeignOrigin(Forbidden):
    """The request does not come from a page of this address; nothing of it is looked at."""

    code = "foreign_origin"
    detail = (
        "This request came from another site, so nothing was changed. Open the page here and"
        " send it again."
    )


class InvalidToken(Forbidden):
    """The form is ours by its origin, but not made for this session."""

    code = "csrf"
    detail = (
        "This page was opened before you signed in the last time, so nothing was changed yet."
        " Send it again."
    )


def token(key: Key, bound: str) -> str:
    """Return a form's token for what it is ``bound`` to: a session's or a visitor's secret.

    It looks different each time, so that compressed pages tell nothing about it.
    """
    mask = token_bytes(_SIZE)
    return urlsafe_b64encode(mask + _xor(mask, _proof(key, bound))).decode().rstrip("=")


def is_valid(key: Key, bound: str, text: str | None) -> bool:
    """Return whether ``text`` is a token for ``bound``."""
    text = text or ""
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (Error, UnicodeEncodeError):
        return False
    if len(raw) != 2 * _SIZE:
        return False
    return hmac.compare_digest(_xor(raw[:_SIZE], raw[_SIZE:]), _proof(key, bound))


def _proof(key: Key, bound: str) -> bytes:
    return hmac.digest(key.derived("csrf"), bound.encode(), "sha256")


def _xor(mask: bytes, text: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(mask, text, strict=True))


def check_origin(request: AnyRequest) -> None:
    """Refuse what a page of another site sent, or what does not say where it comes from.

    A proxy may end TLS without telling us, so https is believed where http was seen; the reverse
    is not, for anybody on the way could have written that page.
    """
    fetched = request.headers.get("sec-fetch-site")
    if fetched is not None and fetched != "same-origin":
        raise ForeignOrigin
    origin = request.headers.get("origin")
    if origin is None and fetched is None:
        raise ForeignOrigin
    host = request.headers.get("host", "").lower()
    own = {f"{request.scope['scheme']}://{host}", f"https://{host}"}
    if origin is not None and origin.lower() not in own:
        raise ForeignOrigin


def check_media(request: AnyRequest) -> str:
    """Return the kind of the body; refuses what a page of another site could send unasked."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in FORMS:
        raise UnsupportedMedia("Send a form, or JSON as application/json.")
    return kind
