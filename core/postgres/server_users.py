"""Which live processes use an embedded server; the last one that leaves stops it."""

import os
import subprocess
import uuid
from pathlib import Path

import msgspec

from core.postgres.cluster_paths import ClusterPaths, write_private


class Member(msgspec.Struct, frozen=True):
    """One use of the server by one process; ``born`` tells it from a later owner of its pid."""

    pid: int
    born: str
    key: str


def born(pid: int) -> str | None:
    """Return a mark of the moment this process started; None if it is gone or a zombie."""
    if not Path("/proc/self/stat").exists():
        return _born_by_ps(pid)
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, started = fields[0], fields[19]
    return None if state in "ZX" else started


def _born_by_ps(pid: int) -> str | None:
    state, _, started = _ps(pid, "stat=,lstart=").strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


def command(pid: int) -> tuple[str, ...]:
    """Return the command line of a process, empty when it is gone or a zombie."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        return tuple(os.fsdecode(part) for part in raw.split(b"\0") if part)
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/cmdline").exists():
            return ()
    return tuple(_ps(pid, "command=").split())


def _ps(pid: int, columns: str) -> str:
    """Ask ``ps`` where the system has no /proc."""
    line = ["ps", "-o", columns, "-p", str(pid)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)  # noqa: S603 -- no shell
    return done.stdout


def live(paths: ClusterPaths) -> tuple[Member, ...]:
    """Return the members whose process still runs; a reused pid does not count."""
    try:
        content = (paths.folder / "members.json").read_bytes()
    except FileNotFoundError:
        return ()
    known = msgspec.json.decode(content, type=tuple[Member, ...])
    return tuple(member for member in known if born(member.pid) == member.born)


def join(paths: ClusterPaths, replaces: str | None = None) -> Member:
    """Register this process, in place of its own member of that key; call under the lock."""
    pid = os.getpid()
    member = Member(pid, born(pid) or "", uuid.uuid4().hex)
    others = (other for other in live(paths) if other.key != replaces or other.pid != pid)
    _write(paths, (*others, member))
    return member


def leave(paths: ClusterPaths, key: str) -> tuple[Member, ...]:
    """Strike one member off and return the live rest; call under the lock."""
    rest = tuple(member for member in live(paths) if member.key != key)
    _write(paths, rest)
    return rest


def _write(paths: ClusterPaths, members: tuple[Member, ...]) -> None:
    write_private(paths.folder / "members.json", msgspec.json.encode(members))
