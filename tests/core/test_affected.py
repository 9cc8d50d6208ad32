"""What a change calls for: a plugin its dependents, the kernel everything."""

import pytest

from core.registry.manifest import Manifest
from tools.affected import EVERYTHING, affected, manifests, required, runs


def manifest(name: str, requires: list[str], optional: list[str] | None = None) -> Manifest:
    return Manifest(
        name=name,
        title=name,
        summary=f"{name}.",
        version="1.0",
        kernel=">=0.1",
        requires=requires,
        optional=optional or [],
    )


KNOWN = {
    "customers": manifest("customers", []),
    "loyalty": manifest("loyalty", ["customers"]),
    "referrals": manifest("referrals", ["loyalty"]),
    "tickets": manifest("tickets", [], optional=["loyalty"]),
}


@pytest.mark.parametrize(
    ("changed", "plugins"),
    [
        (["plugins/referrals/models.py"], {"referrals"}),
        (["plugins/loyalty/models.py"], {"loyalty", "referrals", "tickets"}),
        (["plugins/customers/hooks.py"], {"customers", "loyalty", "referrals", "tickets"}),
        (["plugins/tickets/README.md", "CHANGELOG.md"], {"tickets"}),
        (["core/model/fields.py", "plugins/tickets/models.py"], {EVERYTHING}),
        (["tests/conftest.py"], {EVERYTHING}),
        (["uv.lock"], {EVERYTHING}),
        (["README.md"], set()),
    ],
)
def test_a_change_calls_for_what_depends_on_it(changed: list[str], plugins: set[str]) -> None:
    assert affected(changed, KNOWN)[0] == plugins


def test_a_test_calls_for_itself() -> None:
    assert affected(["tests/core/test_affected.py"], KNOWN) == (
        set(),
        {"tests/core/test_affected.py"},
    )


def test_requirements_come_first() -> None:
    assert required(["referrals", "tickets"], KNOWN) == [
        "customers",
        "loyalty",
        "referrals",
        "tickets",
    ]


def test_commands_name_plugins_that_are_there() -> None:
    assert set(manifests()) >= {"customers", "loyalty", "dummy"}
    (line,) = runs(["plugins/loyalty/models.py"])
    assert line == (
        "CRM_TEST_PLUGINS=customers,loyalty,dummy pytest tests/contract plugins/loyalty/tests"
    )
    assert runs(["core/errors.py"]) == ["make test-all"]
