"""What htmx 4 says of a request; its headers have other names than those of htmx 2."""

from typing import Any

import msgspec
from litestar import Request

from core.admin.paths import split_address


class Htmx(msgspec.Struct, frozen=True):
    """A request made by htmx. ``source`` and ``target`` read ``button#save`` or ``tr``."""

    asked: bool = False
    partial: bool = False
    boosted: bool = False
    source: str = ""
    target: str = ""
    # Path and query of the page that asks.
    current: str = ""

    @property
    def target_id(self) -> str:
        """The id of the element that will be changed, if it has one."""
        return self.target.partition("#")[2]


NOBODY = Htmx()


def read_htmx(request: Request[Any, Any, Any]) -> Htmx:
    """Return what the headers say; a step back in the history wants the whole page."""
    headers = request.headers
    if headers.get("hx-request") != "true" or "hx-history-restore-request" in headers:
        return NOBODY
    return Htmx(
        asked=True,
        partial=headers.get("hx-request-type", "partial") != "full",
        boosted=headers.get("hx-boosted") == "true",
        source=headers.get("hx-source", ""),
        target=headers.get("hx-target", ""),
        current=split_address(headers.get("hx-current-url", ""))[1],
    )
