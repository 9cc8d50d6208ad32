"""Names are nouns of the field or verb and noun, not bare participles or deictic words."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.contract.subjects import ROOT

PARTS = ("core", "plugins", "tests", "tools")
WORDS = frozenset(
    (
        *("found", "given", "told", "said", "asked", "kept", "wanted", "seen", "sent", "taken"),
        *("place", "places", "looking", "judged", "judge"),
    )
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
# Standard compounds in which one of the words stands: the status 404, and users' column.
_STANDARD = re.compile(r"not_found|last_seen")


def _is_banned(name: str) -> bool:
    snake = _STANDARD.sub("", _CAMEL.sub("_", name).lower())
    return not WORDS.isdisjoint(snake.split("_"))


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """Yield the parameters of a public function."""
    if node.name.startswith("_"):
        return
    args = node.args
    named = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
    yield from (f"{node.name}({one.arg})" for one in named if one and _is_banned(one.arg))


def _offenders(path: Path) -> Iterator[str]:
    """Yield the banned names of a file: the module's own, classes, functions, parameters."""
    if _is_banned(path.stem):
        yield "module"
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            if _is_banned(node.name):
                yield node.name
            if not isinstance(node, ast.ClassDef):
                yield from _parameters(node)


def _all_offenders() -> set[str]:
    return {
        f"{path.relative_to(ROOT)}: {name}"
        for part in PARTS
        for path in (ROOT / part).rglob("*.py")
        for name in _offenders(path)
    }


def test_no_name_is_a_bare_participle_or_a_deictic_word() -> None:
    assert sorted(_all_offenders()) == []


def test_banned_words_are_recognised_in_every_form() -> None:
    banned = ("found", "Found", "AskedOfAll", "read_given", "Place", "_judge")
    assert [name for name in banned if not _is_banned(name)] == []
    good = (
        "foundation",
        "replace",
        "placeholder",
        "foresee",
        "Sentence",
        "NotFound",
        "last_seen_at",
    )
    assert [name for name in good if _is_banned(name)] == []
