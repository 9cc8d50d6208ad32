"""Who may import whom: the kernel no plugin, a plugin the kernel's API and what it requires."""

from pathlib import Path

import pytest

from core.registry.import_rules import imported, violations
from tests.contract.subjects import BROUGHT, ROOT, named


@pytest.mark.parametrize("own", BROUGHT, ids=named)
def test_plugin_imports_only_what_it_declares(own: str) -> None:
    plugin = BROUGHT[own]
    assert violations(Path(plugin.path), own, plugin.manifest.requires) == []


@pytest.mark.parametrize("path", sorted((ROOT / "core").rglob("*.py")), ids=str)
def test_kernel_imports_no_plugin_and_no_theme(path: Path) -> None:
    names = [name for _, name in imported(path)]
    assert [n for n in names if n.split(".")[0] in ("plugins", "themes", "tests")] == []


@pytest.mark.parametrize("own", BROUGHT, ids=named)
def test_no_hidden_imports_in_files_that_the_framework_reads(own: str) -> None:
    """Litestar and SQLAlchemy evaluate annotations, so those names must exist at run time."""
    for part in ("routes.py", "models.py", "schemas.py"):
        path = Path(BROUGHT[own].path) / part
        if path.exists():
            names = [name for _, name in imported(path)]
            assert "__future__.annotations" not in names, path
            assert "typing.TYPE_CHECKING" not in names, path


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("from core.runtime.context import Context", "core.runtime.context.Context"),
        ("import plugins.other.models", "plugins.other.models"),
        ("from plugins.known import hooks", "plugins.known.hooks"),
        ("import pluggy", "pluggy is wrapped"),
        ("from . import services", "relative imports"),
    ],
)
def test_the_law_bites(tmp_path: Path, source: str, words: str) -> None:
    (tmp_path / "services.py").write_text(source)
    (found,) = violations(tmp_path, "own", ["known"])
    assert words in found
