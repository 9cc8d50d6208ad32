"""The five defects of the wheel's own launcher, none of which ours has."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from core.postgres import binaries, cluster_paths, embedded, server_users
from core.postgres.cluster_paths import ClusterPaths
from tests.core.apps import ROOT, App, as_root, ask, python_of, stranger

pytestmark = [pytest.mark.embedded, pytest.mark.slow]


def test_defect_1_long_path_gets_a_private_short_socket_folder(foreign_home: Path) -> None:
    user = stranger() if ROOT else {}
    home = foreign_home / ("deep" * 30)
    app = App(home, python_of(user) if ROOT else sys.executable, **user)
    _, socket = app.ready()
    assert len(os.fsencode(socket / cluster_paths.SOCKET)) <= cluster_paths.LONGEST_SOCKET
    assert socket.stat().st_mode & 0o777 == 0o700
    assert socket.stat().st_uid == user.get("user", os.geteuid())
    assert (home / "postgres" / "socket.path").read_text() == str(socket)
    assert app.end() == 0
    shutil.rmtree(socket)


def test_defect_1_short_socket_folder_of_a_stranger_is_never_used(tmp_path: Path) -> None:
    home = tmp_path / ("deep" * 30)
    spot = ClusterPaths(home, home / "postgres", as_root=False)
    spot.folder.mkdir(parents=True)
    planted = Path(tempfile.mkdtemp(prefix="trl-", dir="/tmp"))
    planted.chmod(0o777)
    (spot.folder / "socket.path").write_text(str(planted))
    chosen = cluster_paths.socket_folder(spot)
    assert chosen != planted
    assert chosen.stat().st_mode & 0o777 == 0o700
    planted.rmdir()
    chosen.rmdir()


@as_root
def test_defect_2_modes_of_parents_stay_as_they_were(home: Path) -> None:
    home.parent.chmod(0o700)
    above = [*home.parents, *binaries.wheel().parents, binaries.wheel(), Path("/var/lib")]
    before = [path.stat().st_mode for path in above]
    server = embedded.ensure(home)
    assert ask(server.url("crm_app"), "SELECT 1") == 1
    assert [path.stat().st_mode for path in above] == before
    server.leave()


@as_root
def test_defect_3_two_users_run_side_by_side_without_a_fixed_file_in_temp(
    home: Path, foreign_home: Path, tmp_path: Path
) -> None:
    temp = Path(tempfile.mkdtemp(prefix="trl-", dir="/tmp"))
    temp.chmod(0o1777)
    user = stranger()
    python = python_of(user)
    apps = [
        App(home, env={"TMPDIR": str(temp)}),
        App(foreign_home / "home", python, env={"TMPDIR": str(temp)}, **user),
    ]
    pids = {app.ready()[0] for app in apps}
    assert len(pids) == 2
    assert list(temp.iterdir()) == []
    assert [app.end() for app in apps] == [0, 0]
    temp.rmdir()


def test_defect_4_pid_file_that_names_another_live_process_is_not_believed(home: Path) -> None:
    spot = cluster_paths.find(home)
    # Of the server's own user: PostgreSQL itself would refuse to start because of this one.
    sleeper = subprocess.Popen(["sleep", "60"], **binaries.drop(cluster_paths.owner(spot)))
    stale = spot.cluster / "postmaster.pid"
    stale.write_text(f"{sleeper.pid}\n{spot.cluster}\n1\n5432\n/nowhere\n\n\nready\n")
    assert embedded.status(home).pid is None
    server = embedded.ensure(home)
    assert embedded.status(home).pid not in (None, sleeper.pid)
    assert ask(server.url("crm_app"), "SELECT 1") == 1
    server.leave()
    assert sleeper.poll() is None
    sleeper.kill()
    sleeper.wait()


def test_defect_4_pid_file_that_names_a_zombie_is_not_believed(home: Path) -> None:
    spot = cluster_paths.find(home)
    zombie = subprocess.Popen(["true"])
    while server_users.born(zombie.pid) is not None:
        time.sleep(0.01)
    (spot.cluster / "postmaster.pid").write_text(f"{zombie.pid}\n{spot.cluster}\n1\n5432\n\n\n\n")
    server = embedded.ensure(home)
    assert ask(server.url("crm_app"), "SELECT 1") == 1
    server.leave()
    zombie.wait()


def test_defect_5_start_slower_than_ten_seconds_is_waited_for(home: Path) -> None:
    """Recovery that asks a slow archive: the server answers "starting up" for a good while."""
    spot = cluster_paths.find(home)
    settings = spot.cluster / "postgresql.conf"
    before = settings.read_text()
    settings.write_text(f"{before}\nrestore_command = 'sleep 3; false'\n")
    (spot.cluster / "recovery.signal").touch()
    os.chown(spot.cluster / "recovery.signal", cluster_paths.owner(spot).uid, -1)
    told: list[str] = []
    begun = time.monotonic()
    server = embedded.ensure(home, told.append)
    assert time.monotonic() - begun > 10
    assert ask(server.url("crm_app"), "SELECT 1") == 1
    assert "starting or recovering" in told[0]
    server.leave()
    settings.write_text(before)
