"""The one way in for bodies: raw bytes to plain values, everything strange refused with 400."""

import json
import re
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request
from litestar.exceptions import ClientException

from core.errors import Invalid, NotFound, Refused, TooLarge
from core.model.struct_values import read_object

MOST_BYTES = 1 << 20
MOST_DEPTH = 32
_CONTROL = re.compile(rb"\\u0000|\\u[dD][89abAB]|\\u[dD][c-fC-F]")


class UnsupportedMedia(Refused):
    """The body is not JSON, or does not say so: a form of another site cannot post one."""

    status, code = 415, "unsupported_media_type"
    detail = "Send the body as application/json."


async def read_bytes(request: Request[Any, Any, Any]) -> bytes:
    """Return the body, refusing one of more than 1 MiB with ``TooLarge``."""
    length = request.headers.get("content-length", "0")
    if length.isascii() and length.isdigit() and int(length) > MOST_BYTES:
        raise TooLarge
    try:
        raw: bytes = await request.body()
    except ClientException as error:
        if error.status_code == 413:
            raise TooLarge from None
        raise Invalid("The body could not be read.", code="body") from None
    if len(raw) > MOST_BYTES:
        raise TooLarge
    return raw


async def read_json(request: Request[Any, Any, Any], *, strict: bool = False) -> Any:
    """Return the decoded body. ``strict`` also refuses a key that stands twice in an object."""
    raw = await read_bytes(request)
    if not raw:
        return {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise UnsupportedMedia
    return decode(raw, strict=strict)


def decode(raw: bytes, *, strict: bool = False) -> Any:
    """Return the JSON value of ``raw``; refuses bad UTF-8, depth over 32, NUL and surrogates."""
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        detail = "The body is not valid JSON."
        if isinstance(error, msgspec.DecodeError) and not isinstance(error, RecursionError):
            detail = f"The body is not valid JSON: {error}."
        raise Invalid(detail, code="json") from None
    if raw.count(b"{") + raw.count(b"[") > MOST_DEPTH:
        _check_depth(value, MOST_DEPTH)
    if b"\x00" in raw or _CONTROL.search(raw):
        _check_texts(value)
    if strict:
        _refuse_duplicate_keys(raw)
    return value


def _check_depth(value: Any, left: int) -> None:
    if left < 0:
        raise Invalid(f"The body is nested more than {MOST_DEPTH} levels deep.", code="depth")
    if isinstance(value, dict):
        for inner in value.values():
            _check_depth(inner, left - 1)
    elif isinstance(value, list):
        for inner in value:
            _check_depth(inner, left - 1)


def _check_texts(value: Any) -> None:
    if isinstance(value, str):
        if "\x00" in value:
            raise Invalid("A text holds a NUL character.", code="nul")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Invalid("A text holds half a surrogate pair.", code="surrogate") from None
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_texts(key)
            _check_texts(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_texts(inner)


def _refuse_duplicate_keys(raw: bytes) -> None:

    def unique_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            raise Invalid("A key stands twice in the body.", code="duplicate_key")
        return dict(pairs)

    json.loads(raw, object_pairs_hook=unique_object)


async def read_body(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Return the JSON object in the body of a request."""
    return read_object(await read_json(request))


def read_id(text: Any) -> UUID:
    """Return the id in a path; anything that is not one does not exist."""
    try:
        if len(text) != 36:
            raise ValueError
        return UUID(text)
    except (ValueError, TypeError, AttributeError):
        raise NotFound from None
