"""What stands in the files of a new plugin."""

HEADINGS = (
    "What it does",
    "Turn it on",
    "Entities",
    "Permissions",
    "Settings",
    "Hooks it offers",
    "What it adds to others",
    "Jobs",
    "Personal data",
    "Removal",
    "Known limits",
)

MANIFEST = """\
name = "{name}"
title = "{title}"
summary = "{title} of a tenant."
version = "0.1.0"
kernel = ">=0.1,<0.2"
"""
PACKAGE = '"""{title} of a tenant."""\n'
MODELS = '''\
"""What {words} are."""

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped

from core.plugin import Entity, entity, field


@entity(
    label="{label}",
    plural="{title}",
    title="name",
    columns=("name", "created_at"),
    search=("name",),
    indexed=(("created_at",), ("name",)),
)
class {cls}(Entity):
    """One of the tenant's {words}. Its name is never empty."""

    name: Mapped[str] = field(String(200), label="Name", sort=True)
    remark: Mapped[str | None] = field(Text, label="Remark", pii="free_text")
'''
HOOKS = '''\
"""How {words} are wired in."""

from core.plugin import Grant, hookimpl
from {package}.models import {cls}


@hookimpl
def register_grants():
    verbs = ("list", "view", "create", "update", "delete", "trash", "restore")
    return [Grant(role="staff", entity={cls}, actions=verbs, scope="all")]
'''
TESTS = '''\
"""{title}, asked for as a client does."""

from core.testing.kit import MakeWorld

PACKAGES = {{"{name}": "{package}"}}


async def test_a_record_is_created_listed_and_hidden_from_others(make_world: MakeWorld) -> None:
    world = await make_world(plugins=("{name}",), packages=PACKAGES)
    staff = await world.person("staff")
    made = await world.ask(staff, "POST", "/api/{resource}/", json={{"name": "First"}})
    assert made.status_code == 201, made.text
    listed = await world.ask(staff, "GET", "/api/{resource}/")
    assert [one["name"] for one in listed.json()["results"]] == ["First"]
    foreign = await world.person("staff", tenant="globex")
    hidden = await world.ask(foreign, "GET", f"/api/{resource}/{{made.json()['id']}}/")
    assert hidden.status_code == 404


async def test_a_record_without_a_name_is_refused(make_world: MakeWorld) -> None:
    world = await make_world(plugins=("{name}",), packages=PACKAGES)
    staff = await world.person("staff")
    refused = await world.ask(staff, "POST", "/api/{resource}/", json={{}})
    assert refused.status_code == 400
    assert [one["pointer"] for one in refused.json()["errors"]] == ["#/name"]
'''
CONTRACT = '''\
"""What must hold of every plugin, asked of this one."""

from core.testing.contract import broken_rules, leaks, needed
from core.testing.kit import MakeWorld

PACKAGES = {{"{name}": "{package}"}}


def test_plugin_meets_every_rule() -> None:
    assert broken_rules("{name}", PACKAGES) == []


async def test_nobody_gets_or_changes_what_is_not_his(make_world: MakeWorld) -> None:
    world = await make_world(plugins=needed("{name}", PACKAGES), packages=PACKAGES)
    assert await leaks(world, "{name}") == []
'''
PAGE = {
    "What it does": "Keeps the {words} of a tenant.",
    "Entities": "`{name}.{entity}` at `/api/{resource}/`: a name and a remark.",
    "Permissions": "`{name}.{entity}.list`, `view`, `create`, `update`, `delete`, `trash`,"
    " `restore`:\nstaff, all records. `purge`: administrators.",
    "Settings": "None.",
    "Hooks it offers": "None.",
    "What it adds to others": "Nothing.",
    "Jobs": "None.",
    "Personal data": "The remark may hold some; it is marked as free text.",
    "Removal": "`crm plugin remove {name} --purge` drops its table.",
    "Known limits": "None yet.",
}
TURN_ON = {
    "plugins": "List `{name}` under `[plugins] installed` in `crm.toml`, run `crm db migrate`,"
    "\nrestart, then `crm plugin enable {name} --tenant <slug>`.",
    "package": "Install `{distribution}` beside Trellis, list `{name}` under `[plugins] installed`"
    " in\n`crm.toml`, run `crm db migrate`, restart, then"
    " `crm plugin enable {name} --tenant <slug>`.",
}
PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{distribution}"
version = "0.1.0"
description = "{title} for Trellis."
readme = "{package}/README.md"
requires-python = ">=3.11"
dependencies = ["trellis-crm>=0.1,<0.2"]

[project.entry-points."crm.plugins"]
{name} = "{package}"

[dependency-groups]
dev = ["httpx>=0.28", "pytest>=9", "pytest-asyncio>=1.2", "pytest-timeout>=2.4", "ruff>=0.14"]

[tool.hatch.build.targets.wheel]
packages = ["{package}"]

[tool.ruff]
line-length = 100
target-version = "py311"

[tool.ruff.lint.isort]
known-first-party = ["core", "plugins", "{package}"]

[tool.pytest.ini_options]
testpaths = ["{package}"]
addopts = ["--import-mode=importlib"]
pythonpath = ["."]
asyncio_mode = "auto"
asyncio_default_fixture_loop_scope = "session"
asyncio_default_test_loop_scope = "session"
filterwarnings = [
    "error",
    # advanced-alchemy applies it at import; SQLAlchemy 2.1 calls it useless
    "ignore:The declarative_mixin decorator:sqlalchemy.exc.SADeprecationWarning",
]
"""
CONFTEST = '''\
"""What the tests stand on: databases and worlds, from the kernel's kit."""

pytest_plugins = ("core.testing.databases", "core.testing.kit")
'''
