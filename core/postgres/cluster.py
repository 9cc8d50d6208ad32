"""Initialise, start, await and stop the embedded PostgreSQL server, all of it under the lock."""

import enum
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg

from core.postgres import binaries, server_users
from core.postgres.blocking import finish
from core.postgres.cluster_paths import (
    SOCKET,
    ClusterPaths,
    Unusable,
    owner,
    recorded_socket,
    socket_folder,
    write_private,
)

SILENCE = 120.0  # seconds a server may live without answering at all; recovery has no limit
STOPPING = 600.0
MB = 1024 * 1024

Progress = Callable[[str], None]


class Reply(enum.Enum):
    """What a server answers to a real connection."""

    READY = "ready"
    STARTING = "starting"
    SILENT = "silent"


def initialise(paths: ClusterPaths, tools: Path, password: str) -> None:
    """Create the cluster in one step: an interrupted attempt leaves nothing that looks whole."""
    user, draft, secret = owner(paths), paths.folder / "cluster.partial", paths.folder / "password"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    os.chown(draft, user.uid, user.gid)
    write_private(secret, password.encode())
    os.chown(secret, user.uid, user.gid)
    command = [str(tools / "initdb"), "--pgdata", str(draft), "--username=postgres"]
    command += ["--auth=scram-sha-256", f"--pwfile={secret}", "--data-checksums"]
    command += ["--encoding=UTF8", "--locale=C.UTF-8"]
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    try:
        done = binaries.run_as(user, command)
    finally:
        secret.unlink()
    if done.returncode != 0:
        raise Unusable(f"initdb failed: {done.stderr.strip()}")
    with (draft / "postgresql.conf").open("a") as file:
        file.write(settings(memory()))
    (draft / "pg_hba.conf").write_text("local all all scram-sha-256\n")
    draft.rename(paths.cluster)


