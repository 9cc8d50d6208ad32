"""Bytes out: JSON replies, entity tags and the problem form of a refusal."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar.response.base import ASGIResponse

from core.errors import Invalid, Refused, Stale, problem
from core.model.encoding import encode

JSON = "application/json"


def reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> ASGIResponse:
    """Return ``value`` as JSON."""
    return ASGIResponse(
        body=encode(value), status_code=status, media_type=JSON, headers=dict(headers or {})
    )


def raw_reply(
    body: bytes, status: int = 200, headers: Mapping[str, str] | None = None
) -> ASGIResponse:
    """Return bytes that are JSON already."""
    return ASGIResponse(body=body, status_code=status, media_type=JSON, headers=dict(headers or {}))


def nothing(status: int = 204, headers: Mapping[str, str] | None = None) -> ASGIResponse:
    """Return a reply without a body."""
    return ASGIResponse(body=b"", status_code=status, headers=dict(headers or {}))


def refusal(refused: Refused, instance: str, request_id: str) -> ASGIResponse:
    """Return a refusal as application/problem+json."""
    return ASGIResponse(
        body=encode(problem(refused, instance, request_id)),
        status_code=refused.status,
        media_type="application/problem+json",
        headers=refused.headers,
    )


def etag(id: UUID | str, version: int, shape: str) -> str:
    """Return the tag of a record in one shape; another role or plugin set has another tag."""
    return f'"{id}-{version}-{shape}"'


def tags(header: str) -> list[str]:
    """Return the tags of an If-Match or If-None-Match header, without quotes and weak marks."""
    return [part.strip().removeprefix("W/").strip('"') for part in header.split(",")]


def wanted_version(header: str | None, id: UUID) -> int | None:
    """Return the version that If-Match demands, or None for no demand.

    Only the version counts. A tag of another record can never match and is refused as stale.
    """
    if header is None or header.strip() == "*":
        return None
    versions = set()
    for tag in tags(header):
        rest = tag.removeprefix(f"{id}-")
        number = rest.partition("-")[0]
        if rest != tag and number.isascii() and number.isdigit() and len(number) < 10:
            versions.add(int(number))
    if not versions:
        raise Stale
    if len(versions) > 1:
        raise Invalid.field("If-Match", "Name one version.", "if_match")
    return versions.pop()
