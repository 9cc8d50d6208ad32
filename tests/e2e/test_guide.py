"""The plugin guide is followed: it ends with the tested example, and each command works."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from core.cli.plugins.scaffold import write_plugin
from core.postgres import embedded
from tests.core.apps import PROJECT
from tests.core.commands import Project, copy_of_the_source
from tests.e2e.guide import EXAMPLE, GUIDE, Block, apply, blocks, example_file

STEPS = 11
MOST_LINES = 40
KEPT = "TOKEN WHO VISIT"  # variables of the shell that later steps use
FILES = ("__init__.py", "plugin.toml", "models.py", "services.py", "hooks.py", "README.md",
         "tests/test_visits.py", "tests/test_contract.py")  # fmt: skip
# Ids, moments, addresses and what differs from machine to machine.
_VOLATILE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}|\d{4}-\d\d-\d\dT[\d:.]+Z|curl/[\d.]+|:\d{4,5}\b"
)


def entity_lines() -> int:
    """Return how long the two files are that make the entity, imports and blank lines included."""
    first: dict[str, str] = {}
    for block in blocks():
        first.setdefault(block.place, block.text)
    return sum(len(first[name].splitlines()) for name in ("models.py", "hooks.py"))


def test_the_guide_has_eleven_steps() -> None:
    found = re.findall(r"^## (\d+)\. ", GUIDE.read_text(), re.MULTILINE)
    assert [int(number) for number in found] == list(range(1, STEPS + 1))


def test_table_rest_rights_history_and_search_take_at_most_forty_lines() -> None:
    """The declaration of the guide's entity: both files whole."""
    assert entity_lines() <= MOST_LINES
    assert f"{entity_lines()} lines" in GUIDE.read_text()


def test_whoever_follows_the_guide_has_the_example(tmp_path: Path) -> None:
    folder = tmp_path / "visits"
    write_plugin(folder, "visits")
    for block in blocks():
        if block.is_file:
            apply(block, folder)
    for name in FILES:
        assert (folder / name).read_text() == example_file(name), name
    kept = {p.relative_to(EXAMPLE).as_posix() for p in EXAMPLE.rglob("*.*") if p.suffix != ".pyc"}
    assert {name for name in kept if not name.startswith("migrations/")} == set(FILES)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator["Reader"]:
    """Somebody with a copy of the source who follows the guide."""
    made = Reader(tmp_path)
    server = embedded.ensure(made.project.home)
    yield made
    made.stop()
    server.leave()
    embedded.drop(made.project.home)


@pytest.mark.slow
@pytest.mark.embedded
def test_every_command_of_the_guide_works(reader: "Reader") -> None:
    for block in blocks():
        reader.follow(block)
    made = reader.folder / "migrations"
    for path in sorted((EXAMPLE / "migrations").glob("*.py")):
        assert (made / path.name).read_text() == path.read_text()
    assert "passed" in reader.output


class Reader:
    """Follows the guide block by block, and restarts the server as a reader does."""

    def __init__(self, folder: Path) -> None:
        source = copy_of_the_source(folder / "source", without=())
        shutil.copy(PROJECT / "pyproject.toml", source)
        self.project = Project(folder, ("customers", "loyalty"), source)
        self.folder = source / "plugins" / "visits"
        self.output = ""
        self._serving = ExitStack()
        self._url: str | None = None
        self._state = folder / "state.sh"
        self._state.touch()
        self._programs = folder / "bin"
        self._write_programs()

    def _write_programs(self) -> None:
        """Put ``crm`` and ``pytest`` of this interpreter on the path, as the activated one has."""
        self._programs.mkdir()
        calls = {"crm": "-m core.cli", "pytest": "-m pytest -p no:cacheprovider"}
        for name, call in calls.items():
            path = self._programs / name
            path.write_text(f'#!/bin/sh\nexec {sys.executable} {call} "$@"\n')
            path.chmod(0o755)

    def stop(self) -> None:
        """Stop the server, if there is one."""
        self._serving.close()
        self._url = None

    def follow(self, block: Block) -> None:
        """Do what one block says."""
        if block.language == "json":
            assert_like(json.loads(block.text), last_of(self.output))
        elif block.language == "sh":
            self._run(block, serving=block.place == "serving")
        elif block.place == "crm.toml":
            text = self.project.config.read_text()
            text = re.sub(r"^installed = .*\n", block.text, text, count=1, flags=re.MULTILINE)
            self.project.config.write_text(text)
        elif block.is_file:
            apply(block, self.folder)

    def _run(self, block: Block, *, serving: bool) -> None:
        if not serving:
            self.stop()
        elif self._url is None:
            call = ("up", "--scale", "0.05")
            self._url = self._serving.enter_context(self.project.serving(command=call)).url
        keep = f"{{ declare -p {KEPT} 2>/dev/null || true; declare -f; }} > {self._state}"
        script = f"set -euo pipefail\n. {self._state}\n{block.text}\n{keep}\n"
        path = f"{self._programs}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", script],
            capture_output=True,
            text=True,
            cwd=self.project.source,
            env=self.project.environment(PATH=path, URL=self._url or ""),
            timeout=240,
        )
        assert done.returncode == 0, f"{block.text}\n{done.stdout}\n{done.stderr}"
        self.output = done.stdout


def last_of(output: str) -> Any:
    """Return the last of the JSON documents that stand one behind the other."""
    decoder, place, found = json.JSONDecoder(), 0, None
    while place < len(output):
        found, place = decoder.raw_decode(output, place)
        place += len(output[place:]) - len(output[place:].lstrip())
    return found


def assert_like(shown: Any, actual: Any) -> None:
    """Compare what the guide shows with what came, but for ids, times and addresses."""
    if isinstance(shown, dict):
        assert set(shown) == set(actual)
        for key, value in shown.items():
            assert_like(value, actual[key])
    elif isinstance(shown, list):
        assert len(shown) == len(actual)
        for one, other in zip(shown, actual, strict=True):
            assert_like(one, other)
    elif isinstance(shown, str):
        assert isinstance(actual, str)
        assert _VOLATILE.sub("*", shown) == _VOLATILE.sub("*", actual)
    else:
        assert shown == actual
