"""Where the server of one home lives, and who may touch it: folders, owner, lock, passwords."""

import fcntl
import hashlib
import os
import pwd
import secrets
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

ROOT = Path("/var/lib/trellis")
USER = "trellis"
ROLES = ("postgres", "crm_owner", "crm_app", "crm_auditor")
LONGEST_SOCKET = 100  # the kernel's limit is 107 bytes on Linux and 103 on macOS
SOCKET = ".s.PGSQL.5432"


class Unusable(RuntimeError):
    """The embedded server cannot be used; the message says why and what to do."""


class Owner(msgspec.Struct, frozen=True):
    """The OS user that the server runs as."""

    name: str
    uid: int
    gid: int


class ClusterPaths(msgspec.Struct, frozen=True):
    """The folder of one home's server: only its owner and root may enter it."""

    home: Path
    folder: Path
    as_root: bool

    @property
    def cluster(self) -> Path:
        return self.folder / "cluster"

    @property
    def start_log(self) -> Path:
        return self.folder / "start.log"


def find(home: Path) -> ClusterPaths:
    """Say where the server of this home lives; creates nothing."""
    home = home.expanduser().resolve()
    if os.geteuid() != 0:
        return ClusterPaths(home, home / "postgres", as_root=False)
    if (home / "postgres" / "cluster").exists():
        raise Unusable(
            f"{home} holds a database made by an ordinary user. Run as that user, not as root."
        )
    # PostgreSQL refuses to run as root, and its user may not be able to reach the home.
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return ClusterPaths(home, ROOT / digest, as_root=True)


def owner(paths: ClusterPaths) -> Owner:
    """Return the server's OS user; as root this is a system user, created when missing."""
    if not paths.as_root:
        return Owner(str(os.geteuid()), os.geteuid(), os.getegid())
    try:
        entry = pwd.getpwnam(USER)
    except KeyError:
        entry = _create_user()
    if entry.pw_uid == 0:
        raise Unusable(f"The system user '{USER}' has uid 0; PostgreSQL refuses to run as root.")
    return Owner(USER, entry.pw_uid, entry.pw_gid)


def _create_user() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--user-group", "--no-create-home"]
    command += ["--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", USER]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- fixed words
        return pwd.getpwnam(USER)  # also when another start has created it meanwhile
    except (OSError, KeyError) as error:
        reason = str(error) if isinstance(error, OSError) else done.stderr.strip()
        raise Unusable(
            f"The system user '{USER}' is missing and could not be created ({reason}). "
            "Create it, or run as an ordinary user."
        ) from error


def private(path: Path, uid: int, gid: int, mode: int = 0o700) -> Path:
    """Create the folder, or refuse one that somebody else owns or may write to."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        pass
    else:
        os.chown(path, uid, gid)
        path.chmod(mode)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid:
        raise Unusable(f"{path} must be a folder of uid {uid}, but belongs to uid {found.st_uid}.")
    if found.st_mode & 0o777 & ~mode:
        raise Unusable(
            f"{path} is open to others (mode {found.st_mode & 0o777:o}); chmod {mode:o}."
        )
    return path


def settle(paths: ClusterPaths) -> None:
    """Create the folder of the server; never changes a folder above it."""
    try:
        paths.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if paths.as_root:
            private(ROOT, 0, 0, 0o755)
            private(paths.folder, 0, owner(paths).gid, 0o750)
            note = paths.folder / "home.path"  # tells an operator whose folder this is
            if not note.exists():
                write_private(note, os.fsencode(paths.home))
        else:
            private(paths.folder, os.geteuid(), os.getegid())
    except PermissionError as error:
        raise Unusable(f"{error.filename} cannot be used: {error.strerror}.") from error


@contextmanager
def locked(paths: ClusterPaths) -> Iterator[None]:
    """Hold the one lock of this cluster; the system frees it when the holder dies."""
    path = paths.folder / "lock"
    while True:
        settle(paths)
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except FileNotFoundError:  # dropped between the two calls
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if _same_file(handle, path):
                yield
                return
        finally:
            os.close(handle)


def _same_file(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def passwords(paths: ClusterPaths) -> dict[str, str]:
    """Read the passwords of all roles; the first call makes them."""
    path = paths.home / "secrets" / "postgres.json"
    private(path.parent, os.geteuid(), os.getegid())
    if path.exists():
        if path.lstat().st_mode & 0o077:
            raise Unusable(f"{path} can be read by others; chmod 600 it.")
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    if paths.cluster.exists():
        raise Unusable(
            f"{path} is missing, but the database exists. Put the file back, "
            "or remove the database with 'crm db drop' and restore a backup."
        )
    fresh = {role: secrets.token_urlsafe(24) for role in ROLES}
    write_private(path, msgspec.json.encode(fresh))
    return fresh


def write_private(path: Path, content: bytes) -> None:
    """Replace the file in one step; only this user may read it."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(handle)
    draft.rename(path)


def recorded_socket(paths: ClusterPaths) -> Path | None:
    """Return the socket folder of the running or last server, if it is still a trustworthy one."""
    note = paths.folder / "socket.path"
    try:
        folder = Path(note.read_text())
        user = owner(paths)
        return private(folder, user.uid, user.gid) if folder.is_dir() else None
    except (FileNotFoundError, Unusable):
        return None


def socket_folder(paths: ClusterPaths) -> Path:
    """Return the private folder for the socket: beside the cluster, or a short one in /tmp."""
    known = recorded_socket(paths)
    if known is not None:
        return known
    user = owner(paths)
    folder = paths.folder / "socket"
    if len(os.fsencode(folder / SOCKET)) > LONGEST_SOCKET:
        # A fresh random name: a guessable one could have been made by somebody else before.
        folder = Path(tempfile.mkdtemp(prefix="trellis-", dir="/tmp"))
        os.chown(folder, user.uid, user.gid)
    private(folder, user.uid, user.gid)
    write_private(paths.folder / "socket.path", os.fsencode(folder))
    return folder
