"""Prints how well the time of a refused login tells its cause (D1): 2,000 samples per class.

Run by hand: ``python -m pytest tests/core/measure_login.py -s -p no:randomly``.
"""

import sys
from statistics import median

import pytest

from tests.core.signing import open_gate
from tests.core.test_auth_login import auc, timed_logins

SAMPLES = 2000


@pytest.mark.timeout(3600)
async def test_time_does_not_tell_the_cause(test_server, tmp_path):
    async with open_gate(test_server, tmp_path) as gate:
        found = await timed_logins(gate, SAMPLES)
        for kind, times in found.items():
            sys.stdout.write(f"{kind:16} median {median(times) * 1000:.2f} ms\n")
        areas = {kind: auc(found["unknown"], found[kind]) for kind in found if kind != "unknown"}
        sys.stdout.write(f"{areas}\n")
        assert max(areas.values()) <= 0.55
