"""The parent of the workers: watches their start, keeps their number and drains them."""

import contextlib
import errno
import logging
import multiprocessing
import os
import socket
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import msgspec
from granian.constants import Interfaces, Loops
from granian.log import LogLevels
from granian.server.mp import MPServer as Server

from core.config import Config
from core.config.secrets import WITHHOLD_OWNER
from core.errors import StartRefused
from core.server.logging import Forward, configure
from core.server.worker_status import REPORTS, reports

DRAIN_SECONDS = 20
POLL_SECONDS = 0.05
# Variables with URLs of other roles: workers do not inherit them.
WITHHELD = ("CRM_DATABASE_OWNER_URL", "CRM_DATABASE_ADMIN_URL", "CRM_DATABASE_DIRECT_URL")


class ListenOptions(msgspec.Struct, frozen=True):
    """Where the server listens, and with how many processes."""

    host: str
    port: int
    workers: int

    @property
    def url(self) -> str:
        """The address that people open; a wildcard becomes the loopback address."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104
        return f"http://{host}:{self.port}"


def free_address(listening: ListenOptions) -> str:
    """Return the numeric address to bind; refuses a port that somebody listens on."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            listening.host, listening.port, type=socket.SOCK_STREAM
        )[0]
    except OSError as error:
        raise StartRefused(f"The host {listening.host!r} cannot be resolved: {error}.") from None
    # Workers share the port by SO_REUSEPORT, so a second server would not fail by itself.
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise StartRefused(
                    f"Port {listening.port} on {listening.host} is in use; choose another with"
                    " --port (make run PORT=9000)."
                ) from None
            raise StartRefused(
                f"{listening.host}:{listening.port} cannot be used: {error.strerror}."
            ) from None
    return str(address[0])


def run_workers(
    config: Config, database_url: str, listening: ListenOptions, notes: Sequence[str] = ()
) -> None:
    """Run the workers until SIGTERM or SIGINT; refuses what the workers refuse, once."""
    address = free_address(listening)
    configure()
    with _environment(config, database_url) as reports:
        server = _granian(address, listening)
        watch = _Watch(server, reports, listening.workers, _banner(config, listening, notes))
        logging.getLogger("_granian").addFilter(lambda _: watch.refusal() is None)
        watch.start()
        try:
            server.serve()
        except SystemExit as ended:
            raise StartRefused(watch.refusal() or "A worker ended; see the log above.") from ended
        finally:
            watch.ended.set()
        refused = watch.refusal()
        if refused is not None:
            raise StartRefused(refused)


def _granian(address: str, listening: ListenOptions) -> Server:
    # A fresh interpreter per worker: nothing of the parent, such as the owner's URL, is in it.
    multiprocessing.set_start_method("spawn", force=True)
    return Server(
        "core.server.worker:app",
        factory=True,
        address=address,
        port=listening.port,
        interface=Interfaces.ASGI,
        workers=listening.workers,
        loop=Loops.auto,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=DRAIN_SECONDS,
        log_level=LogLevels.warning,
        log_access=False,
        log_dictconfig={
            "handlers": {"console": {"()": Forward}, "access": {"class": "logging.NullHandler"}}
        },
    )


@contextlib.contextmanager
def _environment(config: Config, database_url: str) -> Iterator[Path]:
    """Hand the workers their environment and yield the folder where they report."""
    with tempfile.TemporaryDirectory(prefix="trellis-start-") as folder:
        passed = {
            "CRM_DATABASE_URL": database_url,
            "CRM_CONFIG": str(config.path),
            "CRM_HOME": str(config.home),
            WITHHOLD_OWNER: "1",
            REPORTS: folder,
        }
        before = {name: os.environ.get(name) for name in (*passed, *WITHHELD)}
        for name in WITHHELD:
            os.environ.pop(name, None)
        os.environ.update(passed)
        try:
            yield Path(folder)
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


class _Watch(threading.Thread):
    """Reads the workers' reports: announces the server when all serve, ends it when one refuses."""

    def __init__(self, server: Server, reports: Path, workers: int, banner: str) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._reports = reports
        self._workers = workers
        self._banner = banner
        self._refusal: str | None = None
        self.ended = threading.Event()

    def refusal(self) -> str | None:
        """Return why the first worker refused to start, if one did."""
        if self._refusal is None:
            for text in reports(self._reports, "refused"):
                self._refusal = text or "A worker could not start; see the log above."
        return self._refusal

    def run(self) -> None:
        """Poll until all workers are ready or one refuses to start."""
        while not self.ended.wait(POLL_SECONDS):
            if self.refusal() is not None:
                self._server.interrupt_signal = True
                self._server.main_loop_interrupt.set()
                return
            if len(reports(self._reports, "ready")) >= self._workers:
                click.echo(self._banner)
                return


def _banner(config: Config, listening: ListenOptions, notes: Sequence[str]) -> str:
    lines = ["", f"  Trellis           {config.server.base_url or listening.url}"]
    for tenant in config.tenants.values():
        for host in tenant.hosts:
            port = "" if config.server.base_url else f":{listening.port}"
            lines.append(f"  tenant {tenant.slug:<10} http://{host}{port}")
    if config.server.docs:
        lines.append(f"  documentation     {config.server.base_url or listening.url}/api/docs")
    lines += [f"  {note}" for note in notes]
    return "\n".join([*lines, "  Ctrl-C stops it.", ""])
