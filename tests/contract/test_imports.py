"""Who may import whom: the kernel no plugin, a plugin the kernel's API and what it requires."""

from pathlib import Path

import pytest

from core.registry.import_rules import imported, violations
from tests.contract.subjects import BROUGHT, ROOT


def test_plugins_import_only_what_they_declare() -> None:
    unlawful = [
        violation
        for own, plugin in BROUGHT.items()
        for violation in violations(Path(plugin.path), own, plugin.manifest.requires)
    ]
    assert unlawful == []


def test_the_kernel_imports_no_plugin_and_no_theme() -> None:
    unlawful = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / "core").rglob("*.py"))
        for _, name in imported(path)
        if name.split(".")[0] in ("plugins", "themes", "tests", "tools")
    ]
    assert unlawful == []


def test_no_hidden_imports_in_files_that_the_framework_reads() -> None:
    """Litestar and SQLAlchemy evaluate annotations, so those names must exist at run time."""
    hidden = [
        f"{path}: {name}"
        for plugin in BROUGHT.values()
        for part in ("routes.py", "models.py", "schemas.py")
        if (path := Path(plugin.path) / part).exists()
        for _, name in imported(path)
        if name in ("__future__.annotations", "typing.TYPE_CHECKING")
    ]
    assert hidden == []


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
def test_a_violation_is_reported(tmp_path: Path, source: str, words: str) -> None:
    (tmp_path / "services.py").write_text(source)
    (violation,) = violations(tmp_path, "own", ["known"])
    assert words in violation
