"""Homes for the tests of the embedded server: short, private, and removed with their server."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.database import embedded
from tests.core.apps import stranger


def _home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="trl-", dir="/tmp"))
    yield folder / "home"
    embedded.stop(folder / "home")
    embedded.drop(folder / "home")
    shutil.rmtree(folder)


@pytest.fixture
def fresh_home() -> Iterator[Path]:
    """A home without a database."""
    yield from _home()


@pytest.fixture(scope="session")
def used_home() -> Iterator[Path]:
    """One home whose cluster is made once; take ``home`` instead."""
    yield from _home()


@pytest.fixture
def home(used_home: Path) -> Iterator[Path]:
    """A home with a database that was left in peace."""
    embedded.ensure(used_home).leave()
    yield used_home
    embedded.stop(used_home)


@pytest.fixture(scope="module")
def own_server() -> Iterator[embedded.Server]:
    """A running server that only the tests of one file use."""
    for home in _home():
        server = embedded.ensure(home)
        yield server
        server.leave()


@pytest.fixture
def foreign_home() -> Iterator[Path]:
    """A short folder that belongs to an ordinary user."""
    folder = Path(tempfile.mkdtemp(prefix="trl-", dir="/tmp"))
    user = stranger()
    os.chown(folder, user["user"], user["group"])
    yield folder
    shutil.rmtree(folder)
