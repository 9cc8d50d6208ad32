"""Our own PostgreSQL server for one home: start or join it, leave it, look at it, remove it."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import msgspec

from core.postgres import binaries, cluster, cluster_paths, roles
from core.postgres import server_users as members
from core.postgres.binaries import binary
from core.postgres.cluster_paths import ClusterPaths, Unusable

__all__ = ["Server", "Status", "Unusable", "binary", "drop", "ensure", "status", "stop"]


class Server(msgspec.Struct, frozen=True):
    """One process's use of a running server; it runs at least until this use is left."""

    paths: ClusterPaths
    socket: Path
    passwords: Mapping[str, str]
    member: members.Member

    def __repr__(self) -> str:
        return f"Server({str(self.socket)!r})"  # without the passwords

    def url(self, role: str, database: str = "trellis") -> str:
        """Return a URL for asyncpg and libpq that reaches the server through its socket."""
        # The port is named because PGPORT would otherwise change the socket's name.
        return (
            f"postgresql://{role}:{quote(self.passwords[role], safe='')}@/{database}"
            f"?host={quote(str(self.socket))}&port=5432"
        )

    def leave(self) -> None:
        """End this use, once; the last one stops the server. Usable from atexit."""
        if os.getpid() != self.member.pid or not self.paths.folder.exists():
            return  # a forked child does not end its parent's use
        with cluster_paths.locked(self.paths):
            known = any(member.key == self.member.key for member in members.live(self.paths))
            if known and not members.leave(self.paths, self.member.key):
                cluster.halt(self.paths)


class Status(msgspec.Struct, frozen=True):
    """What ``crm db status`` shows about one home's server."""

    home: Path
    folder: Path
    socket: Path | None
    version: str | None
    pid: int | None
    ready: bool
    members: tuple[int, ...]
    size: int


def _silent(_: str) -> None:
    """Report no progress."""


def ensure(home: Path, progress: cluster.Progress = _silent, replaces: str | None = None) -> Server:
    """Start the server of this home, or join the one that runs; returns when it answers.

    ``progress`` is called repeatedly while a start or a recovery runs.
    ``replaces`` is the key of a use that this process began before it became another program.
    """
    paths = cluster_paths.find(home)
    with cluster_paths.locked(paths):
        secrets = cluster_paths.passwords(paths)
        member = members.join(paths, replaces)
        try:
            started = _ready(paths, secrets, progress)
            server = Server(paths, cluster_paths.socket_folder(paths), secrets, member)
            _prepare(server, again=started)
        except BaseException:
            if not members.leave(paths, member.key):
                cluster.halt(paths)
            raise
    return server


def _prepare(server: Server, *, again: bool) -> None:
    """Create the roles, unless a start that went well has; a killed start is made up for."""
    done = server.paths.folder / "prepared"
    if again or not done.exists():
        roles.prepare(server.url("postgres", "postgres"), server.passwords)
        done.touch()


def _ready(paths: ClusterPaths, secrets: Mapping[str, str], progress: cluster.Progress) -> bool:
    """Bring the server up; False when it was."""
    password = secrets["postgres"]
    if cluster.knock(paths, password) is cluster.Reply.READY:
        return False
    tools = binaries.for_server(paths)
    major, _ = binaries.checked(tools, cluster_paths.owner(paths))
    if not paths.cluster.exists():
        cluster.initialise(paths, tools, password)
    written = (paths.cluster / "PG_VERSION").read_text().strip()
    if written != str(major):
        raise Unusable(
            f"{paths.cluster} was written by PostgreSQL {written}, but {major} is installed. "
            "Install the former release, run 'crm backup', then restore it with the new one."
        )
    cluster.bring_up(paths, tools, password, progress)
    return True


def status(home: Path) -> Status:
    """Look at the server of this home without starting or changing anything."""
    paths = cluster_paths.find(home)
    socket = cluster_paths.recorded_socket(paths) if paths.folder.exists() else None
    pid = cluster.postmaster(paths)
    ready = pid is not None and cluster.knock(
        paths, cluster_paths.passwords(paths)["postgres"]
    ) is (cluster.Reply.READY)
    written = paths.cluster / "PG_VERSION"
    return Status(
        home=paths.home,
        folder=paths.folder,
        socket=socket,
        version=written.read_text().strip() if written.exists() else None,
        pid=pid,
        ready=ready,
        members=tuple(member.pid for member in members.live(paths)),
        size=_size(paths.cluster),
    )


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size
        except FileNotFoundError:  # the server removes files while we count
            continue
    return total


def stop(home: Path) -> bool:
    """Stop the server whoever uses it; False when none runs."""
    paths = cluster_paths.find(home)
    if not paths.folder.exists():
        return False
    with cluster_paths.locked(paths):
        return cluster.halt(paths)


def drop(home: Path) -> None:
    """Remove server, data and passwords for ever; refused while another process uses them."""
    paths = cluster_paths.find(home)
    if not paths.folder.exists():
        return
    with cluster_paths.locked(paths):
        others = {member.pid for member in members.live(paths)} - {os.getpid()}
        if others:
            raise Unusable(f"The database is in use by pid {', '.join(map(str, sorted(others)))}.")
        cluster.halt(paths)
        socket = cluster_paths.recorded_socket(paths)
        if socket is not None:
            shutil.rmtree(socket)
        (paths.home / "secrets" / "postgres.json").unlink(missing_ok=True)
        shutil.rmtree(paths.folder)
