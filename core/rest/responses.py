"""Bytes out: JSON replies and the problem form of a refusal."""

from collections.abc import Mapping
from typing import Any

from litestar.response.base import ASGIResponse

from core.errors import Refused, problem
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


def no_content(status: int = 204, headers: Mapping[str, str] | None = None) -> ASGIResponse:
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
