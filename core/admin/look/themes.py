"""Themes: a folder with ``theme.toml``, ``static/`` and ``templates/`` over the kernel's look.

Colours are six hexadecimal digits, so that their contrast can be computed wherever they come from.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from core.errors import StartRefused

KERNEL = Path(__file__).parents[1]
DEFAULT = "default"
OWN = "theme.css"
NAME = re.compile(r"[a-z][a-z0-9_-]*")
COLOUR = re.compile(r"#[0-9a-f]{6}")
# What a measure or a font may be written with: nothing that could end the declaration.
PLAIN = re.compile(r"[\w\s.,%()'\"+*/-]{1,200}")


class ThemeFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``theme.toml``: ``tokens`` for both modes, ``light`` and ``dark`` for colours."""

    title: str
    parent: str = ""
    tokens: Mapping[str, str] = {}
    light: Mapping[str, str] = {}
    dark: Mapping[str, str] = {}


class Theme(msgspec.Struct, frozen=True):
    """A theme with everything it inherits. ``folders`` begins with its own."""

    name: str
    title: str
    folders: tuple[Path, ...]
    tokens: Mapping[str, str]
    light: Mapping[str, str]
    dark: Mapping[str, str]


def _read(path: Path) -> ThemeFile:
    try:
        found = msgspec.convert(tomllib.loads(path.read_text("utf-8")), ThemeFile)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise StartRefused(f"{path}: {error}") from None
    for colours in (found.light, found.dark):
        for name, value in colours.items():
            if not COLOUR.fullmatch(value):
                raise StartRefused(f"{path}: {name} = {value!r} must be written like '#1a2b3c'")
    for name, value in found.tokens.items():
        if not PLAIN.fullmatch(value):
            raise StartRefused(f"{path}: {name} = {value!r} has characters that a value may not")
    return found


def _chain(name: str, files: Mapping[str, ThemeFile]) -> list[str]:
    """Return a theme's names from itself to its last ancestor; refuses circles and strangers."""
    chain: list[str] = []
    while name:
        if name in chain:
            raise StartRefused(f"themes are each other's parents: {' -> '.join([*chain, name])}")
        if name not in files:
            raise StartRefused(f"theme {chain[-1]!r} has the parent {name!r}, which is not here")
        chain.append(name)
        name = files[name].parent
    return chain


def read_themes(folders: Iterable[Path]) -> dict[str, Theme]:
    """Return the themes in ``folders``; a later folder replaces by name.

    Every theme has the kernel's tokens; one that names none else looks like the kernel's pages.
    """
    places = {
        path.parent.name: path.parent
        for folder in folders
        for path in sorted(folder.glob("*/theme.toml"))
    }
    if wrong := [name for name in places if not NAME.fullmatch(name)]:
        raise StartRefused(f"theme {wrong[0]!r}: the folder's name must match [a-z][a-z0-9_-]*")
    files = {name: _read(place / "theme.toml") for name, place in places.items()}
    base = _read(KERNEL / "tokens.toml")
    themes = {}
    for name in files:
        chain = _chain(name, files)
        ancestry = [base, *(files[n] for n in reversed(chain))]
        themes[name] = Theme(
            name,
            files[name].title,
            tuple(places[n] for n in chain),
            {k: v for file in ancestry for k, v in file.tokens.items()},
            {k: v for file in ancestry for k, v in file.light.items()},
            {k: v for file in ancestry for k, v in file.dark.items()},
        )
    _check(themes)
    return themes


def _check(themes: Mapping[str, Theme]) -> None:
    """Refuse a colour of one mode only, and Python in a theme."""
    for theme in themes.values():
        if odd := set(theme.light) ^ set(theme.dark):
            raise StartRefused(f"theme {theme.name!r}: {sorted(odd)} need a light and a dark value")
        if next(theme.folders[0].rglob("*.py"), None):
            raise StartRefused(f"theme {theme.name!r}: a theme holds no Python")


def stylesheet(theme: Theme) -> bytes:
    """Return the theme's tokens as custom properties, then its ``static/theme.css``.

    The page's colour scheme picks the mode.
    """
    lines = [f"--{name}: {value};" for name, value in theme.tokens.items()]
    lines += [f"--{n}: light-dark({v}, {theme.dark[n]});" for n, v in theme.light.items()]
    own = [folder / "static" / OWN for folder in reversed(theme.folders)]
    rules = [path.read_text("utf-8") for path in own if path.is_file()]
    return "\n".join([":root, .dark {", *lines, "}", *rules]).encode()


def luminance(colour: str) -> float:
    """Return the relative luminance of ``#rrggbb`` as WCAG 2.2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
