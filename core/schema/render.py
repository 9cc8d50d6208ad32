"""Python source for a migration: calls, columns and the file around them, formatted at once."""

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

WIDTH = 100
QUOTES = "\"'"
# A whole string, or one of the letters that structure a call.
_TOKEN = re.compile(r"""\"(?:\\.|[^"\\])*\"|'(?:\\.|[^'\\])*'|[,()\[\]{}]""")
PLUGIN_NAMES = ("drop_tenant_columns", "drop_tenant_table", "tenant_columns", "tenant_table")


class Call(msgspec.Struct, frozen=True):
    """A call of a function, its arguments as source."""

    function: str
    arguments: tuple[str, ...]

    def lines(self, indent: int) -> list[str]:
        """Return the call as a formatter would leave it."""
        if len(self.arguments) == 1 and self.arguments[0][0] in QUOTES:
            return _spoken(self.function, self.arguments[0], indent)
        return exploded(f"{self.function}(", self.arguments, ")", indent)


def _spoken(function: str, literal: str, indent: int) -> list[str]:
    """Return a call with one string, broken between words where it is too long for a line."""
    space = " " * indent
    flat = f"{space}{function}({literal})"
    if len(flat) <= WIDTH:
        return [flat]
    width = WIDTH - indent - 4 - 3
    parts = textwrap.wrap(literal[1:-1], width, break_long_words=False, break_on_hyphens=False)
    quote = literal[0]
    lines = [f"{space}    {quote}{' ' if i else ''}{part}{quote}" for i, part in enumerate(parts)]
    return [f"{space}{function}(", *lines, f"{space})"]


def exploded(head: str, parts: Sequence[str], tail: str, indent: int) -> list[str]:
    """Return one line if it fits, else one line per part, each ended by a comma."""
    space = " " * indent
    flat = f"{space}{head}{', '.join(parts)}{tail}"
    if len(flat) <= WIDTH and "\n" not in flat:
        return [flat]
    lines = [f"{space}{head}"]
    for part in parts:
        lines += _part(part, indent + 4)
    return [*lines, f"{space}{tail}"]


def _part(part: str, indent: int) -> list[str]:
    line = f"{' ' * indent}{part},"
    if len(line) <= WIDTH or part[0] in QUOTES:
        return [line]
    open_at = min(i for i in (part.find("("), part.find("{")) if i >= 0)
    head, inner, tail = part[: open_at + 1], part[open_at + 1 : -1], part[-1]
    lines = exploded(head, _split(inner), tail, indent)
    return [*lines[:-1], f"{lines[-1]},"]


def _split(source: str) -> list[str]:
    """Split at the commas that stand outside brackets and quotes."""
    parts, depth, start = [], 0, 0
    for found in _TOKEN.finditer(source):
        sign = found[0]
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and depth == 0:
            parts.append(source[start : found.start()].strip())
            start = found.end()
    parts.append(source[start:].strip())
    return [part for part in parts if part]


def text(value: str) -> str:
    """Return a string literal in the quotes that need no escape, double ones by choice."""
    plain = value.replace("\\", "\\\\").replace("\n", "\\n")
    if '"' in plain and "'" not in plain:
        return f"'{plain}'"
    return '"' + plain.replace('"', '\\"') + '"'


def names_in(names: Iterable[Any]) -> str:
    """Return a tuple of names, or of tuples of names."""
    parts = [text(n) if isinstance(n, str) else names_in(n) for n in names]
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def pairs(links: Mapping[str, tuple[str, str]]) -> str:
    """Return a dictionary of columns and what they point at."""
    parts = (f"{text(n)}: ({text(table)}, {text(rule)})" for n, (table, rule) in links.items())
    return "{" + ", ".join(parts) + "}"


def type_source(type_: Any) -> str:
    """Return how a migration names a type."""
    if isinstance(type_, ARRAY):
        return "ARRAY(sa.Text())"
    if isinstance(type_, JSONB):
        return "JSONB()"
    if isinstance(type_, sa.DateTime):
        return "sa.DateTime(timezone=True)"
    name = f"sa.{type(type_).__name__}"
    if isinstance(type_, sa.String) and type_.length:
        return f"{name}({type_.length})"
    return f"{name}()"


def column_source(column: sa.Column[Any]) -> str:
    """Return the source of one column."""
    parts = [text(column.name), type_source(column.type)]
    if column.computed is not None:
        parts.append(f"sa.Computed({text(str(column.computed.sqltext))}, persisted=True)")
        return f"sa.Column({', '.join(parts)})"
    if not column.nullable:
        parts.append("nullable=False")
    if isinstance(column.server_default, sa.DefaultClause):
        given = column.server_default.arg
        shown = text(given) if isinstance(given, str) else f"sa.text({text(str(given))})"
        parts.append(f"server_default={shown}")
    return f"sa.Column({', '.join(parts)})"


def render(
    up: Sequence[Call], down: Sequence[Call], *, revision: str, before: str | None, says: str
) -> str:
    """Return the file of one revision."""
    body = [*_function("upgrade", up), "", "", *_function("downgrade", down)]
    source = "\n".join(body)
    head = [f'"""{says.rstrip(".")}."""', "", *_imports(source), ""]
    head.append(f"revision = {text(revision)}")
    head += [f"down_revision = {text(before) if before else None}", "", ""]
    return "\n".join([*head, source]) + "\n"


def _function(name: str, calls: Sequence[Call]) -> list[str]:
    lines = [f"def {name}() -> None:"]
    for call in calls:
        lines += call.lines(4)
    return lines


def _imports(source: str) -> list[str]:
    lines = []
    if "sa." in source:
        lines.append("import sqlalchemy as sa")
    if "op." in source:
        lines.append("from alembic import op")
    kinds = [name for name in ("ARRAY", "JSONB") if f"{name}(" in source]
    if kinds:
        lines.append(f"from sqlalchemy.dialects.postgresql import {', '.join(kinds)}")
    used = [n for n in PLUGIN_NAMES if f" {n}(" in source]
    if lines and used:
        lines.append("")
    if used:
        flat = f"from core.plugin import {', '.join(used)}"
        lines += (
            [flat] if len(flat) <= WIDTH else exploded("from core.plugin import (", used, ")", 0)
        )
    return lines
