"""What is wrong with a configuration file: where, what is allowed, and the nearest name."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from pathlib import Path

import msgspec

from core.errors import StartRefused

KeyPath = tuple[str, ...]

# Longer lists (time zones, currencies) drown the message; the nearest name says more.
LISTED = 30


class Location(msgspec.Struct, frozen=True):
    """A line of a file, counted from one."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Problem(msgspec.Struct, frozen=True):
    """One refused key. ``str()`` is the line that an operator reads."""

    location: Location
    key: str
    detail: str

    def __str__(self) -> str:
        return f"{self.location}: {self.key}: {self.detail}" if self.key else self.bare

    @property
    def bare(self) -> str:
        return f"{self.location}: {self.detail}"


class ConfigError(StartRefused):
    """The configuration is refused; every problem found is listed, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(
            sorted(problems, key=lambda p: (str(p.location.file), p.location.line))
        )
        super().__init__("\n".join(map(str, self.problems)))


class LocationIndex:
    """Where each key stands, over all files of one configuration."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._locations: dict[KeyPath, Location] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LocationIndex) and self._locations == other._locations

    __hash__ = None  # type: ignore[assignment]  # filled while the files are read

    def add(self, path: KeyPath, location: Location) -> None:
        self._locations.setdefault(path, location)

    def find(self, path: KeyPath) -> Location:
        """Return the location of the key, or of the nearest table above it."""
        while path:
            if path in self._locations:
                return self._locations[path]
            path = path[:-1]
        return Location(self._root, 1)


class Findings:
    """Collects problems while a configuration is read, so that one run reports them all."""

    def __init__(self, locations: LocationIndex) -> None:
        self.locations = locations
        self.problems: list[Problem] = []

    def add(self, path: KeyPath, detail: str) -> None:
        self.problems.append(Problem(self.locations.find(path), dotted(path), detail))

    def unknown(self, path: KeyPath, what: str, name: str, allowed: Collection[str]) -> None:
        """Refuse ``name``, saying what is allowed and what was probably meant."""
        self.add(path, f'unknown {what} "{name}"{suggestion(name, allowed)}')

    def refuse(self) -> None:
        """Raise what was found, if anything was."""
        if self.problems:
            raise ConfigError(self.problems)


def suggestion(name: str, allowed: Collection[str]) -> str:
    """Return the tail of a message: the allowed names when they are few, and the nearest."""
    tail = ""
    if 0 < len(allowed) <= LISTED:
        tail = "; allowed: " + ", ".join(sorted(allowed))
    elif not allowed:
        tail = "; none is allowed here"
    by_fold = {candidate.casefold(): candidate for candidate in sorted(allowed, reverse=True)}
    near = get_close_matches(name.casefold(), by_fold, n=1, cutoff=0.6)
    return f'{tail}; did you mean "{by_fold[near[0]]}"?' if near else tail


def dotted(path: KeyPath) -> str:
    """Return the path as TOML would write it, list positions as ``[0]``."""
    text = ""
    for part in path:
        if part.startswith("["):
            text += part
        else:
            bare = part.replace("-", "").replace("_", "").isalnum() and part.isascii()
            text += ("." if text else "") + (part if bare else f'"{part}"')
    return text
