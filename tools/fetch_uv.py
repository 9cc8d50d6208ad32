"""Put uv into a folder of the project, with nothing but Python.

Debian's Python comes without pip; pip's own standalone program then stands in for it.
"""

import os
import subprocess
import sys
import tempfile
import urllib.request
from importlib.util import find_spec
from pathlib import Path

REQUIREMENT = "uv>=0.8,<1"
STANDALONE_PIP = "https://bootstrap.pypa.io/pip/pip.pyz"


def install(pip: list[str], folder: Path) -> int:
    """Run pip; with ``--target`` it works on externally managed Pythons too (PEP 668)."""
    command = [sys.executable, *pip, "install", "--quiet", "--disable-pip-version-check"]
    quiet_as_root = os.environ | {"PIP_ROOT_USER_ACTION": "ignore"}
    return subprocess.run(
        [*command, "--upgrade", "--target", str(folder), REQUIREMENT],
        check=False,
        env=quiet_as_root,
    ).returncode


def main() -> int:
    folder = Path(sys.argv[1])
    if find_spec("pip"):
        return install(["-m", "pip"], folder)
    with tempfile.TemporaryDirectory() as scratch:
        program = Path(scratch, "pip.pyz")
        try:
            with urllib.request.urlopen(STANDALONE_PIP, timeout=60) as answer:
                program.write_bytes(answer.read())
        except OSError as error:
            sys.stderr.write(
                f"This Python has no pip, and {STANDALONE_PIP} cannot be fetched ({error}).\n"
                "Install pip (Debian: apt install python3-pip) or uv, then try again.\n"
            )
            return 1
        return install([str(program)], folder)


if __name__ == "__main__":
    sys.exit(main())
