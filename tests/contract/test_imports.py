"""Who may import whom: the kernel no plugin, a plugin the kernel's API and what it requires."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.subjects import BROUGHT, ROOT, named

# What a plugin shows to others, and what its tests may show besides.
PUBLIC = frozenset(("models", "services", "events", "hookspecs"))
TEST_PUBLIC = PUBLIC | {"tests"}
# Wrapped by the kernel, so that a change of it is a change in one place.
KERNEL_ONLY = frozenset(("pluggy", "saq", "jinja2"))
PLUGIN_FILES = [
    (name, path)
    for name, plugin in BROUGHT.items()
    for path in sorted(Path(plugin.path).rglob("*.py"))
]


def imported(path: Path) -> Iterator[str]:
    """Yield each dotted name that ``path`` imports; ``from a import b`` counts as a.b."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def broken_law(own: str, path: Path, *, requires: list[str], testing: bool) -> list[str]:
    """Return what a file of the plugin ``own`` imports without being allowed to."""
    migration = "migrations" in path.parts
    found = []
    for name in imported(path):
        root, _, rest = name.partition(".")
        if root in KERNEL_ONLY:
            found.append(f"{name} is wrapped by the kernel")
        elif root == "core" and not _kernel_api(rest, testing=testing, migration=migration):
            found.append(f"{name} is private to the kernel")
        elif root == "plugins":
            other, _, member = rest.partition(".")
            public = TEST_PUBLIC if testing else PUBLIC
            if other != own and other not in requires:
                found.append(f"{own} does not require {other}")
            elif other != own and member.partition(".")[0] not in public:
                found.append(f"{name} is private to {other}")
    return found


def _kernel_api(rest: str, *, testing: bool, migration: bool) -> bool:
    # A revision makes its tables with the functions that put the walls up.
    if migration and rest.startswith("database.tables."):
        return True
    return rest.startswith("plugin.") or (testing and rest.startswith("testing."))


@pytest.mark.parametrize(("own", "path"), PLUGIN_FILES, ids=str)
def test_plugin_imports_only_what_it_declares(own: str, path: Path) -> None:
    manifest = tomllib.loads((Path(BROUGHT[own].path) / "plugin.toml").read_text())
    inside = path.relative_to(BROUGHT[own].path)
    found = broken_law(
        own, path, requires=manifest.get("requires", []), testing=inside.parts[0] == "tests"
    )
    assert found == []


@pytest.mark.parametrize("path", sorted((ROOT / "core").rglob("*.py")), ids=str)
def test_kernel_imports_no_plugin_and_no_theme(path: Path) -> None:
    assert [n for n in imported(path) if n.split(".")[0] in ("plugins", "themes", "tests")] == []


@pytest.mark.parametrize("own", BROUGHT, ids=named)
def test_no_hidden_imports_in_files_that_the_framework_reads(own: str) -> None:
    """Litestar and SQLAlchemy evaluate annotations, so those names must exist at run time."""
    for part in ("routes.py", "models.py", "schemas.py"):
        path = Path(BROUGHT[own].path) / part
        if path.exists():
            names = list(imported(path))
            assert "__future__.annotations" not in names, path
            assert "typing.TYPE_CHECKING" not in names, path


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("from core.rest.context import Context", "core.rest.context.Context is private"),
        ("import plugins.other.models", "own does not require other"),
        ("from plugins.known import hooks", "plugins.known.hooks is private to known"),
        ("import pluggy", "pluggy is wrapped"),
    ],
)
def test_the_law_bites(tmp_path: Path, source: str, words: str) -> None:
    path = tmp_path / "services.py"
    path.write_text(source)
    (found,) = broken_law("own", path, requires=["known"], testing=False)
    assert words in found
