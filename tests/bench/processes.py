"""What a server's processes cost: processor time and memory, as Linux counts them."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.bench.machine import ROOT, free_port
from tests.bench.prepared import CRM

TICK = os.sysconf("SC_CLK_TCK")
READY = "Ctrl-C stops it."
SETTLE_SECONDS = 5


def process_tree(pid: int) -> list[int]:
    """Return a process and everything it started, but for PostgreSQL."""
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        children += [int(child) for child in (task / "children").read_text().split()]
    ours = [child for child in children if "postgres" not in command_name(child)]
    return [pid, *(one for child in ours for one in process_tree(child))]


def command_name(pid: int) -> str:
    """Return the name of the program that a process runs."""
    return Path(f"/proc/{pid}/comm").read_text().strip()


def cpu_seconds(pid: int) -> float:
    """Return the user and system time of a process and of the children it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / TICK


def pss_megabytes(pid: int) -> float:
    """Return the proportional set size of a process."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"{pid} has no Pss")


@contextmanager
def started(words: tuple[str, ...], env: Mapping[str, str]) -> Iterator[int]:
    """Run a command that serves with one worker; yield its pid once it is ready."""
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(
        [CRM, *words, "--workers", "1", "--port", str(free_port())],
        cwd=ROOT,
        env={**inherited, **env},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        if not any(READY in line for line in process.stdout):
            raise RuntimeError(f"crm {' '.join(words)} ended with {process.wait()}")
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


def start_cost(words: tuple[str, ...], env: Mapping[str, str]) -> float:
    """Return the processor seconds that a server takes until it is ready, with its worker."""
    with started(words, env) as pid:
        return sum(cpu_seconds(one) for one in process_tree(pid))


def idle_memory(words: tuple[str, ...], env: Mapping[str, str]) -> float:
    """Return the megabytes that a server and its worker hold when nobody asks anything."""
    with started(words, env) as pid:
        time.sleep(SETTLE_SECONDS)
        return sum(pss_megabytes(one) for one in process_tree(pid))


def command_cost(words: tuple[str, ...]) -> float:
    """Return the processor seconds of a command."""
    before = os.times()
    subprocess.run([CRM, *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
