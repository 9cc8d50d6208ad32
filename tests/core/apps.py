"""What the tests of the embedded server share: processes of their own, and other OS users."""

import asyncio
import os
import pwd
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from core.postgres import server_users

ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="only root can become another OS user")
PROJECT = Path(__file__).parents[2]
PACKAGES = Path(asyncpg.__file__).parents[1]

APP = """
import sys
from pathlib import Path
from core.postgres import embedded
server = embedded.ensure(Path(sys.argv[1]))
print(embedded.status(Path(sys.argv[1])).pid, server.socket, flush=True)
sys.stdin.read()
server.leave()
"""


class App:
    """A process of its own that uses the server until told to leave."""

    def __init__(self, home: Path, python: str = sys.executable, **options: object) -> None:
        paths = f"{PROJECT}:{PACKAGES}"
        self.child = subprocess.Popen(
            [python, "-c", APP, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env={"PATH": os.defpath, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
            | options.pop("env", {}),
            **options,
        )

    def ready(self) -> tuple[int, Path]:
        assert self.child.stdout is not None
        line = self.child.stdout.readline().split()
        assert len(line) == 2, "the app ended before its server was ready"
        return int(line[0]), Path(line[1])

    def end(self) -> int:
        self.child.communicate()
        return self.child.returncode

    def kill(self) -> None:
        self.child.kill()
        self.child.communicate()


def ask(url: str, *statements: str) -> object:
    async def run() -> object:
        connection = await asyncpg.connect(url)
        try:
            return [await connection.fetchval(statement) for statement in statements][-1]
        finally:
            await connection.close()

    return asyncio.run(run())


def gone(pid: int) -> bool:
    return server_users.born(pid) is None


def stranger() -> dict[str, int | list[int]]:
    """Return the arguments that run a child as an ordinary OS user who is not the server's."""
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def python_of(user: dict[str, int | list[int]]) -> str:
    """Return an interpreter that this user can run with our packages, or skip."""
    probe = ["-c", "import asyncpg, msgspec, core.postgres.embedded"]
    env = {"PYTHONPATH": f"{PROJECT}:{PACKAGES}", "PYTHONDONTWRITEBYTECODE": "1"}
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            subprocess.run([python, *probe], check=True, capture_output=True, env=env, **user)
        except (OSError, subprocess.CalledProcessError):
            continue
        return python
    pytest.skip("no interpreter that an ordinary user may run with these packages")
