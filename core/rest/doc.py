"""How a hand-written route says what it takes and answers; the OpenAPI document is made from it."""

from typing import Any

import msgspec


class Doc(msgspec.Struct, frozen=True, kw_only=True):
    """The words beside a handler: ``opt={"permission": …, "doc": Doc(summary=…)}``.

    ``body``, ``query`` and ``answer`` are msgspec types. ``names`` describes what stands in the
    path. ``refuses`` adds statuses to those that every route of its kind can answer; ``once`` is
    for routes that take an Idempotency-Key.
    """

    summary: str
    id: str = ""
    description: str = ""
    tag: str = ""
    body: Any = None
    query: Any = None
    answer: Any = None
    status: int = 200
    example: dict[str, Any] | None = None
    refuses: tuple[int, ...] = ()
    headers: tuple[str, ...] = ()
    names: dict[str, tuple[str, ...]] = {}
    once: bool = False
    media: str = "application/json"
