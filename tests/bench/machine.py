"""Servers to measure and the load that measures them: granian processes and wrk."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]
WRK = shutil.which("wrk")
SECONDS = int(os.environ.get("BENCH_SECONDS", "5"))


class Load(msgspec.Struct, frozen=True):
    """What wrk saw: requests per second and latencies in milliseconds."""

    rps: float
    p50: float
    p99: float
    errors: int


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str, seconds: float = 60) -> float:
    """Wait until ``url`` answers 200; return how long that took."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        try:
            with urllib.request.urlopen(url, timeout=2) as reply:
                if reply.status == 200:
                    return time.monotonic() - began
        except OSError:
            time.sleep(0.02)
    raise TimeoutError(f"{url} does not answer")


@contextmanager
def running(command: list[str], env: Mapping[str, str], url: str) -> Iterator[float]:
    """Run a server; yield how long it took to its first answer."""
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(
        command, cwd=ROOT, env={**inherited, **env}, stdout=subprocess.DEVNULL
    )
    try:
        yield answers(url)
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def bare(workers: int, env: Mapping[str, str]) -> Iterator[str]:
    """Run the bare application; yield its address."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "asgi",
        "--port",
        str(port),
        "--workers",
        str(workers),
        "--log-level",
        "error",
        "tests.bench.bare:app",
    ]
    with running(command, env, f"http://127.0.0.1:{port}/hello"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def trellis(home: Path, config: Path, workers: int) -> Iterator[str]:
    """Run the product on a prepared home; yield its address."""
    port = free_port()
    command = [
        str(Path(sys.executable).parent / "crm"),
        "serve",
        "--port",
        str(port),
        "--workers",
        str(workers),
    ]
    env = {"CRM_HOME": str(home), "CRM_CONFIG": str(config)}
    with running(command, env, f"http://127.0.0.1:{port}/health/ready"):
        yield f"http://127.0.0.1:{port}"


def ready_in(home: Path, config: Path) -> float:
    """Return the seconds from the command to the first good answer of /health/ready."""
    port = free_port()
    command = [str(Path(sys.executable).parent / "crm"), "serve", "--port", str(port)]
    env = {"CRM_HOME": str(home), "CRM_CONFIG": str(config)}
    with running(command, env, f"http://127.0.0.1:{port}/health/ready") as seconds:
        return seconds


def load(
    url: str, connections: int, script: str = "", headers: Mapping[str, str] | None = None
) -> Load:
    """Send requests for ``BENCH_SECONDS`` over keep-alive connections; return what came back."""
    assert WRK is not None
    command = [WRK, "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency"]
    for name, value in (headers or {}).items():
        command += ["-H", f"{name}: {value}"]
    if script:
        path = Path(f"/tmp/bench-{os.getpid()}.lua")
        path.write_text(script)
        command += ["-s", str(path)]
    text = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    return Load(
        rps=float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]),  # type: ignore[index]
        p50=_ms(text, "50%"),
        p99=_ms(text, "99%"),
        errors=int(bad[1]) if bad else 0,
    )


def _ms(text: str, share: str) -> float:
    found = re.search(rf"{share}\s+([\d.]+)(us|ms|s)", text)
    assert found is not None, text
    return float(found[1]) * {"us": 0.001, "ms": 1, "s": 1000}[found[2]]
