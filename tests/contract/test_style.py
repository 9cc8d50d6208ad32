"""Sizes, names and suppressions; an exemption carries its reason, and a stale one fails."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.contract.subjects import ROOT

MOST_FILE_LINES = 500
MOST_FUNCTION_LINES = 40
MOST_CLASS_LINES = 150
MOST_PARAMETERS = 5
SOURCES = sorted(
    p for part in ("core", "plugins", "migrations") for p in (ROOT / part).rglob("*.py")
)
# Names that say nothing of what a thing is.
BANNED = ("manager", "handler", "helper", "util", "utils", "data", "info", "process", "do", "base",
          "common", "misc")  # fmt: skip
_SUPPRESSION = re.compile(r"#\s*(?:type:\s*ignore|noqa|pragma|fmt:\s*off)")
_CODED = re.compile(r"#\s*(?:type:\s*ignore\[[\w,-]+\]|noqa:\s*[A-Z]+\d+|pragma: no cover)")

LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {
    "core/model/entities.py.entity": "the word itself: one keyword and one line per option",
    "core/model/fields.py.field": "the word itself: one keyword per option",
}
LONG_CLASSES: dict[str, str] = {}
NAMED = {
    "core/cli/one_time_links.py.base_url": "the setting is called so everywhere",
    "core/rest/addresses.py.base_url": "the setting is called so everywhere",
}


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


def nodes(path: Path, *kinds: type[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    """Yield each node of the given kinds with its dotted name, which begins with the file's."""

    def walk(node: ast.AST, parent: str) -> Iterator[tuple[str, ast.AST]]:
        for child in ast.iter_child_nodes(node):
            name = getattr(child, "name", None)
            here = f"{parent}.{name}" if isinstance(name, str) else parent
            if isinstance(child, kinds):
                yield here, child
            yield from walk(child, here)

    yield from walk(ast.parse(path.read_text()), short(path))


def _docstring(source: str) -> str | None:
    return ast.get_docstring(ast.parse(source))


def lines(node: ast.AST) -> int:
    """Return how many lines a function or class has, its docstring left out."""
    body = getattr(node, "body", [])
    doc = body[0] if body and isinstance(body[0], ast.Expr) else None
    text = isinstance(getattr(doc, "value", None), ast.Constant)
    whole = int(getattr(node, "end_lineno", 0)) - int(getattr(node, "lineno", 0)) + 1
    return whole - ((doc.end_lineno or 0) - doc.lineno + 1 if doc is not None and text else 0)


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def too_long_files() -> dict[str, int]:
    counts = {short(p): len(p.read_text().splitlines()) for p in SOURCES}
    return {name: count for name, count in counts.items() if count > MOST_FILE_LINES}


def too_long(kinds: tuple[type[ast.AST], ...], most: int) -> dict[str, int]:
    # A revision is one list of columns, which nobody reads in parts.
    paths = [path for path in SOURCES if "migrations" not in path.parts]
    found = ((qualname, lines(node)) for path in paths for qualname, node in nodes(path, *kinds))
    return {qualname: count for qualname, count in found if count > most}


def test_no_file_is_too_long() -> None:
    assert set(too_long_files()) == set(LONG_FILES), too_long_files()


def test_no_function_is_too_long() -> None:
    found = too_long(FUNCTIONS, MOST_FUNCTION_LINES)
    assert set(found) == set(LONG_FUNCTIONS), found


def test_no_class_is_too_long() -> None:
    found = too_long((ast.ClassDef,), MOST_CLASS_LINES)
    assert set(found) == set(LONG_CLASSES), found


def test_names_say_what_things_are() -> None:
    vague = [short(path) for path in SOURCES if set(path.stem.split("_")) & set(BANNED)]
    for path in SOURCES:
        for name, _ in nodes(path, *FUNCTIONS, ast.ClassDef):
            words = re.findall(r"[A-Z]?[a-z]+", name.rpartition(".")[2])
            if {word.lower() for word in words} & set(BANNED):
                vague.append(name)
    assert [name for name in vague if name not in NAMED] == []


def test_every_module_has_a_docstring() -> None:
    texts = {short(path): path.read_text() for path in SOURCES}
    assert [p for p, text in texts.items() if text.strip() and not _docstring(text)] == []


def test_nothing_is_left_unfinished() -> None:
    texts = {short(path): path.read_text() for path in SOURCES}
    unfinished = ("TODO", "NotImplementedError")
    assert [p for p, text in texts.items() if any(word in text for word in unfinished)] == []


def test_every_suppression_names_what_it_suppresses() -> None:
    unnamed = [
        f"{short(path)}:{number}: {line.strip()}"
        for path in SOURCES
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if _SUPPRESSION.search(line) and not _CODED.search(line)
    ]
    assert unnamed == []


def test_exemptions_are_alive() -> None:
    qualnames = {short(p) for p in SOURCES}
    qualnames |= {qualname for p in SOURCES for qualname, _ in nodes(p, *FUNCTIONS, ast.ClassDef)}
    for exempted in (LONG_FILES, LONG_FUNCTIONS, LONG_CLASSES, NAMED):
        assert set(exempted) <= qualnames
        assert all(reason.strip() for reason in exempted.values())
