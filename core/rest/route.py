"""One row of the table of routes: what a path answers, and whom it lets in."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar import Request
from litestar.response.base import ASGIResponse

AnyRequest = Request[Any, Any, Any]
Methods = tuple[str, ...]
READ: Methods = ("GET", "HEAD")
POST: Methods = ("POST",)
PUT: Methods = ("PUT",)
PATCH: Methods = ("PATCH",)
DELETE: Methods = ("DELETE",)


class Route(msgspec.Struct, frozen=True):
    """A path with its methods, what is declared about it, and the function that answers.

    ``opt`` names the ``permission`` (or says ``public``) and, where there is one, the ``plugin``,
    the ``entity``, the ``doc`` of the operation and whether the answer is a ``page``.
    """

    path: str
    methods: Methods
    opt: dict[str, Any]
    fn: Callable[[AnyRequest], Awaitable[ASGIResponse]]

    def __post_init__(self) -> None:
        """Write the path as the table does: without a slash at its end."""
        msgspec.structs.force_setattr(self, "path", f"/{self.path.strip('/')}")
