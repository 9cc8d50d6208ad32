"""A configuration against what is there: plugins, their requirements, settings and entities."""

from typing import Annotated

import msgspec
import pytest
from msgspec import Meta

from core.config import Config, ConfigError, check_against, load
from tests.core.config_files import BASE, Write


class Tier(msgspec.Struct, frozen=True):
    code: str


class Settings(msgspec.Struct, frozen=True):
    points_per_unit: Annotated[int, Meta(ge=1)] = 1
    expiry_months: int | None = None
    tiers: tuple[Tier, ...] | None = None


def against(config: Config, **changes: object) -> list[str]:
    known: dict[str, object] = {
        "installed": ["customers", "loyalty"],
        "requires": {"loyalty": ["customers"]},
        "settings": {"loyalty": Settings},
        "entities": {"customers.customer": ("list", "view")},
        "scopes": ("all", "own"),
        "roles": ("staff",),
    }
    with pytest.raises(ConfigError) as caught:
        check_against(config, **(known | changes))  # type: ignore[arg-type]  # named above
    return str(caught.value).replace(f"{config.path.parent}/", "").splitlines()


def test_sound_configuration_passes_the_plugins(write: Write) -> None:
    config = load(write(BASE), environ={})
    check_against(config, ["customers", "loyalty"], {"loyalty": ["customers"]}, {})


def test_installed_plugin_that_does_not_exist_is_refused(write: Write) -> None:
    config = load(write(BASE), environ={})
    assert against(config, installed=["customers", "loyaltys"]) == [
        'crm.toml:2: plugins.installed[1]: unknown plugin "loyalty"; '
        'allowed: customers, loyaltys; did you mean "loyaltys"?'
    ]


def test_missing_requirement_is_refused_at_both_levels(write: Write) -> None:
    text = '[plugins]\ninstalled = ["loyalty"]\n[tenants.acme]\nplugins = ["loyalty"]\n'
    assert against(load(write(text), environ={})) == [
        'crm.toml:2: plugins.installed[0]: "loyalty" requires "customers", which is not '
        "installed; add it to the list",
        'crm.toml:4: tenants.acme.plugins[0]: "loyalty" requires "customers", which is not '
        "enabled here; add it to the list",
    ]


def test_settings_are_checked_by_the_plugins_own_struct(write: Write) -> None:
    text = (
        "[tenants.acme.settings.loyalty]\npoint_per_unit = 2\npoints_per_unit = 0\n"
        "expiry_months = 'x'\n[tenants.acme.settings.customers]\nany = 1\n"
    )
    assert against(load(write(BASE + text), environ={})) == [
        "crm.toml:9: tenants.acme.settings.loyalty.point_per_unit: unknown key "
        '"point_per_unit"; allowed: expiry_months, points_per_unit, tiers; '
        'did you mean "points_per_unit"?',
        "crm.toml:10: tenants.acme.settings.loyalty.points_per_unit: expected int >= 1 (here 0)",
        "crm.toml:11: tenants.acme.settings.loyalty.expiry_months: expected int | null, got str "
        '(here "x")',
        'crm.toml:12: tenants.acme.settings.customers: the plugin "customers" has no settings',
    ]


def test_optional_tables_of_settings_are_checked_key_by_key(write: Write) -> None:
    text = "[[tenants.acme.settings.loyalty.tiers]]\ncode = 'a'\ncoed = 'b'\n"
    assert against(load(write(BASE + text), environ={})) == [
        'crm.toml:10: tenants.acme.settings.loyalty.tiers[0].coed: unknown key "coed"; '
        'allowed: code; did you mean "code"?'
    ]


def test_grants_name_only_what_exists(write: Write) -> None:  # access.md: own roles
    text = """[tenants.acme.roles.clerk]
label = "Clerk"
like = "staf"
grants = [
  "customers.custmer:list:all", "customers.customer:list,veiw:all", "customers.customer:list:owm",
]
"""
    assert against(load(write(BASE + text), environ={})) == [
        'crm.toml:10: tenants.acme.roles.clerk.like: unknown role "staf"; '
        'allowed: clerk, staff; did you mean "staff"?',
        'crm.toml:11: tenants.acme.roles.clerk.grants[0]: unknown entity "customers.custmer"; '
        'allowed: customers.customer; did you mean "customers.customer"?',
        "crm.toml:11: tenants.acme.roles.clerk.grants[1]: unknown action of customers.customer "
        '"veiw"; allowed: list, view; did you mean "view"?',
        'crm.toml:11: tenants.acme.roles.clerk.grants[2]: unknown scope "owm"; '
        'allowed: all, own; did you mean "own"?',
    ]
