"""The body of a form: strict, bounded, with the same texts that REST would store."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_to_bytes

import multipart  # type: ignore[import-untyped]  # ships no type information
from litestar import Request

from core.errors import Invalid, Refused
from core.model.struct_values import read_object
from core.rest.request.decode import decode, read_bytes

# The field of a form by which it has one effect, however often it is sent.
KEY = "_key"
MOST_FIELDS = 20_000
MOST_HEAD = 4096


class File:
    """One uploaded file; its name is what the sender calls it and is never a path."""

    __slots__ = ("content", "media", "name")

    def __init__(self, name: str, media: str, content: bytes) -> None:
        self.name = name.replace("\\", "/").rpartition("/")[2]
        self.media = media
        self.content = content


class Form:
    """What a form sent: texts in order, each name any number of times, and files."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._files: dict[str, list[File]] = {}
        # The object that was sent as JSON, by our own scripts.
        self.json: dict[str, Any] | None = None

    def get(self, name: str, default: str = "") -> str:
        """Return the last text of a name: a checkbox follows the hidden field it overrides."""
        found = self._texts.get(name)
        return found[-1] if found else default

    def getall(self, name: str) -> list[str]:
        """Return all texts of a name, in order."""
        return list(self._texts.get(name, ()))

    def files(self, name: str) -> list[File]:
        """Return the files of a name that are not empty."""
        return list(self._files.get(name, ()))

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield every name with each of its texts."""
        for name, texts in self._texts.items():
            for text in texts:
                yield name, text

    def __contains__(self, name: str) -> bool:
        return name in self._texts

    def __len__(self) -> int:
        return sum(map(len, self._texts.values())) + sum(map(len, self._files.values()))

    def add(self, name: bytes, value: bytes) -> None:
        """Add a text; refuses bad UTF-8 and NUL. Line ends become those that REST clients send."""
        self._room()
        text = _text(value).replace("\r\n", "\n")
        self._texts.setdefault(_text(name), []).append(text)

    def add_file(self, name: str, file: File) -> None:
        """Add a file."""
        self._room()
        self._files.setdefault(name, []).append(file)

    def _room(self) -> None:
        if len(self) >= MOST_FIELDS:
            raise Invalid(f"A form has at most {MOST_FIELDS} fields.", code="fields")


def _text(raw: bytes) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise Invalid("The form is not valid UTF-8.", code="encoding") from None
    if "\x00" in text:
        raise Invalid("A text holds a NUL character.", code="nul")
    return text


async def read_form(request: Request[Any, Any, Any], kind: str) -> Form:
    """Return the body of a request, whose media type is ``kind``."""
    raw = await read_bytes(request)
    if kind == "multipart/form-data":
        return _multipart(raw, request.headers["content-type"])
    form = Form()
    if kind == "application/json":
        form.json = read_object(decode(raw)) if raw else {}
        return form
    for part in raw.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            form.add(_plain(name), _plain(value))
    return form


def _plain(raw: bytes) -> bytes:
    return unquote_to_bytes(raw.replace(b"+", b" "))


def _multipart(raw: bytes, header: str) -> Form:
    boundary = multipart.parse_options_header(header)[1].get("boundary", "")
    form = Form()
    try:
        parser = multipart.PushMultipartParser(
            boundary, content_length=len(raw), max_header_size=MOST_HEAD, strict=True
        )
        head: Any = None
        content = bytearray()
        for event in (*parser.parse(raw), *parser.parse(b"")):
            if isinstance(event, multipart.MultipartSegment):
                head, content = event, bytearray()
            elif event is None:
                _add_part(form, head, bytes(content))
            else:
                content += event
    except (multipart.MultipartError, ValueError):
        raise Invalid("The form could not be read.", code="form") from None
    return form


def _add_part(form: Form, head: Any, content: bytes) -> None:
    if head.filename is None:
        form.add(head.name.encode(), content)
    elif head.filename or content:
        media = str(head.content_type or "application/octet-stream")
        form.add_file(head.name, File(head.filename, media, content))


def wrong_fields(refused: Refused) -> dict[str, str]:
    """Return, per field of a form, the first thing that a refusal says about it."""
    found: dict[str, str] = {}
    for error in refused.errors:
        found.setdefault(error.name, error.detail)
    return found
