"""``crm plugin new``: names it refuses, nothing left behind, and a project that stands alone."""

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.cli.plugins.plugin_names import check_entity, check_name, check_package
from core.cli.plugins.scaffold import words_of
from core.errors import StartRefused
from core.postgres import embedded
from tests.core.commands import Project, copy_of_the_source

RUFF = str(Path(sys.executable).with_name("ruff"))


def check_plugin_name(name: str) -> None:
    """Check a name beside two plugins."""
    check_name(name, ["customers", "win_backs"])
    check_entity(name, words_of(name)["cls"])


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("No-Name", "use a-z, 0-9 and single _"),
        ("9lives", "beginning with a letter"),
        ("two__parts", "single _"),
        ("trailing_", "single _"),
        ("class", "a word of Python"),
        ("core", "the project uses itself"),
        ("tests", "the project uses itself"),
        ("x" * 31, "at most 30 characters"),
        ("customers", "There is a plugin 'customers' already"),
        ("customers_more", "what begins with customers_ in the database belongs to 'customers'"),
        ("win", "what begins with win_ in the database belongs to 'win'"),
        ("entities", "call its entity Entity"),
    ],
)
def test_a_bad_name_is_refused_with_the_reason(name: str, says: str) -> None:
    with pytest.raises(StartRefused) as refused:
        check_plugin_name(name)
    assert says in str(refused.value)


@pytest.mark.parametrize("name", ["calendar", "email", "statistics", "notes2", "winning"])
def test_a_module_of_pythons_own_is_no_obstacle(name: str) -> None:
    """A plugin is ``plugins.email`` or ``trellis_email``: neither hides Python's ``email``."""
    check_plugin_name(name)
    check_package(f"trellis_{name}")


def test_a_package_that_exists_is_refused() -> None:
    with pytest.raises(StartRefused, match="finds a package 'httpx' already"):
        check_package("httpx")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("new")
    made = Project(folder, ("customers",), copy_of_the_source(folder / "source"))
    yield made
    embedded.drop(made.home)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("companies", "/api/companies/ belongs to customers.company"),
        ("auth", "/api/auth is taken by the kernel"),
    ],
)
def test_an_address_in_use_is_refused_and_nothing_is_left(
    project: Project, name: str, says: str
) -> None:
    assert says in project.crm("plugin", "new", name, good=False)
    assert not (project.source / "plugins" / name).exists()


@pytest.fixture(scope="module")
def outside(project: Project) -> tuple[Path, dict[str, str]]:
    """A plugin written as a project of its own, and the environment in which it is installed."""
    said = project.crm("plugin", "new", "remarks", "--into", str(project.folder))
    folder = project.folder / "trellis-remarks"
    assert f"Wrote {folder}" in said
    environment = project.environment()
    environment["PYTHONPATH"] += f":{install(folder, project.folder / 'site')}"
    return folder, environment


def install(folder: Path, site: Path) -> str:
    """Do what an installer does with a source tree; return what is then on the path."""
    described = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    (points,) = described["entry-points"].items()
    written = site / "trellis_remarks-0.1.0.dist-info"
    written.mkdir(parents=True)
    name, version = described["name"], described["version"]
    (written / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = "\n".join(f"{name} = {value}" for name, value in points[1].items())
    (written / "entry_points.txt").write_text(f"[{points[0]}]\n{lines}\n")
    return f"{site}:{folder}"


def run(*words: str, cwd: Path, env: dict[str, str]) -> str:
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.embedded
def test_a_project_of_its_own_is_clean_and_its_tests_pass(
    outside: tuple[Path, dict[str, str]],
) -> None:
    folder, environment = outside
    for command in (("check",), ("format", "--check")):
        run(RUFF, *command, ".", cwd=folder, env=environment)
    said = run(sys.executable, "-m", "pytest", "-q", cwd=folder, env=environment)
    assert "4 passed" in said


@pytest.mark.slow
@pytest.mark.embedded
def test_an_installed_plugin_loads_by_its_entry_point(
    project: Project, outside: tuple[Path, dict[str, str]]
) -> None:
    folder, environment = outside
    text = project.config.read_text()
    project.config.write_text(text.replace('"customers"]', '"customers", "remarks"]', 1))
    crm = (sys.executable, "-m", "core.cli")
    assert "keeps every rule" in run(
        *crm, "plugin", "check", "remarks", cwd=folder, env=environment
    )
    server = embedded.ensure(project.home)
    run(*crm, "db", "migrate", cwd=folder, env=environment)
    enable = ("plugin", "enable", "remarks", "--tenant", "acme")
    assert "acme: remarks on." in run(*crm, *enable, cwd=folder, env=environment)
    server.leave()
