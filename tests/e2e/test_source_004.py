"""The curl lines of the customer system that the product takes over, run against the demo."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.cli.commands.demo import PASSWORD
from tests.core.commands import Served

pytestmark = [pytest.mark.slow, pytest.mark.embedded]
SCRIPT = Path(__file__).with_name("source_004.sh")
DEMO = 40  # customers of acme at a scale of 0.02


@pytest.fixture(scope="module")
def steps(demo: Served) -> list[dict[str, Any]]:
    """What each request of the script was answered."""
    login = {"email": "staff@acme.example", "password": PASSWORD}
    signed = httpx.post(f"{demo.url}/api/auth/login/", json=login)
    given = {**os.environ, "ACCESS": signed.json()["access"], "URL": demo.url}
    done = subprocess.run(
        ["bash", str(SCRIPT)], capture_output=True, text=True, env=given, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_each_line_of_the_script_is_answered_well(steps: list[dict[str, Any]]) -> None:
    assert len(re.findall(r"^# \d\. ", SCRIPT.read_text(), re.MULTILINE)) == len(steps)
    assert [step["status"] for step in steps] == [200, 200, 201, 200, 200, 200, 204]


def test_the_list_and_the_statistics_are_the_demos(steps: list[dict[str, Any]]) -> None:
    """CUS-01, CUS-08"""
    listed, stats = steps[0]["body"], steps[1]["body"]
    count = listed["count"]  # other tests add customers of their own to the same demo
    assert set(listed) == {"count", "next", "previous", "results"}
    assert count >= DEMO
    assert len(listed["results"]) == 25
    assert stats["total_customers"] == count
    assert 0 < stats["active_customers"] <= count
    assert stats["total_loyalty_points"] > 0
    assert sum(stats["customers_by_tier"].values()) == count


def test_a_customer_is_made_changed_and_deleted(steps: list[dict[str, Any]]) -> None:
    """CUS-01, CUS-02, CUS-04"""
    made, changed = steps[2]["body"], steps[3]["body"]
    assert made["name"] == "API Test Customer"
    assert made["email"] == "apitest@example.com"
    assert (made["loyalty_points"], made["loyalty_tier"], made["is_active"]) == (0, "bronze", True)
    assert made["phone"].endswith("8123456789")
    assert changed["id"] == made["id"]
    assert changed["phone"].endswith("8987654321")
    assert changed["name"] == made["name"]
    assert steps[6]["body"] is None


def test_points_are_added_and_three_are_activated(steps: list[dict[str, Any]]) -> None:
    """LOY-03, LOY-08, CUS-11"""
    points, bulk = steps[4]["body"], steps[5]["body"]
    assert points["id"] == steps[2]["body"]["id"]
    assert (points["loyalty_points"], points["loyalty_tier"]) == (100, "silver")
    assert bulk["message"] == f"{bulk['updated']} customers updated successfully"
    assert bulk["updated"] + len(bulk["skipped"]) == 3
