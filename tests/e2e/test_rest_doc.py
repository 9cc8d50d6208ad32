"""The REST guide: its examples run as they stand, and what they say is refused is refused."""

import os
import re
import subprocess

import pytest

from tests.core.apps import PROJECT
from tests.core.commands import Served

pytestmark = [pytest.mark.slow, pytest.mark.embedded]
DOC = PROJECT / "docs" / "rest.md"
REFUSED = ["stale", "not_enough_points", "invalid"]


def test_every_example_of_the_rest_guide_runs(demo: Served) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", DOC.read_text(), re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(blocks)],
        capture_output=True,
        text=True,
        env={**os.environ, "URL": demo.url},
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    refused = re.findall(r'"title":"[^"]*","status":\d+,.*?"code":"(\w+)"', done.stdout)
    assert refused == REFUSED, done.stdout
