"""What keeps the search index in step with the tables."""

from collections.abc import Iterator

from core.database.routines import Generated
from core.entities import Declaration
from core.registry import Registry


def generated(
    registry: Registry, entity: Declaration, columns: frozenset[str]
) -> Iterator[Generated]:
    """Yield the functions that a searchable entity's table carries; ``columns`` are those it has."""
    yield from ()
