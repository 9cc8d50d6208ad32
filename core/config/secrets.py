"""Secrets of the installation: from the environment, from a file, or made once."""

import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from secrets import token_bytes
from urllib.parse import urlsplit

import msgspec

from core.config.problems import ConfigError, Findings, Location, Problem
from core.config.structs import Config, DatabaseConfig

KEY_BYTES = 32
# Set in the processes that serve: what they never need, they never read.
WITHHOLD_OWNER = "CRM_WITHHOLD_OWNER"
_URLS = {
    "url": "CRM_DATABASE_URL",
    "owner_url": "CRM_DATABASE_OWNER_URL",
    "direct_url": "CRM_DATABASE_DIRECT_URL",
    "replica_url": "CRM_DATABASE_REPLICA_URL",
}


def open_secrets(
    database: DatabaseConfig, folder: Path, environ: Mapping[str, str], findings: Findings
) -> DatabaseConfig:
    """Return the URLs filled in: the environment wins, then the file, then the key itself."""
    found: dict[str, str | None] = {}
    for name, variable in _URLS.items():
        if name == "owner_url" and environ.get(WITHHOLD_OWNER):
            found[name] = None
            continue
        inline, file = getattr(database, name), getattr(database, f"{name}_file")
        if inline and file:
            findings.add(("database", f"{name}_file"), f'"{name}" is set too; keep one of them')
        if inline:
            _refuse_shared_secret(inline, ("database", name), findings)
        from_file = _read(folder / file, ("database", f"{name}_file"), findings) if file else None
        found[name] = environ.get(variable) or from_file or inline
        if found[name] and urlsplit(found[name]).scheme not in ("postgresql", "postgres"):
            findings.add(("database", name), "expected a URL that begins with postgresql://")
    return msgspec.structs.replace(database, **found)


def _refuse_shared_secret(url: str, path: tuple[str, ...], findings: Findings) -> None:
    """Refuse a password in a file that other users of the machine may read."""
    parts = urlsplit(url)
    if parts.password is None and "password=" not in parts.query:
        return
    file = findings.locations.find(path).file
    mode = stat.S_IMODE(file.stat().st_mode) if file.exists() else 0
    if mode & 0o077:
        findings.add(
            path,
            f"holds a password, and others may read this file (mode {mode:04o}); "
            f"run chmod 600, or use {path[-1]}_file or {_URLS[path[-1]]}",
        )


def _read(file: Path, path: tuple[str, ...], findings: Findings) -> str | None:
    try:
        text = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        findings.add(path, f"cannot read {file}: {getattr(error, 'strerror', None) or 'not text'}")
        return None
    if not text:
        findings.add(path, f"{file} is empty")
    return text or None


def secret_key(config: Config, environ: Mapping[str, str] | None = None) -> bytes:
    """Return the key that signs tokens: ``CRM_SECRET_KEY``, the named file, or a generated one."""
    environ = os.environ if environ is None else environ
    findings = Findings(config.locations)
    path = ("server", "secret_key_file")
    named = config.server.secret_key_file
    text = environ.get("CRM_SECRET_KEY") or (
        _read(config.path.parent / named, path, findings) if named else None
    )
    findings.refuse()
    if text is None:
        return generated_key(config.home)
    if len(text.encode()) < KEY_BYTES:
        source = "CRM_SECRET_KEY" if environ.get("CRM_SECRET_KEY") else str(named)
        findings.add(path, f"the key in {source} has fewer than {KEY_BYTES} bytes")
        findings.refuse()
    return text.encode()


def generated_key(home: Path) -> bytes:
    """Return the installation's own key, made on first use and readable by its user alone.

    Several processes may start at once: each writes a file of its own and links it into place,
    and the first link stands.
    """
    target = home / "secret.key"
    if not target.exists():
        home.mkdir(parents=True, exist_ok=True)
        made, name = tempfile.mkstemp(prefix=".secret-", dir=home)  # mode 0600
        try:
            with os.fdopen(made, "wb") as file:
                file.write(token_bytes(KEY_BYTES).hex().encode())
                file.flush()
                os.fsync(file.fileno())
            os.link(name, target)
        except FileExistsError:
            pass  # another process was first; its key is the key
        finally:
            Path(name).unlink()
    mode = stat.S_IMODE(target.stat().st_mode)
    if mode & 0o077:
        detail = f"others may read this key (mode {mode:04o}); run chmod 600"
        raise ConfigError([Problem(Location(target, 1), "", detail)])
    return target.read_bytes()
