"""How a hand-written route says what it takes and answers; the OpenAPI document is made from it."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec


class OperationDoc(msgspec.Struct, frozen=True, kw_only=True):
    """The words beside a handler: ``opt={"permission": …, "doc": OperationDoc(summary=…)}``.

    ``body``, ``query`` and ``answer`` are msgspec types, ``also`` those of further statuses.
    ``each`` gives, for a tenant, every name that may stand in the path, with the type of its body
    and answer. ``refuses`` adds statuses to those that every route of its kind can answer;
    ``once`` is for routes that take an Idempotency-Key.
    """

    summary: str
    id: str = ""
    description: str = ""
    tag: str = ""
    body: Any = None
    body_required: bool = True
    query: Any = None
    answer: Any = None
    status: int = 200
    also: dict[int, Any] = {}
    example: dict[str, Any] | None = None
    refuses: tuple[int, ...] = ()
    headers: tuple[str, ...] = ()
    each: Callable[[Any], Mapping[str, Any]] | None = None
    once: bool = False
    media: str = "application/json"
