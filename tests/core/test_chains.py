"""Where a chain is on disk, read without running its scripts."""

from pathlib import Path

import msgspec
import pytest
from alembic.script import ScriptDirectory

from core.errors import StartRefused
from core.registry.registry import Plugin
from core.schema.chain_config import alembic_config
from core.schema.chains import chain, head
from tests.contract.subjects import REGISTRY
from tests.sample_plugins import load_samples

PLUGINS = (REGISTRY.plugins | load_samples().registry.plugins).values()


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda p: p.name)
def test_the_newest_revision_is_the_one_that_alembic_finds(plugin: Plugin) -> None:
    folder = chain(plugin)
    assert folder is not None
    scripts = ScriptDirectory.from_config(alembic_config(plugin, folder))
    assert head(plugin) == scripts.get_current_head()


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    (tmp_path / "migrations").mkdir()
    return msgspec.structs.replace(REGISTRY.plugins["dummy"], path=str(tmp_path))


def write(plugin: Plugin, name: str, text: str) -> None:
    (Path(plugin.path) / "migrations" / name).write_text(text)


def test_a_chain_without_scripts_has_no_revision(plugin: Plugin) -> None:
    assert head(plugin) is None


def test_scripts_are_read_in_any_order_and_annotated(plugin: Plugin) -> None:
    write(
        plugin,
        "0001_b.py",
        '"""One."""\n\nrevision: str = "two"\ndown_revision: str | None = "one"\n',
    )
    write(plugin, "0002_a.py", 'raise RuntimeError\nrevision = "one"\ndown_revision = None\n')
    write(plugin, "__init__.py", "")
    assert head(plugin) == "two"


@pytest.mark.parametrize(
    ("second", "why"),
    [
        ('revision = "two"\ndown_revision = None\n', "2 newest revisions"),
        ('revision = "one"\ndown_revision = "one"\n', "0 newest revisions"),
        ("down_revision = None\n", "names no revision"),
    ],
)
def test_a_chain_that_has_not_one_end_is_refused(plugin: Plugin, second: str, why: str) -> None:
    write(plugin, "0001_a.py", 'revision = "one"\ndown_revision = None\n')
    write(plugin, "0002_b.py", second)
    with pytest.raises(StartRefused, match=why):
        head(plugin)
