"""Entity tags: of a record in one projection, and the version that If-Match demands."""

from typing import Any
from uuid import UUID

from litestar import Request

from core.errors import Invalid, PreconditionRequired, Stale
from core.runtime.context import Context


def etag(id: UUID | str, version: int, projection: str) -> str:
    """Return the tag of a record in one projection: roles and plugins change it."""
    return f'"{id}-{version}-{projection}"'


def tags(header: str) -> list[str]:
    """Return the tags of an If-Match or If-None-Match header, without quotes and weak marks."""
    return [part.strip().removeprefix("W/").strip('"') for part in header.split(",")]


def _version_in(header: str | None, id: UUID) -> int | None:
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


def required_version(ctx: Context, request: Request[Any, Any, Any], id: UUID) -> int | None:
    """Return the version of If-Match; refuses a missing one where the tenant demands it."""
    header = request.headers.get("if-match")
    if header is None and ctx.tenant.config.require_if_match:
        raise PreconditionRequired
    return _version_in(header, id)
