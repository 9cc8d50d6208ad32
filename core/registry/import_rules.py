"""Who may import whom: a plugin the kernel's API and the public modules of what it requires."""

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

# What a plugin shows to others, and what its tests may show besides.
PUBLIC = frozenset(("models", "services", "events", "hookspecs"))
# Wrapped by the kernel, so that a change of one is a change in one place.
KERNEL_ONLY = frozenset(("pluggy", "saq", "jinja2"))


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of each import; ``from a import b`` counts as a.b."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            dots = "." * node.level
            module = f"{dots}{node.module or ''}"
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def violations(folder: Path, plugin: str, requires: Collection[str]) -> list[str]:
    """Return one sentence per import of the plugin in ``folder`` that the rules forbid."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        testing = "tests" in path.relative_to(folder).parts
        for line, name in imported(path):
            why = _why(name, plugin, requires, testing=testing)
            if why:
                found.append(f"{path}:{line}: {why}")
    return found


def _why(name: str, plugin: str, requires: Collection[str], *, testing: bool) -> str | None:
    root, _, rest = name.partition(".")
    if not root:
        return f"{name}: relative imports hide who needs whom"
    if root in KERNEL_ONLY:
        return f"{name} is wrapped by the kernel"
    if root == "core" and not rest.startswith(("plugin.", "testing.") if testing else "plugin."):
        return f"{name} is private to the kernel; import from core.plugin"
    if root == "plugins":
        return _between(name, rest, plugin, requires, testing=testing)
    return None


def _between(
    name: str, rest: str, plugin: str, requires: Collection[str], *, testing: bool
) -> str | None:
    other, _, member = rest.partition(".")
    if other == plugin:
        return None
    if other not in requires:
        return f"{name}: plugin.toml of {plugin} does not require {other}"
    shown = PUBLIC | {"tests"} if testing else PUBLIC
    return None if member.partition(".")[0] in shown else f"{name} is private to {other}"
