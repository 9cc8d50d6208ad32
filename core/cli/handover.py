"""How ``crm up`` becomes ``crm serve``: the same process, without what its preparations hold."""

import os
import signal
import sys
from collections.abc import Sequence

from core.server.supervisor import ListenOptions


def become_serve(listening: ListenOptions, use: str | None, notes: Sequence[str]) -> None:
    """Replace this program by ``crm serve``; returns never.

    ``use`` is the key of this process's use of the embedded server, which runs on meanwhile.
    """
    words = ["--host", listening.host, "--port", str(listening.port)]
    words += ["--workers", str(listening.workers), *(f"--note={note}" for note in notes)]
    if use is not None:
        words.append(f"--database-use={use}")
    sys.stdout.flush()
    sys.stderr.flush()
    # An interrupt in between would end the process and leave the embedded server running.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        os.execv(sys.executable, [*_program(), "serve", *words])  # noqa: S606 -- no shell
    finally:
        accept_interrupts()


def accept_interrupts() -> None:
    """Let Ctrl-C through, one that came during the change of programs included."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _program() -> list[str]:
    """Return the words that run ``crm``, as a script or as a module, without its options."""
    return [sys.executable, *sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv) + 1]]
