"""The files of a new plugin: one small entity, its rights, its tests and its page."""

from pathlib import Path

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
from plugins.{name}.models import {cls}


@hookimpl
def register_grants():
    verbs = ("list", "view", "create", "update", "delete", "trash", "restore")
    return [Grant(role="staff", entity={cls}, actions=verbs, scope="all")]
'''
TESTS = '''\
"""{title}, asked for as a client does."""

from core.testing.kit import MakeWorld


async def test_a_record_is_created_listed_and_hidden_from_others(make_world: MakeWorld) -> None:
    world = await make_world(plugins=("{name}",), packages={{}})
    staff = await world.person("staff")
    made = await world.ask(staff, "POST", "/api/{resource}/", json={{"name": "First"}})
    assert made.status_code == 201, made.text
    listed = await world.ask(staff, "GET", "/api/{resource}/")
    assert [one["name"] for one in listed.json()["results"]] == ["First"]
    foreign = await world.person("staff", tenant="globex")
    hidden = await world.ask(foreign, "GET", f"/api/{resource}/{{made.json()['id']}}/")
    assert hidden.status_code == 404


async def test_a_record_without_a_name_is_refused(make_world: MakeWorld) -> None:
    world = await make_world(plugins=("{name}",), packages={{}})
    staff = await world.person("staff")
    refused = await world.ask(staff, "POST", "/api/{resource}/", json={{}})
    assert refused.status_code == 400
    assert [one["pointer"] for one in refused.json()["errors"]] == ["#/name"]
'''
PAGE = {
    "What it does": "Keeps the {words} of a tenant.",
    "Turn it on": "List `{name}` under `[plugins] installed` in `crm.toml`, run `crm db migrate`,"
    "\nrestart, then `crm plugin enable {name} --tenant <slug>`.",
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


def singular(name: str) -> str:
    """Return a guess at one of many: the author corrects the exceptions."""
    if name.endswith("ies"):
        return f"{name[:-3]}y"
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


def words_of(name: str) -> dict[str, str]:
    """Return what the templates need to know."""
    words = name.replace("_", " ")
    entity = singular(name)
    return {
        "name": name,
        "words": words,
        "title": words.capitalize(),
        "label": entity.replace("_", " ").capitalize(),
        "cls": "".join(part.capitalize() for part in entity.split("_")),
        "entity": entity,
        "resource": name.replace("_", "-"),
    }


def write_plugin(folder: Path, name: str) -> None:
    """Write the files of a plugin but for its migration, which follows from the declaration."""
    words = words_of(name)
    files = {
        "plugin.toml": MANIFEST,
        "__init__.py": PACKAGE,
        "models.py": MODELS,
        "hooks.py": HOOKS,
        f"tests/test_{name}.py": TESTS,
    }
    (folder / "tests").mkdir(parents=True)
    (folder / "migrations").mkdir()
    for path, template in files.items():
        (folder / path).write_text(template.format(**words))
    page = [f"# {words['title']}"]
    page += [f"\n## {heading}\n\n{PAGE[heading].format(**words)}" for heading in HEADINGS]
    (folder / "README.md").write_text("\n".join(page) + "\n")
