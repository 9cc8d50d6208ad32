"""Copies third-party files out of unpacked packages into ``static/vendor`` and writes the lock.

``python -m tools.vendoring FOLDER``, where FOLDER holds ``<name>-<version>/`` per package.
"""

import base64
import hashlib
import re
import sys
import tomllib
from pathlib import Path

import tomlkit

VENDOR = Path(__file__).parents[1] / "core" / "admin" / "static" / "vendor"
LOCK = VENDOR / "vendor.lock"
SPRITE = "lucide.svg"
HEAD = '<svg xmlns="http://www.w3.org/2000/svg">\n'


def digest(content: bytes) -> str:
    """Return what a lock and an ``integrity`` attribute say of a file."""
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()


def sprite(folder: Path, names: list[str]) -> bytes:
    """Return one SVG with a symbol per icon; a stroke's look is left to the page."""
    symbols = []
    for name in sorted(names):
        text = (folder / f"{name}.svg").read_text("utf-8")
        drawing = re.sub(r"\s+", " ", text[text.index(">", text.index("<svg")) + 1 :])
        drawing = drawing.replace("</svg>", "").replace("> <", "><").replace(" />", "/>").strip()
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{drawing}</symbol>\n')
    return (HEAD + "".join(symbols) + "</svg>\n").encode()


def take(folder: Path) -> None:
    """Copy every file of the lock from ``folder`` and write down what was copied."""
    lock = tomlkit.parse(LOCK.read_text("utf-8"))
    icons = list(tomllib.loads(LOCK.read_text("utf-8"))["icons"])
    licences = []
    for entry in lock["file"]:
        package = folder / f"{entry['name']}-{entry['version']}"
        source = package / entry["path"]
        built = entry["file"] == SPRITE
        content = sprite(source, icons) if built else source.read_bytes()
        (VENDOR / entry["file"]).write_bytes(content)
        entry["sha384"] = digest(content)
        found = next(p for p in sorted(package.iterdir()) if p.name.startswith("LICENSE"))
        text = f"{entry['name']} {entry['version']}\n\n{found.read_text('utf-8').strip()}\n"
        if text not in licences:
            licences.append(text)
    (VENDOR / "LICENSES.txt").write_text(f"\n{'-' * 72}\n\n".join(licences), "utf-8")
    LOCK.write_text(tomlkit.dumps(lock), "utf-8")


if __name__ == "__main__":
    take(Path(sys.argv[1]))
