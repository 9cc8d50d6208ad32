"""``plugin.toml``: what a plugin says of itself, read without importing it."""

import difflib
import re
import tomllib
from pathlib import Path

import msgspec

from core.errors import StartRefused


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A plugin's name, version and needs. ``requires`` may be imported, ``optional`` may not."""

    name: str
    title: str
    summary: str
    version: str
    kernel: str
    requires: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


def read_manifest(path: Path) -> Manifest:
    """Return the manifest at ``path``; refuses a wrong one with ``StartRefused`` and its place."""
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise StartRefused(f"{path}: a plugin needs a plugin.toml") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StartRefused(f"{path}: {error}") from None
    known = Manifest.__struct_fields__
    for key in content:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise StartRefused(f"{path}: unknown key {key!r}{hint}")
    try:
        manifest = msgspec.convert(content, Manifest)
    except msgspec.ValidationError as error:
        raise StartRefused(f"{path}: {error}") from None
    if not re.fullmatch(r"[a-z][a-z0-9_]*", manifest.name):
        raise StartRefused(f"{path}: name {manifest.name!r} must match [a-z][a-z0-9_]*")
    return manifest


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)) or (0,)


def fits(kernel_range: str, version: str) -> bool:
    """Return whether ``version`` lies in a range such as ``>=0.1,<0.3``."""
    have = _version(version)
    for part in kernel_range.split(","):
        found = re.fullmatch(r"\s*(>=|<=|<|>|==)?\s*([\d.]+)\s*", part)
        if not found:
            return False
        want = _version(found[2])
        ok = {
            ">=": have >= want,
            "<=": have <= want,
            "<": have < want,
            ">": have > want,
            "==": have == want,
        }
        if not ok[found[1] or "=="]:
            return False
    return True