def memory() -> int:
    """Return the bytes of memory that this machine or its container may use."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):  # no cgroup, or "max"
        return total


def settings(available: int) -> str:
    """Return the settings of a new cluster; operators may change them later with ALTER SYSTEM.

    A table stays in memory while it is read whole if it fits into a quarter of the shared buffers:
    a million customers do.
    """
    chosen = {
        "shared_buffers": f"{max(32, min(2048, available // 4 // MB))}MB",
        "effective_cache_size": f"{max(64, available * 6 // 10 // MB)}MB",
        "max_wal_size": "4GB",
        "work_mem": "16MB",
        "maintenance_work_mem": "256MB",
        "random_page_cost": "1.1",
        "max_connections": "200",
        "password_encryption": "scram-sha-256",
        "idle_in_transaction_session_timeout": "60s",
        "logging_collector": "on",
        "log_filename": "postgresql-%a.log",  # seven files, each overwritten after a week
        "log_truncate_on_rotation": "on",
        "log_rotation_age": "1d",
        "log_rotation_size": "0",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    lines = (f"{name} = '{value}'" for name, value in chosen.items())
    return (
        "\n# Chosen at the first start for the memory of this machine.\n" + "\n".join(lines) + "\n"
    )


def postmaster(paths: ClusterPaths) -> int | None:
    """Return the pid of this cluster's server; the pid file alone proves nothing."""
    try:
        pid = int((paths.cluster / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
    words = server_users.command(pid)
    ours = bool(words) and Path(words[0]).name == "postgres" and str(paths.cluster) in words
    return pid if ours else None


def knock(paths: ClusterPaths, password: str) -> Reply:
    """Ask the server for a real connection."""
    folder = recorded_socket(paths)
    return Reply.SILENT if folder is None else finish(_knock(folder, password))


async def _knock(folder: Path, password: str) -> Reply:
    target = {"host": str(folder), "user": "postgres", "database": "postgres"}
    try:
        connection = await asyncpg.connect(port=5432, password=password, timeout=10, **target)
    except asyncpg.CannotConnectNowError:
        return Reply.STARTING
    except asyncpg.TooManyConnectionsError:
        return Reply.READY
    except asyncpg.InvalidPasswordError as error:
        raise Unusable("secrets/postgres.json does not fit this database.") from error
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return Reply.SILENT
    try:
        # While it replays, a server may already let readers in.
        recovering = await connection.fetchval("SELECT pg_is_in_recovery()")
        return Reply.STARTING if recovering else Reply.READY
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return Reply.SILENT
    finally:
        await connection.close()


def bring_up(paths: ClusterPaths, tools: Path, password: str, progress: Progress) -> None:
    """Start the server unless it runs, and return when it answers a real connection."""
    deadline = time.monotonic() + SILENCE
    while knock(paths, password) is not Reply.READY:
        running = postmaster(paths)
        if _await(paths, running or _spawn(paths, tools), password, progress):
            return
        if running:  # it was shutting down
            continue
        # Backends of a killed server hold its memory for a moment longer than their parent.
        still_used = "still in use" in _last_words(paths) or postmaster(paths) is not None
        if not still_used or time.monotonic() > deadline:
            raise Unusable(f"PostgreSQL did not start.\n{_last_words(paths)}")
        time.sleep(0.2)


def _await(paths: ClusterPaths, pid: int, password: str, progress: Progress) -> bool:
    """Return True when ready, False when it ended; recovery may take as long as it needs."""
    heard, pause, mark = time.monotonic(), 0.02, server_users.born(pid)
    while (reply := knock(paths, password)) is not Reply.READY:
        if mark is None or server_users.born(pid) != mark:
            return False
        if reply is Reply.STARTING:
            heard = time.monotonic()
            progress("PostgreSQL is starting or recovering.")
        elif time.monotonic() - heard > SILENCE:
            raise Unusable(f"PostgreSQL (pid {pid}) does not answer.\n{_last_words(paths)}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)
    return True


def _spawn(paths: ClusterPaths, tools: Path) -> int:
    """Start the server as a child of init in its own session, so that it outlives this process."""
    user, folder = owner(paths), socket_folder(paths)
    # No server of ours runs here (the caller has looked), so these files can only be left-overs,
    # and PostgreSQL would believe them if their pid belongs to some other process by now.
    for stale in (paths.cluster / "postmaster.pid", folder / SOCKET, folder / f"{SOCKET}.lock"):
        stale.unlink(missing_ok=True)
    command = [str(tools / "postgres"), "-D", str(paths.cluster), "-c", "listen_addresses="]
    command += ["-c", f'unix_socket_directories="{folder}"', "-c", "unix_socket_permissions=0700"]
    command += ["-c", "port=5432"]
    with paths.start_log.open("wb") as log:
        done = subprocess.run(  # noqa: S603 -- the shell gets fixed text and quoted words
            ["/bin/sh", "-c", '"$@" >&2 & echo $!', "sh", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            check=True,
            cwd="/",
            env=binaries.plain(),
            start_new_session=True,
            **binaries.drop(user),
        )
    return int(done.stdout)


def _last_words(paths: ClusterPaths) -> str:
    """Return the end of the newest logs."""
    logs = sorted(paths.cluster.glob("log/*.log"), key=lambda path: path.stat().st_mtime)
    texts = (path.read_text(errors="replace")[-1500:] for path in (paths.start_log, *logs[-1:]))
    return "\n".join(text for text in texts if text)


def halt(paths: ClusterPaths) -> bool:
    """Stop the server fast but cleanly; False when none runs. Starts no thread: safe at exit."""
    pid = postmaster(paths)
    if pid is None:
        return False
    mark, deadline = server_users.born(pid), time.monotonic() + STOPPING
    os.kill(pid, signal.SIGINT)  # fast shutdown: ends sessions, writes a checkpoint
    while server_users.born(pid) == mark and mark is not None:
        if time.monotonic() > deadline:
            raise Unusable(f"PostgreSQL (pid {pid}) did not stop in {STOPPING:.0f} s.")
        time.sleep(0.02)
    return True
