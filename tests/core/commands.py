"""What the tests of the command line share: a project of their own and ``crm`` run inside it."""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import httpx

from tests.core.apps import PACKAGES, PROJECT

CONFIG = """
[plugins]
installed = [{installed}]

[tenants.acme]
hosts = ["acme.localhost"]
currency = "IDR"
phone_region = "ID"
plugins = [{installed}]

[tenants.globex]
hosts = ["globex.localhost"]
plugins = [{first}]
"""


@cache
def _bytecode() -> str:
    """Return a folder for what Python compiles: dozens of commands run, the sources stay clean."""
    folder = tempfile.mkdtemp(prefix="trl-pyc-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class Project:
    """A configuration and a home; ``source`` is where core and plugins lie."""

    def __init__(self, folder: Path, plugins: tuple[str, ...], source: Path = PROJECT) -> None:
        self.folder = folder
        self.source = source
        self.config = folder / "crm.toml"
        self.home = folder / "home"
        listed = ", ".join(f'"{name}"' for name in plugins)
        first = f'"{plugins[0]}"' if plugins else ""
        self.config.write_text(CONFIG.format(installed=listed, first=first))

    def environment(self, **more: str) -> dict[str, str]:
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("CRM_", "PYTEST"))}
        paths = f"{self.source}:{PACKAGES}"
        kept.pop("PYTHONDONTWRITEBYTECODE", None)
        own = {
            "CRM_CONFIG": str(self.config),
            "CRM_HOME": str(self.home),
            "PYTHONPATH": paths,
            "PYTHONPYCACHEPREFIX": _bytecode(),
        }
        return kept | own | more

    def crm(self, *words: str, stdin: str = "", good: bool = True, **more: str) -> str:
        """Run a command; return what it said on both streams."""
        done = subprocess.run(
            [sys.executable, "-m", "core.cli", *words],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=self.source,
            env=self.environment(**more),
            timeout=240,
        )
        said = done.stdout + done.stderr
        assert (done.returncode == 0) is good, said
        assert "Traceback" not in said, said
        return said

    @contextmanager
    def serving(
        self, *words: str, command: tuple[str, ...] = ("serve",), **more: str
    ) -> Iterator["Served"]:
        """Run ``crm serve``, or what else serves, until the block ends."""
        port = free_port()
        with (self.folder / "serve.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "core.cli", *command, "--port", str(port), *words],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.source,
                env=self.environment(**more),
            )
        served = Served(process, port, self.folder / "serve.log")
        try:
            served.wait()
            yield served
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(60)


class Served:
    """A running server."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def wait(self) -> None:
        end = time.monotonic() + 120
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log
            try:
                httpx.get(f"{self.url}/health")
                return
            except httpx.TransportError:
                time.sleep(0.1)
        raise AssertionError(self.log)

    def wait_for(self, text: str) -> None:
        """Wait until the server has written ``text``."""
        end = time.monotonic() + 30
        while text not in self.log:
            assert time.monotonic() < end, self.log
            time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def copy_of_the_source(folder: Path, without: tuple[str, ...] = ("loyalty",)) -> Path:
    """Copy what a plugin author changes, so that the real plugins stay as they are."""
    for name in ("core", "plugins", "migrations", "themes"):
        if (PROJECT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", *without)
            shutil.copytree(PROJECT / name, folder / name, ignore=ignored)
    return folder
