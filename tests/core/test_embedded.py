"""The embedded server starts, is shared, and survives kill -9 of anything."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from core.postgres import cluster_paths, embedded, server_users
from core.postgres.cluster_paths import Unusable
from tests.core.apps import PROJECT, App, ask, gone

pytestmark = pytest.mark.embedded


def test_ensure_starts_a_closed_server_with_checksums_and_utf8(fresh_home: Path) -> None:
    server = embedded.ensure(fresh_home)
    url = server.url("postgres", "postgres")
    assert ask(url, "SHOW listen_addresses") == ""
    assert ask(url, "SHOW data_checksums") == "on"
    assert ask(url, "SHOW server_encoding") == "UTF8"
    assert ask(url, "SHOW max_connections") == "200"
    assert ask(url, "SELECT string_agg(DISTINCT auth_method, '') FROM pg_hba_file_rules") == (
        "scram-sha-256"
    )
    assert ask(server.url("crm_app"), "SHOW plan_cache_mode") == "force_custom_plan"
    spot = cluster_paths.find(fresh_home)
    for folder in (spot.cluster, server.socket):
        assert folder.stat().st_mode & 0o777 == 0o700
        assert folder.stat().st_uid == cluster_paths.owner(spot).uid
    secrets = fresh_home / "secrets" / "postgres.json"
    assert secrets.stat().st_mode & 0o777 == 0o600
    assert embedded.status(fresh_home).ready
    server.leave()
    assert embedded.status(fresh_home).pid is None


def test_wrong_password_is_refused(home: Path) -> None:
    server = embedded.ensure(home)
    url = server.url("crm_app").replace(server.passwords["crm_app"], "wrong")
    with pytest.raises(asyncpg.InvalidPasswordError):
        ask(url, "SELECT 1")
    server.leave()


def test_ensure_works_below_a_running_loop(home: Path) -> None:
    async def inside() -> embedded.Server:
        return embedded.ensure(home)

    server = asyncio.run(inside())
    assert ask(server.url("crm_app"), "SELECT 1") == 1
    server.leave()


def test_last_leaver_stops_the_server_and_leaving_twice_counts_once(home: Path) -> None:
    first, second = embedded.ensure(home), embedded.ensure(home)
    pid = embedded.status(home).pid
    first.leave()
    first.leave()
    assert embedded.status(home).pid == pid
    second.leave()
    assert pid is not None
    assert gone(pid)


def test_several_processes_at_once_share_one_server(fresh_home: Path) -> None:
    apps = [App(fresh_home) for _ in range(4)]
    assert len({app.ready() for app in apps}) == 1
    pid = embedded.status(fresh_home).pid
    assert len(embedded.status(fresh_home).members) == 4
    assert pid is not None
    assert [app.end() for app in apps] == [0, 0, 0, 0]
    assert gone(pid)


def test_server_has_its_own_session_and_outlives_its_starter(home: Path) -> None:
    """Ctrl-C reaches a whole terminal group; the server must not be in it."""
    app = App(home, start_new_session=True)
    pid, _ = app.ready()
    server = embedded.ensure(home)
    assert os.getsid(pid) != os.getsid(app.child.pid)
    os.killpg(app.child.pid, signal.SIGINT)
    app.child.communicate()
    assert ask(server.url("crm_app"), "SELECT 1") == 1
    server.leave()
    assert gone(pid)


def test_drop_is_refused_while_in_use_and_then_removes_everything(
    fresh_home: Path,
) -> None:
    app = App(fresh_home)
    app.ready()
    with pytest.raises(Unusable, match="in use by pid"):
        embedded.drop(fresh_home)
    app.end()
    embedded.drop(fresh_home)
    assert not cluster_paths.find(fresh_home).folder.exists()
    assert not (fresh_home / "secrets" / "postgres.json").exists()


def test_kill_9_of_the_app_leaves_a_server_that_the_next_one_joins_and_stops(home: Path) -> None:
    app = App(home)
    pid, _ = app.ready()
    app.kill()
    assert embedded.status(home).members == ()
    server = embedded.ensure(home)
    assert embedded.status(home).pid == pid
    server.leave()
    assert gone(pid)


def test_kill_9_of_postgres_keeps_committed_rows(home: Path) -> None:
    first = embedded.ensure(home)
    ask(first.url("crm_owner"), "CREATE TABLE kept AS SELECT 42 AS n")
    pid = embedded.status(home).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    second = embedded.ensure(home)
    assert embedded.status(home).pid != pid
    assert ask(second.url("crm_owner"), "SELECT n FROM kept") == 42
    ask(second.url("crm_owner"), "DROP TABLE kept")
    first.leave()
    second.leave()


def test_kill_9_of_everything_is_recovered(home: Path) -> None:
    app = App(home)
    pid, _ = app.ready()
    os.kill(pid, signal.SIGKILL)
    app.kill()
    server = embedded.ensure(home)
    assert ask(server.url("crm_app"), "SELECT 1") == 1
    server.leave()


def test_reused_pid_does_not_count_as_a_member(home: Path) -> None:
    server = embedded.ensure(home)
    spot = cluster_paths.find(home)
    other = server_users.Member(pid=os.getppid(), born="long ago", key="x")
    server_users._write(spot, (*server_users.live(spot), other))
    server.leave()
    assert embedded.status(home).pid is None


def test_start_that_was_killed_before_the_roles_were_made_is_made_up_for(home: Path) -> None:
    server = embedded.ensure(home)
    (cluster_paths.find(home).folder / "prepared").unlink()
    admin = server.url("postgres", "postgres")
    ask(admin, "DROP DATABASE trellis WITH (FORCE)", "DROP ROLE crm_app")
    again = embedded.ensure(home)
    assert ask(again.url("crm_app"), "SELECT 1") == 1
    assert server.passwords["crm_app"] not in repr(server)
    again.leave()
    server.leave()


def test_server_that_is_shutting_down_is_waited_for_and_started_again(home: Path) -> None:
    server = embedded.ensure(home)
    pid = embedded.status(home).pid
    assert pid is not None
    os.kill(pid, signal.SIGTERM)  # as an operator's or the system's shutdown would
    again = embedded.ensure(home)
    assert ask(again.url("crm_app"), "SELECT 1") == 1
    again.leave()
    server.leave()
    assert not embedded.stop(home)


def test_leaving_works_at_exit(home: Path) -> None:
    code = (
        "import atexit, sys; from pathlib import Path; from core.postgres import embedded;"
        "atexit.register(embedded.ensure(Path(sys.argv[1])).leave);"
        "print(embedded.status(Path(sys.argv[1])).pid)"
    )
    command = [sys.executable, "-c", code, str(home)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PROJECT)
    assert done.stderr == ""
    assert gone(int(done.stdout))
