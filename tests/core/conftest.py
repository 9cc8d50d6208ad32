"""Homes for the tests of the embedded server: short, private, and removed with their server."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.postgres import embedded
from tests.core.apps import ROOT, stranger
from tests.core.config_files import Write

DEBIAN = Path("/usr/lib/postgresql/15/bin")


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


@pytest.fixture(scope="module")
def old_server() -> Iterator[str]:
    """PostgreSQL 15 of the system, as an external server would be."""
    if not DEBIAN.is_dir():
        pytest.skip("PostgreSQL 15 is not installed")
    folder = Path(tempfile.mkdtemp(prefix="trl-", dir="/tmp"))
    user = stranger() if ROOT else {}
    if ROOT:
        shutil.chown(folder, "nobody")
    (folder / "pw").write_text("secret")
    (folder / "pw").chmod(0o644)
    base = [str(DEBIAN / "initdb"), "-D", f"{folder}/pg", "-U", "boss", "--encoding=SQL_ASCII"]
    quick = ["--locale=C", "--no-sync", "--auth=scram-sha-256", f"--pwfile={folder}/pw"]
    subprocess.run([*base, *quick], check=True, capture_output=True, **user)
    control = [str(DEBIAN / "pg_ctl"), "-D", f"{folder}/pg", "-w"]
    options = f"-c listen_addresses= -c fsync=off -k {folder}"
    starting = [*control, "-l", f"{folder}/log", "-o", options, "start"]
    subprocess.run(starting, check=True, stdout=subprocess.DEVNULL, **user)
    yield f"postgresql://boss:secret@/postgres?host={folder}&port=5432"
    subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True, **user)
    shutil.rmtree(folder)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A function that writes a configuration file of a test's own."""

    def write_file(text: str, name: str = "crm.toml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    return write_file
