"""The command line without a database: what it refuses, and in which words."""

import socket
import tomllib
from pathlib import Path

import pytest

from core.config.edit import add_tenant, edit, list_plugin
from tests.core.commands import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, ("customers", "loyalty"))


def test_version_and_help_name_every_command(project: Project) -> None:
    assert "0.1.0" in project.crm("--version")
    shown = project.crm("--help")
    for name in ("serve", "up", "init", "demo", "db", "backup", "restore", "tenant", "user",
                 "plugin", "check", "config"):  # fmt: skip
        assert name in shown


def test_check_needs_no_database(project: Project) -> None:
    said = project.crm("check")
    assert "is good: 2 tenants, 2 plugins" in said
    assert not project.home.exists()


@pytest.mark.parametrize("command", [("check",), ("serve",), ("db", "migrate")], ids=str)
def test_an_unknown_plugin_is_named_with_file_line_and_nearest(
    project: Project, command: tuple[str, ...]
) -> None:
    project.config.write_text(project.config.read_text().replace('"loyalty"', '"loyality"'))
    said = project.crm(*command, good=False)
    assert f'{project.config}:3: plugins.installed[1]: unknown plugin "loyality"' in said
    assert 'did you mean "loyalty"?' in said


def test_a_requirement_that_is_not_listed_is_named(project: Project) -> None:
    project.config.write_text('[plugins]\ninstalled = ["loyalty"]\n')
    said = project.crm("check", good=False)
    assert f'{project.config}:2: plugins.installed[0]: "loyalty" requires "customers"' in said


def test_a_port_in_use_is_refused_before_anything_starts(project: Project) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = project.crm("serve", "--port", str(port), good=False)
    assert f"Port {port} on 127.0.0.1 is in use" in said
    assert not project.home.exists()


def test_config_show_masks_secrets(project: Project) -> None:
    said = project.crm(
        "config", "show", CRM_DATABASE_URL="postgresql://crm_app:hush@db.example/trellis"
    )
    assert "hush" not in said
    assert "crm_app:***@db.example" in said


def test_an_external_server_that_cannot_be_reached_is_one_message(project: Project) -> None:
    said = project.crm(
        "db", "status", good=False, CRM_DATABASE_URL="postgresql://crm_app:hush@127.0.0.1:1/x"
    )
    assert "The database cannot be used" in said
    assert "hush" not in said


def test_migrating_an_external_server_asks_for_the_owners_url(project: Project) -> None:
    said = project.crm(
        "db", "migrate", good=False, CRM_DATABASE_URL="postgresql://crm_app@127.0.0.1:1/x"
    )
    assert "set CRM_DATABASE_OWNER_URL" in said


def test_tenants_are_listed_and_shown(project: Project) -> None:
    assert "globex" in project.crm("tenant", "list")
    assert f"{project.config}:5" in project.crm("tenant", "show", "acme")
    assert "there are acme, globex" in project.crm("tenant", "show", "nobody", good=False)


def test_editing_keeps_comments_and_refuses_what_would_not_load(tmp_path: Path) -> None:
    path = tmp_path / "crm.toml"
    path.write_text('[plugins]\ninstalled = ["a"]  # why\n[tenants.t]\nplugins = ["a"]\n')
    edit(path, add_tenant("north", "North", ("north.localhost",), ("a",)))
    edit(path, list_plugin("b", on=True))
    assert "# why" in path.read_text()
    edit(path, list_plugin("a", on=False))
    found = tomllib.loads(path.read_text())
    assert found["plugins"]["installed"] == ["b"]
    assert [t["plugins"] for t in found["tenants"].values()] == [[], []]
    before = path.read_text()
    with pytest.raises(Exception, match="timezone"):
        edit(path, lambda document: document["tenants"]["t"].update({"timezone": "Nowhere/No"}))
    assert path.read_text() == before
