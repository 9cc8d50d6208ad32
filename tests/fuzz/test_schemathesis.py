"""Schemathesis over the served document as each role: no 5xx, and every answer as described.

``FUZZ_CASES`` (default 300) cases in all, half of them valid. Each different failure is kept once
with the request that shows it; all are printed at the end.
"""

import asyncio
import os
import sys
from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.core.failures import FailureGroup

from tests.fuzz.conftest import ROLES, Target

CASES = int(os.environ.get("FUZZ_CASES", "300"))
# A schema cannot say these; a well-formed request may still be refused for such a reason.
BEYOND_SCHEMA = frozenset(
    """blank characters choice count currency cursor date datetime decimals depth email if_match
    invalid key many max_length nul null phone range removed required rule scope surrogate text
    too_deep too_large too_many type unique unknown_field unknown_operator unknown_record value
    weak_password wrong_password""".split()  # noqa: SIM905 - a list of words
)
LEFT_OUT = ("positive_data_acceptance",)


class Findings:
    """What a run found: statuses, and each kind of failure with its first request."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.failures: dict[tuple[str, str], str] = {}
        self.cases = 0

    def keep(self, where: str, what: str, story: str) -> None:
        self.failures.setdefault((where, what), story)

    def report(self) -> str:
        return "\n\n".join(f"{w} {what}\n{story}" for (w, what), story in self.failures.items())


def check_answer(
    findings: Findings,
    role: str,
    case: Any,
    answer: Any,
    headers: dict[str, str],
    checks: list[Any],
) -> None:
    """Run every check on one answer."""
    where = f"{role}: {case.operation.label}"
    if case.meta and case.meta.generation.mode.is_positive and answer.status_code == 400:
        errors = [e for e in answer.json()["errors"] if e["pointer"] != "#/action"]
        codes = {e["code"] for e in errors} or {"invalid"}
        if not codes <= BEYOND_SCHEMA:
            findings.keep(
                where,
                f"valid request refused {codes}",
                f"{case.as_curl_command()}\n{answer.text[:600]}",
            )
    # A batch without "atomic" answers 201 and lists the wrong records: that is its refusal.
    partial = answer.status_code == 201 and answer.json().get("failed")
    checks = [c for c in checks if not (partial and c.__name__ == "negative_data_rejection")]
    try:
        case.validate_response(answer, checks=checks, headers=headers)
    except FailureGroup as group:
        for failure in group.exceptions:
            findings.keep(
                where,
                failure.title,
                f"{failure}\n{case.as_curl_command()}\n{answer.status_code} {answer.text[:600]}",
            )
    except AssertionError as failure:
        findings.keep(where, type(failure).__name__, str(failure))


def attack(
    target: Target, role: str, document: dict[str, Any], cases: int, findings: Findings
) -> None:
    """Send ``cases`` requests as one role; runs in a thread of its own."""
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=target.url)
    # A wrong request may as well be too large, or come with a stale If-Match.
    schema.config.checks.negative_data_rejection.expected_statuses += ["412", "413"]
    checks = [check for check in CHECKS.get_all() if check.__name__ not in LEFT_OUT]

    def fuzz(case: Any) -> None:
        headers = target.headers(role)
        answer = case.call(headers=headers, base_url=target.url, timeout=20)
        findings.cases += 1
        findings.statuses[answer.status_code] += 1
        check_answer(findings, role, case, answer, headers, checks)
        if answer.status_code == 401 and role != "anonymous":
            target.enter_again(role)

    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        strategy = schema.as_strategy(generation_mode=mode)
        run = settings(
            max_examples=max(1, cases // 2),
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        )(given(case=strategy)(fuzz))
        run()


@pytest.mark.fuzz
async def test_every_answer_is_as_described(target: Target) -> None:
    findings = Findings()
    for role in ROLES:
        answer = await target.world.client.get(
            "/api/openapi.json", headers=target.headers(role) | {"host": "acme.localhost"}
        )
        assert answer.status_code == 200, answer.text
        share = max(2, -(-CASES // len(ROLES)))
        await asyncio.to_thread(attack, target, role, answer.json(), share, findings)
    sys.stdout.write(
        f"\n{findings.cases} cases, statuses {dict(sorted(findings.statuses.items()))}\n"
    )
    broken = sum(n for status, n in findings.statuses.items() if status >= 500)
    assert not findings.failures, findings.report()
    assert broken == 0
