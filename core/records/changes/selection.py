"""What the bodies of batch and bulk have in common: their keys, ``atomic`` and lists of ids."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from core.errors import FieldError, Invalid

MOST_IDS = 10_000


def known_keys(body: dict[str, Any], allowed: Sequence[str]) -> None:
    """Refuse every key of ``body`` that is not allowed."""
    errors = [
        FieldError(f"#/{name}", f"Unknown key {name!r}.", "unknown", tuple(allowed))
        for name in body
        if name not in allowed
    ]
    if errors:
        raise Invalid.fields(errors)


def read_atomic(body: dict[str, Any]) -> bool:
    """Return whether one wrong record refuses all."""
    atomic = body.get("atomic", False)
    if not isinstance(atomic, bool):
        raise Invalid.field("#/atomic", "atomic must be true or false.", "type")
    return atomic


def read_ids(value: Any, pointer: str = "#/ids") -> list[UUID]:
    """Return a list of ids: 1 to 10,000 texts that are UUIDs, each once, in their order."""
    if not isinstance(value, list) or not value:
        raise Invalid.field(pointer, "Name at least one record.", "required")
    if len(value) > MOST_IDS:
        raise Invalid.field(pointer, f"At most {MOST_IDS} records at once.", "too_many")
    found: dict[UUID, None] = {}
    for place, text in enumerate(value):
        try:
            found[UUID(text)] = None
        except (ValueError, TypeError, AttributeError):
            raise Invalid.field(f"{pointer}/{place}", "This is not an id.", "type") from None
    return list(found)
