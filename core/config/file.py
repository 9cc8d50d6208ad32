"""The config file while the server runs: noticed when edited, edited to switch a plugin."""

import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

import structlog
import tomlkit
from tomlkit.items import Array, Table

from core.config.reading import TENANTS_FOLDER, config_path, load
from core.config.structs import Config
from core.errors import Conflict, NotFound, StartRefused

Check = Callable[[Config], None]
Signature = tuple[tuple[str, int, int, int, int], ...]

# File times tick in steps of some milliseconds: two edits within one step look alike, so a file
# younger than this when it was read is read again.
SETTLED_NS = 50_000_000

log = structlog.get_logger("crm.config")


def _accept(config: Config) -> None:
    """Stand in for the registry's check until there is a registry."""


class ConfigFile:
    """The configuration in force. ``current`` was valid when it was taken over, always."""

    def __init__(
        self,
        path: Path | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        check: Check = _accept,
        requires: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        self.path = (path or config_path(environ)).absolute()
        self._watched = (str(self.path), str(self.path.parent / TENANTS_FOLDER))
        self._environ = environ
        self._check = check
        self._requires: Mapping[str, Collection[str]] = requires or {}
        self._complaint = ""
        self._signature, self._settled = self._look()
        self.current = self._read()

    def govern(self, check: Check, requires: Mapping[str, Collection[str]]) -> None:
        """Take the registry's rules once the plugins are loaded; refuses what breaks them."""
        check(self.current)
        self._check, self._requires = check, requires

    def refresh(self) -> bool:
        """Take over an edited file and return True; keep the old one if the new one is wrong.

        Costs a few ``stat`` calls while nothing changes, so every request can afford it.
        """
        signature, settled = self._look()
        if signature == self._signature and self._settled:
            return False
        self._signature, self._settled = signature, settled
        try:
            fresh = self._read()
        except StartRefused as error:
            self._complain(str(error))
            return False
        self._complaint = ""
        if fresh == self.current:
            return False
        waits = _fixed_at_start(self.current, fresh)
        self.current = fresh
        if waits:
            log.warning("config_needs_restart", file=str(self.path), sections=waits)
        log.info("config_reloaded", file=str(self.path), tenants=len(fresh.tenants))
        return True

    def switch_plugin(self, tenant: str, plugin: str, on: bool) -> tuple[str, ...]:
        """Enable a plugin and what it requires, or disable it; return the names that changed.

        Waits for other editors of the file: call it from a thread. Refuses with ``Conflict``
        what an enabled plugin still requires, a read-only file and a file that has mistakes.
        """
        with locked(self.path):
            config = self._edited()
            plugins = self._plugins_after(config, tenant, plugin, on)
            had = config.tenants[tenant].plugins
            changed = tuple(sorted(set(plugins) ^ set(had)))
            if changed:
                file = config.locations.find(("tenants", tenant)).file
                self._write(file.resolve(), file, tenant, plugins)
        self.refresh()
        return changed

    def _read(self, texts: Mapping[Path, str] | None = None) -> Config:
        config = load(self.path, environ=self._environ, texts=texts)
        self._check(config)
        return config

    def _look(self) -> tuple[Signature, bool]:
        """Return what identifies the files' state, and whether all are old enough to trust it."""
        file, folder = self._watched
        found = [_stat(file), _stat(folder)]
        if found[1][1]:  # most have no such folder, and this runs in each request
            with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
                found += sorted(_stat(e.path) for e in entries if e.name.endswith(".toml"))
        newest = max(mtime for _, _, mtime, _, _ in found)
        return tuple(found), time.time_ns() - newest > SETTLED_NS

    def _complain(self, message: str) -> None:
        if message != self._complaint:
            self._complaint = message
            log.error("config_refused", problems=message.splitlines(), kept="the last good one")

    def _edited(self) -> Config:
        """Return the configuration as it is on disk now, under the lock."""
        try:
            return self._read()
        except StartRefused as error:
            raise Conflict(
                f"The configuration file has mistakes; correct them first. {error}",
                code="config_invalid",
            ) from error

    def _plugins_after(self, config: Config, tenant: str, plugin: str, on: bool) -> list[str]:
        if tenant not in config.tenants or plugin not in config.plugins.installed:
            raise NotFound
        enabled = config.tenants[tenant].plugins
        if on:
            needed = self._closed(plugin)
            return [*enabled, *(name for name in needed if name not in enabled)]
        for other in enabled:
            if plugin in self._requires.get(other, ()) and other != plugin:
                raise Conflict(
                    f'"{other}" requires "{plugin}"; disable "{other}" first.', code="required"
                )
        return [name for name in enabled if name != plugin]

    def _closed(self, plugin: str) -> list[str]:
        """Return the plugin after everything it requires."""
        order: dict[str, None] = {}
        for needed in sorted(self._requires.get(plugin, ())):
            order.update(dict.fromkeys(self._closed(needed)))
        return [*order, plugin]

    def _write(self, target: Path, file: Path, tenant: str, plugins: list[str]) -> None:
        text = _with_plugins(target.read_bytes().decode(), tenant, plugins)
        try:
            config = self._read({file: text})
        except StartRefused as error:
            raise Conflict(f"The change is refused. {error}", code="config_invalid") from error
        if list(config.tenants[tenant].plugins) != plugins:
            raise Conflict(f"{file} cannot be edited by program; edit it by hand.", code="config")
        with clear_refusal(file):
            replace_file(target, text)


def _fixed_at_start(old: Config, new: Config) -> list[str]:
    """Return the changed sections that a running process cannot take over."""
    sections = ("server", "database", "plugins")
    return [name for name in sections if getattr(old, name) != getattr(new, name)]


def _stat(path: str) -> tuple[str, int, int, int, int]:
    try:
        found = os.stat(path)  # noqa: PTH116  # per request: a Path costs more than the call
    except FileNotFoundError:
        return path, 0, 0, 0, 0
    return path, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file beside ``path``; editors take turns, over threads and processes."""
    real = path.resolve()
    lock = real.with_name(f".{real.name}.lock")
    with clear_refusal(path):
        descriptor = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def clear_refusal(file: Path) -> Iterator[None]:
    """Turn what the operating system says of a read-only folder into a refusal."""
    try:
        # root may write anywhere, so the mode counts too: an operator who takes the write
        # permission away has decided that the file is kept elsewhere.
        writable = stat.S_IMODE(file.stat().st_mode) & 0o222
        if not writable or not os.access(file, os.W_OK):
            raise PermissionError
        yield
    except OSError as error:
        reason = f" ({error.strerror})" if error.strerror else ""
        raise Conflict(
            f"{file} is read-only here{reason}; change it where it is kept.",
            code="config_read_only",
        ) from error


def _with_plugins(text: str, tenant: str, enabled: list[str]) -> str:
    """Return the text with the tenant's list edited in place, so that comments survive."""
    document = tomlkit.parse(text)
    table = cast(Table, cast(Table, document["tenants"])[tenant])
    plugins = table.get("plugins")
    if not isinstance(plugins, Array):
        table["plugins"] = enabled
        return tomlkit.dumps(document)
    for name in [str(name) for name in plugins]:
        if name not in enabled:
            plugins.remove(name)
    for name in enabled:
        if name not in plugins:
            plugins.append(name)
    return tomlkit.dumps(document)


def replace_file(target: Path, text: str) -> None:
    """Write beside the file and rename: readers see the old file or the new one, whole."""
    before = target.stat()
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fchmod(descriptor, stat.S_IMODE(before.st_mode))
            if os.geteuid() == 0:
                os.fchown(descriptor, before.st_uid, before.st_gid)
            os.fsync(descriptor)
        Path(name).rename(target)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
