"""Plugins from the command line: a new one works at once, and a purged one leaves nothing."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.cli.plugins.scaffold import singular, words_of, write_plugin
from core.postgres import embedded
from tests.core.commands import Project, copy_of_the_source

pytestmark = [pytest.mark.embedded, pytest.mark.slow]
RUFF = str(Path(sys.executable).with_name("ruff"))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("cli")
    source = copy_of_the_source(folder / "source")
    made = Project(folder, ("customers",), source)
    made.crm("plugin", "new", "notes")
    server = embedded.ensure(made.home)
    made.config.write_text(
        made.config.read_text().replace('"customers"]', '"customers", "notes"]', 1)
    )
    made.crm("db", "migrate")
    yield made
    server.leave()
    embedded.drop(made.home)


@pytest.mark.parametrize(
    ("plural", "one"), [("notes", "note"), ("companies", "company"), ("loyalty", "loyalty"),
                        ("glass", "glass"), ("win_backs", "win_back")],
)  # fmt: skip
def test_the_entity_is_named_after_one_of_many(plural: str, one: str) -> None:
    assert singular(plural) == one
    assert words_of("win_backs")["cls"] == "WinBack"


def test_a_new_plugin_keeps_every_rule(project: Project) -> None:
    assert "keeps every rule" in project.crm("plugin", "check", "notes")
    folder = project.source / "plugins" / "notes"
    for command in (["format", "--check"], ["check", "--ignore", "INP001,N999,S101,D1"]):
        options = ["--config", "pyproject.toml"]
        done = subprocess.run(
            [RUFF, *command, *options, str(folder)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout
    assert len((folder / "models.py").read_text().splitlines()) <= 40
    assert "nothing to write" in project.crm("plugin", "migration", "notes")
    assert "already" in project.crm("plugin", "new", "notes", good=False)
    assert "cannot be a plugin's name" in project.crm("plugin", "new", "No-Name", good=False)


def test_a_shipped_plugin_keeps_every_rule(project: Project) -> None:
    assert "keeps every rule" in project.crm("plugin", "check", "customers")


def test_the_tests_of_a_new_plugin_pass_at_once(project: Project) -> None:
    tests = project.source / "plugins" / "notes" / "tests"
    options = ["-q", "-c", str(Path.cwd() / "pyproject.toml"), "--rootdir", str(project.source)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-p", "no:cacheprovider", str(tests)],
        capture_output=True,
        text=True,
        cwd=project.source,
        env=project.environment(),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


def test_a_plugin_is_switched_on_and_off_for_one_tenant(project: Project) -> None:
    given = ("notes", "--tenant", "acme")
    assert "acme: notes on." in project.crm("plugin", "enable", *given)
    assert "acme: was on." in project.crm("plugin", "enable", *given)
    assert "acme" in project.crm("plugin", "list")
    assert "acme: notes off." in project.crm("plugin", "disable", *given)
    assert "no plugin 'nope'" in project.crm("plugin", "check", "nope", good=False)


@pytest.fixture
def notes_come_back(project: Project) -> Iterator[None]:
    """The other tests of this file want the plugin that one of them takes away."""
    installed = project.config.read_text()
    yield
    project.config.write_text(installed)
    project.crm("db", "migrate")


@pytest.mark.usefixtures("notes_come_back")
def test_a_purged_plugin_leaves_no_table_and_no_line(project: Project) -> None:
    project.crm("plugin", "enable", "notes", "--tenant", "acme")
    before = project.config.read_text()
    refused = project.crm("plugin", "remove", "notes", "--purge", stdin="no\n", good=False)
    assert "notes_note: 0 rows" in refused
    assert "Nothing was dropped" in refused
    assert project.config.read_text() == before
    said = project.crm("plugin", "remove", "notes", "--purge", stdin="notes\n")
    assert "Dropped notes_note" in said
    assert '"notes"' not in project.config.read_text()
    status = project.crm("db", "status")
    assert "notes" not in status
    assert "keeps every rule" in project.crm("db", "lint")


def test_a_required_plugin_is_not_removed(project: Project, tmp_path: Path) -> None:
    folder = project.source / "plugins" / "remarks"
    write_plugin(folder, "remarks")
    manifest = folder / "plugin.toml"
    manifest.write_text(manifest.read_text() + 'requires = ["customers"]\n')
    other = Project(tmp_path, ("customers", "remarks"), project.source)
    other.crm("plugin", "migration", "remarks", "-m", "First tables")
    said = other.crm("plugin", "remove", "customers", good=False)
    assert "'remarks' requires 'customers'; remove 'remarks' first" in said
