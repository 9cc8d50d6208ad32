"""Real data sets, read from the folder that ``TRELLIS_DATA`` names; never part of the project."""

import os
from pathlib import Path

import pytest


def data_file(name: str) -> Path:
    """Return the path of a data set; skips the test where it is absent (ruling 33)."""
    folder = os.environ.get("TRELLIS_DATA")
    path = Path(folder or "/nonexistent") / name
    if not path.exists():
        pytest.skip(f"the data set {name} is not here: set TRELLIS_DATA to its folder")
    return path
