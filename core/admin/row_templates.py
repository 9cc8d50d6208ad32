"""Markup that is rendered once with gaps, and filled for each row: no row renders a template."""

import re
from collections.abc import Mapping

from markupsafe import Markup, escape

# Characters that no text of ours holds. What fills a gap is never searched for further ones.
OPEN, CLOSE = "\ue000", "\ue001"
_GAP = re.compile(f"{OPEN}([a-z0-9_]+){CLOSE}")


def gap(name: str) -> str:
    """Return what stands in a template's value where a row's own value will be."""
    return f"{OPEN}{name}{CLOSE}"


class RowTemplate:
    """The markup of a row with gaps for its values."""

    __slots__ = ("_names", "_texts")

    def __init__(self, markup: str) -> None:
        parts = _GAP.split(markup)
        self._texts, self._names = parts[::2], parts[1::2]

    def fill(self, values: Mapping[str, object]) -> Markup:
        """Return the markup with every gap filled; what is no markup is escaped."""
        found = [self._texts[0]]
        for name, text in zip(self._names, self._texts[1:], strict=True):
            found += (escape(values[name]), text)
        return Markup("".join(found))  # noqa: S704  # a template's own text, and escaped values
