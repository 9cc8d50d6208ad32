"""The values of which a declaration is made: figures, named filters, scopes over a link table."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

Criteria = Mapping[str, Any]


class Aggregate(msgspec.Struct, frozen=True, kw_only=True):
    """A figure over the visible records, part of ``GET /api/<resource>/stats/``.

    ``by`` splits it by a choice field; its value is then an object with one number per code.
    ``icon`` and ``tone`` are how its card over the list is drawn.
    """

    key: str
    label: str
    function: Literal["count", "sum"] = "count"
    field: str | None = None
    where: Criteria | None = None
    by: str | None = None
    icon: str = ""
    tone: str = "neutral"
    plugin: str = ""


class NamedFilter(msgspec.Struct, frozen=True, kw_only=True):
    """A query parameter of the list that is not a field: ``?loyalty_level=gold``.

    ``criteria`` turns the value into criteria, or raises ``ValueError`` that says what is allowed.
    """

    key: str
    label: str
    uses: tuple[str, ...]
    criteria: Callable[[str], Criteria]
    plugin: str = ""


class Through(msgspec.Struct, frozen=True, kw_only=True):
    """A scope that runs over a link table: rows of ``entity`` join ``here`` to ``there``.

    ``local`` is the column whose value stands in ``here``: the record's own id, or a link to the
    record that the link table knows.
    """

    entity: str
    here: str
    there: str
    local: str = "id"
