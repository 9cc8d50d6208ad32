"""The plugin guide as a program: its blocks in order, and what each does to a folder.

The first line of a block says what it is: ``python models.py`` is a whole file, with ``imports``
it replaces the import section, with ``append`` it goes to the end; ``sections`` replaces sections
of a page. ``sh`` is run, ``sh serving`` against a server, ``json`` is what the block before said.
Whatever else is ``console``: long-running, or shown only.
"""

import ast
import re
from pathlib import Path

import msgspec

from tests.core.apps import PROJECT

GUIDE = PROJECT / "docs" / "plugin-guide.md"
EXAMPLE = PROJECT / "tests" / "guide_plugin"
_BLOCK = re.compile(r"^```(\w+)(?: (\S+))?(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SECTION = re.compile(r"^(## .+)$", re.MULTILINE)


class Block(msgspec.Struct, frozen=True):
    """One fenced block: its language, the file or kind, how it goes in, and its text."""

    language: str
    place: str
    mode: str
    text: str

    @property
    def is_file(self) -> bool:
        """Whether it changes a file of the plugin."""
        return self.language in ("python", "toml", "markdown") and self.place != "crm.toml"


def blocks() -> list[Block]:
    """Return the blocks of the guide in order."""
    return [Block(*(part or "" for part in found)) for found in _BLOCK.findall(GUIDE.read_text())]


def apply(block: Block, folder: Path) -> None:
    """Do to the plugin in ``folder`` what a reader does with a block."""
    path = folder / block.place
    if not block.mode:
        path.write_text(block.text)
        return
    change = {"imports": _with_imports, "append": _with_more, "sections": _with_sections}
    path.write_text(change[block.mode](path.read_text(), block.text))


def _with_imports(old: str, new: str) -> str:
    found = [n for n in ast.parse(old).body if isinstance(n, ast.Import | ast.ImportFrom)]
    lines = old.splitlines(keepends=True)
    return "".join(lines[: found[0].lineno - 1]) + new + "".join(lines[found[-1].end_lineno :])


def _with_more(old: str, new: str) -> str:
    return f"{old.rstrip()}\n\n\n{new}"


def _with_sections(old: str, new: str) -> str:
    head, *parts = _SECTION.split(old)
    texts = dict(zip(parts[::2], parts[1::2], strict=True))
    given = _SECTION.split(new)[1:]
    for heading, text in zip(given[::2], given[1::2], strict=True):
        assert heading in texts, f"{heading} is no section of the page"
        texts[heading] = f"\n\n{text.strip()}\n\n"
    return (head + "".join(h + t for h, t in texts.items())).rstrip() + "\n"


def example_file(name: str) -> str:
    """Return a file of the example as it reads in ``plugins/visits``."""
    return (EXAMPLE / name).read_text().replace("tests.guide_plugin", "plugins.visits")
