"""A message for the next page, signed in a cookie of its own: to show it, nothing is written."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error

import msgspec

from core.auth.tokens.signing_keys import Key

USE = "flash"
MOST_TEXT = 500


class Flash(msgspec.Struct, frozen=True, omit_defaults=True):
    """What happened; a POST to ``undo`` takes it back. Kinds are the tones of a toast."""

    text: str
    kind: str = "success"
    undo: str = ""


def pack(key: Key, bound: str, flash: Flash) -> str:
    """Return the cookie's value, good only for what it is ``bound`` to."""
    short = msgspec.structs.replace(flash, text=flash.text[:MOST_TEXT])
    body = urlsafe_b64encode(msgspec.json.encode(short)).decode().rstrip("=")
    return f"{body}.{_seal(key, bound, body)}"


def unpack(key: Key, bound: str, value: str | None) -> Flash | None:
    """Return the message in a cookie's value, or None if it is not for this session."""
    body, dot, seal = (value or "").partition(".")
    if not dot or not hmac.compare_digest(seal.encode(), _seal(key, bound, body).encode()):
        return None
    try:
        raw = urlsafe_b64decode(body + "=" * (-len(body) % 4))
        return msgspec.json.decode(raw, type=Flash)
    except (Error, ValueError, msgspec.MsgspecError):
        return None


def _seal(key: Key, bound: str, body: str) -> str:
    return hmac.digest(key.derived("flash"), f"{bound} {body}".encode(), "sha256").hex()
