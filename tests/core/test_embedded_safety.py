"""The embedded server lets nobody else in, and refuses what is unsafe (I2, I10, ruling 13)."""

import os
import pwd
import subprocess
from pathlib import Path

import pytest

from core.postgres import binaries, cluster, cluster_paths, embedded
from core.postgres.cluster_paths import Unusable
from tests.core.apps import as_root, python_of, stranger

pytestmark = pytest.mark.embedded


@as_root
def test_other_os_user_is_refused(home: Path) -> None:
    """I10: connect refused, files unreadable."""
    server = embedded.ensure(home)
    spot = cluster_paths.find(home)
    user, files = stranger(), (server.socket, spot.cluster / "PG_VERSION", home / "secrets")
    for path in (*files, home / "secrets" / "postgres.json"):
        reader = ["sh", "-c", 'cat "$0" || ls "$0"', str(path)]
        done = subprocess.run(reader, capture_output=True, text=True, check=False, **user)
        assert done.returncode != 0
        assert "Permission denied" in done.stderr
    knock = "import socket,sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    python = python_of(user)
    done = subprocess.run(
        [python, "-c", knock, str(server.socket / cluster_paths.SOCKET)],
        capture_output=True, text=True, check=False, **user,
    )  # fmt: skip
    assert "PermissionError" in done.stderr
    server.leave()


@as_root
def test_server_runs_as_an_unprivileged_user_from_programs_it_cannot_change(home: Path) -> None:
    """Ruling 13."""
    server = embedded.ensure(home)
    spot, pid = cluster_paths.find(home), embedded.status(home).pid
    assert spot.folder.parent == Path("/var/lib/trellis")
    assert (spot.folder / "home.path").read_text() == str(home)
    assert Path(f"/proc/{pid}").stat().st_uid == pwd.getpwnam("trellis").pw_uid != 0
    copied = binaries.for_server(spot) / "postgres"
    assert copied.is_relative_to(spot.folder)
    assert copied.stat().st_uid == 0
    assert copied.stat().st_mode & 0o022 == 0
    server.leave()


@as_root
def test_planted_folder_of_another_user_is_refused(fresh_home: Path) -> None:
    spot = cluster_paths.find(fresh_home)
    cluster_paths.private(cluster_paths.ROOT, 0, 0, 0o755)
    spot.folder.mkdir()
    os.chown(spot.folder, pwd.getpwnam("nobody").pw_uid, -1)
    with pytest.raises(Unusable, match="belongs to uid"):
        embedded.ensure(fresh_home)
    spot.folder.rmdir()


@pytest.mark.parametrize(
    ("line", "accepted"),
    [
        ("postgres (PostgreSQL) 16.2", False),
        ("postgres (PostgreSQL) 16.14", True),
        ("postgres (PostgreSQL) 17.9 (Debian 17.9-1)", False),
        ("postgres (PostgreSQL) 17.10", True),
        ("postgres (PostgreSQL) 18.3", False),
        ("postgres (PostgreSQL) 18.4", True),
        ("postgres (PostgreSQL) 15.99", False),
        ("postgres (PostgreSQL) 19.0", True),
        ("something else", False),
    ],
)
def test_old_version_is_refused(line: str, accepted: bool) -> None:
    """I2: the security floor."""
    if accepted:
        assert binaries.check_version(line) > (16, 0)
    else:
        with pytest.raises(Unusable, match=r"known security holes|does not name"):
            binaries.check_version(line)


def test_programs_that_do_not_run_are_explained(tmp_path: Path) -> None:
    program = tmp_path / "postgres"
    program.write_text("#!/bin/sh\necho 'version GLIBC_2.27 not found' >&2\nexit 1\n")
    program.chmod(0o755)
    me = cluster_paths.Owner("me", os.geteuid(), os.getegid())
    with pytest.raises(Unusable, match=r"glibc 2\.27 or newer"):
        binaries.checked(tmp_path, me)
    with pytest.raises(Unusable, match="cannot run"):
        binaries.checked(tmp_path / "nowhere", me)


def test_wheel_meets_the_floor() -> None:
    me = cluster_paths.Owner("me", os.geteuid(), os.getegid())
    assert binaries.checked(binaries.binary("postgres").parent, me) >= (18, 4)


def test_data_of_another_release_is_refused(home: Path) -> None:
    note = cluster_paths.find(home).cluster / "PG_VERSION"
    before = note.read_text()
    note.write_text("17\n")
    with pytest.raises(Unusable, match="written by PostgreSQL 17"):
        embedded.ensure(home)
    note.write_text(before)


def test_lost_passwords_are_explained(home: Path) -> None:
    kept = home / "secrets" / "postgres.json"
    kept.rename(home / "kept.json")
    with pytest.raises(Unusable, match="is missing, but the database exists"):
        embedded.ensure(home)
    (home / "kept.json").rename(kept)


@pytest.mark.parametrize(
    ("memory", "buffers"), [(256 * 2**20, "64MB"), (2 * 2**30, "512MB"), (64 * 2**30, "2048MB")]
)
def test_settings_follow_the_memory(memory: int, buffers: str) -> None:
    assert f"shared_buffers = '{buffers}'" in cluster.settings(memory)
