"""Find the line of every key in a TOML text that ``tomllib`` has already accepted.

Neither tomllib nor tomlkit tells positions. Keys inside inline tables and list elements are
not listed: they stand on the line of the key that holds them.
"""

import re
from collections.abc import Iterator

from core.config.problems import KeyPath

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r'[ \t]*(?:"((?:[^"\\\n]|\\.)*)"|\'([^\'\n]*)\'|([A-Za-z0-9_-]+))[ \t]*')
# One step inside a value: a whole string, a comment, a bracket, or one other character.
_STEP = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|\#[^\n]*|.',
    re.DOTALL,
)


def key_lines(text: str) -> Iterator[tuple[KeyPath, int]]:
    """Yield (key path, line) of each table header and each key, in the order of the text."""
    scan = _Scan(text)
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    while scan.skip_blank():
        line = scan.line
        if scan.text[scan.at] == "[":
            name, repeated = scan.header()
            table = _resolve(name, counts)
            if repeated:
                counts[table] = counts.get(table, -1) + 1
                table = (*table, f"[{counts[table]}]")
            yield from _with_parents(table, line)
        else:
            key = scan.key()
            scan.skip_value()
            yield from _with_parents((*table, *key), line)


def _with_parents(path: KeyPath, line: int) -> Iterator[tuple[KeyPath, int]]:
    """Yield the path and its parents: the first to claim a key keeps it."""
    for length in range(len(path), 0, -1):
        yield path[:length], line


def _resolve(name: KeyPath, counts: dict[KeyPath, int]) -> KeyPath:
    """Put the current position behind each parent that is an array of tables."""
    path: KeyPath = ()
    for part in name[:-1]:
        path = (*path, part)
        if path in counts:
            path = (*path, f"[{counts[path]}]")
    return (*path, name[-1])


class _Scan:
    """A position in the text. It trusts that the text is valid TOML."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    @property
    def line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1

    def skip_blank(self) -> bool:
        found = _BLANK.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.at < len(self.text)

    def header(self) -> tuple[KeyPath, bool]:
        """Read ``[name]`` or ``[[name]]``; return the name and whether it is an array."""
        repeated = self.text.startswith("[[", self.at)
        self.at += 2 if repeated else 1
        name = self.key()
        self.at += 1 if repeated else 0
        return name, repeated

    def key(self) -> KeyPath:
        """Read a dotted key and the one character that ends it (``=`` or ``]``)."""
        parts: list[str] = []
        while found := _KEY.match(self.text, self.at):
            quoted, literal, bare = found.groups()
            parts.append(_unescaped(quoted) if quoted is not None else literal or bare or "")
            self.at = found.end() + 1
            if self.text[found.end()] != ".":
                break
        return tuple(parts)

    def skip_value(self) -> None:
        """Move to the end of the line on which the value closes."""
        depth = 0
        while found := _STEP.match(self.text, self.at):
            step = found.group()
            if step == "\n" and depth == 0:
                return
            depth += (step in "[{") - (step in "]}")
            self.at = found.end()


def _unescaped(quoted: str) -> str:
    return re.sub(
        r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))",
        lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else _ESCAPES.get(m[3], m[3]),
        quoted,
    )


_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}
