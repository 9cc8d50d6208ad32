"""``crm up`` prepares, becomes ``crm serve``, and ends its database with itself."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.postgres import embedded
from tests.core.commands import Project, free_port


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path, ("customers",))
    yield made
    embedded.stop(made.home)


def test_up_becomes_serve_and_keeps_one_use_of_the_database(project: Project) -> None:
    with project.serving("--scale", "0.001", command=("up",)) as served:
        pid = served.process.pid
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        assert b"serve" in words
        assert b"up" not in words
        status = embedded.status(project.home)
        assert (status.ready, status.members) == (True, (pid,))
        served.wait_for("password of all")
        served.process.send_signal(signal.SIGINT)
        assert served.process.wait(60) == 0
    assert not embedded.status(project.home).ready


def block_interrupts() -> None:
    """As ``crm up`` leaves them; a test run in the background may have them ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def test_an_interrupt_during_the_change_ends_the_database(project: Project) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "core.cli", "serve", "--port", str(free_port())],
        cwd=project.source,
        env=project.environment(),
        stderr=subprocess.PIPE,
        preexec_fn=block_interrupts,
    )
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, b"Interrupted." in errors) == (130, True), errors
    status = embedded.status(project.home)
    assert (status.ready, status.members) == (False, ())
    assert status.version is not None  # it was made, and ended


def test_a_port_that_is_in_use_by_then_ends_the_database(project: Project) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        project.crm("serve", "--port", port, "--database-use", "none", good=False)
    status = embedded.status(project.home)
    assert (status.ready, status.members, status.version is not None) == (False, (), True)
