"""Which names a new plugin may have; whatever is wrong is refused with the reason."""

import importlib.util
import keyword
import re
from collections.abc import Iterable

from core.errors import StartRefused

# Folders and modules beside the plugins.
TAKEN = frozenset(("conftest", "core", "migrations", "plugins", "test", "tests", "themes"))
# What the files of a new plugin import: its entity cannot be called the same.
IMPORTED = frozenset(("Entity", "Grant", "MakeWorld", "Mapped", "String", "Text"))
# Names of tables, columns and constraints begin with the plugin's; PostgreSQL cuts them at 63.
MOST_LETTERS = 30


def check_name(name: str, others: Iterable[str]) -> None:
    """Refuse what cannot be imported, what the project uses, and what looks like another plugin."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise StartRefused(
            f"{name!r} cannot be a plugin's name: use a-z, 0-9 and single _ between them,"
            " beginning with a letter."
        )
    if keyword.iskeyword(name):
        raise StartRefused(f"{name!r} is a word of Python, so nothing could import the plugin.")
    if name in TAKEN:
        raise StartRefused(f"{name!r} is a name that the project uses itself; choose another.")
    if len(name) > MOST_LETTERS:
        raise StartRefused(
            f"{name!r} is too long: its tables begin with it; at most {MOST_LETTERS} characters."
        )
    for other in others:
        _check_beside(name, other)


def _check_beside(name: str, other: str) -> None:
    if name == other:
        raise StartRefused(f"There is a plugin {name!r} already.")
    for longer, shorter in ((name, other), (other, name)):
        if longer.startswith(f"{shorter}_"):
            raise StartRefused(
                f"{name!r} cannot stand beside {other!r}: what begins with {shorter}_ in the"
                f" database belongs to {shorter!r}."
            )


def check_entity(name: str, cls: str) -> None:
    """Refuse a name from which the class of the first entity could not be made."""
    if cls in IMPORTED or keyword.iskeyword(cls):
        raise StartRefused(
            f"{name!r} would call its entity {cls}, which the kernel's own words need;"
            " choose another name."
        )


def check_package(package: str) -> None:
    """Refuse a package that Python finds already: the older one would be loaded instead."""
    if importlib.util.find_spec(package) is not None:
        raise StartRefused(f"Python finds a package {package!r} already; choose another name.")
