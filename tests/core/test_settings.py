"""What operators write in crm.toml and what people edit over it (ruling 14)."""

import asyncio
import os
import stat

import pytest

CONFIG = """
# kept by every edit
[plugins]
installed = [{installed}]

[tenants.acme]
name = "Acme"
hosts = ["acme.localhost"]
currency = "IDR"
phone_region = "ID"
plugins = [{installed}]

[tenants.acme.settings.dummy]
most_decibel = 70

[[tenants.acme.dictionaries."dummy.colours"]]
code = "green"
label = "Green"

[tenants.globex]
hosts = ["globex.localhost"]
plugins = ["customers", "dummy"]
"""
SETTINGS = "/api/settings/dummy/"
COLOURS = "/api/dictionaries/dummy.colours/"


@pytest.fixture
async def office(make_world):
    return await make_world(config=CONFIG)


def edit(world, old, new):
    """Edit the running server's file as an operator does with an editor."""
    text = world.file.read_text()
    assert old in text
    fresh = world.file.with_suffix(".new")
    fresh.write_text(text.replace(old, new))
    fresh.replace(world.file)


async def test_edits_lie_over_the_file(office):
    """Ruling 14: the plugin's default, then the file's value, then what an administrator edited."""
    admin = await office.person("admin")
    other = await office.person("admin", tenant="globex")
    assert (await office.ask(other, "GET", SETTINGS)).json() == {"most_decibel": 80}
    assert (await office.ask(admin, "GET", SETTINGS)).json() == {"most_decibel": 70}
    changed = await office.ask(admin, "PATCH", SETTINGS, {"most_decibel": 60})
    assert changed.json() == {"most_decibel": 60}
    edit(office, "most_decibel = 70", "most_decibel = 75")
    assert (await office.ask(admin, "GET", SETTINGS)).json() == {"most_decibel": 60}
    assert (await office.ask(other, "GET", SETTINGS)).json() == {"most_decibel": 80}
    loudest = await office.ask(admin, "GET", "/api/devices/loudest/")
    assert loudest.json()["limit"] == 60, "the plugin reads what is in force"


async def test_settings_are_checked_by_the_plugins_own_struct(office):
    admin = await office.person("admin")
    refused = await office.ask(admin, "PATCH", SETTINGS, {"most_decibel": "loud", "volume": 1})
    assert refused.status_code == 400
    assert {e["pointer"] for e in refused.json()["errors"]} == {"#/most_decibel", "#/volume"}
    assert (await office.ask(admin, "GET", SETTINGS)).json() == {"most_decibel": 70}
    for name in ("core", "nothing"):
        assert (await office.ask(admin, "GET", f"/api/settings/{name}/")).status_code == 404
    staff = await office.person("staff")
    for method in ("GET", "PATCH"):
        assert (await office.ask(staff, method, SETTINGS, {})).status_code == 403


async def test_edits_reach_the_other_workers(office):
    """An edit made elsewhere is in force here within 2 s."""
    admin = await office.person("admin")
    assert (await office.ask(admin, "GET", SETTINGS)).json() == {"most_decibel": 70}
    await office.scratch.run(
        "INSERT INTO core_setting (tenant_id, kind, name, value) VALUES"
        f" ('{office.tenant().id}', 'settings', 'dummy', '{{\"most_decibel\": 55}}')"
    )
    await asyncio.sleep(2.1)
    assert (await office.ask(admin, "GET", SETTINGS)).json() == {"most_decibel": 55}


async def test_a_dictionary_is_the_tenants_own(office):
    """Codes come from the plugin, the file or the people, and records are checked against them."""
    admin, staff = await office.person("admin"), await office.person("staff")
    other = await office.person("admin", tenant="globex")
    assert [c["code"] for c in (await office.ask(other, "GET", COLOURS)).json()["choices"]] == [
        "red",
        "blue",
    ]
    shown = (await office.ask(admin, "GET", COLOURS)).json()["choices"]
    assert [c["code"] for c in shown] == ["green"]
    red = {"name": "A", "colour": "red"}
    assert (await office.ask(staff, "POST", "/api/devices/", red)).status_code == 400
    more = [
        {"code": "red", "label": "Rot", "order": 2},
        {"code": "green", "label": "Grün", "order": 1},
    ]
    put = await office.ask(admin, "PUT", COLOURS, {"choices": more})
    assert [c["label"] for c in put.json()["choices"]] == ["Grün", "Rot"]
    assert (await office.ask(staff, "POST", "/api/devices/", red)).status_code == 201
    options = (await office.ask(staff, "GET", "/api/devices/options/")).json()["fields"]
    colour = next(field for field in options if field["name"] == "colour")
    assert colour["choices"] == [
        {"value": "green", "label": "Grün"},
        {"value": "red", "label": "Rot"},
    ]
    assert (await office.ask(other, "POST", "/api/devices/", red)).status_code == 201
    for wrong in (
        [more[0]],
        [*more, more[0]],
        [],
        [{"code": "x"}],
        [*more, {"code": "x", "label": " "}],
        "red",
    ):
        refused = await office.ask(admin, "PUT", COLOURS, {"choices": wrong})
        assert refused.status_code == 400, wrong


async def test_two_administrators_edit_at_once(office):
    """Each edit starts from what is stored, so none is lost."""
    admin = await office.person("admin")
    add = [
        {"choices": [{"code": "green", "label": "Green"}, {"code": f"c{n}", "label": "C"}]}
        for n in range(6)
    ]
    answers = await asyncio.gather(*(office.ask(admin, "PUT", COLOURS, body) for body in add))
    assert sorted(a.status_code for a in answers) == [200] + [400] * 5, "codes stay: one was first"


async def test_an_edited_file_takes_effect_in_the_running_server(office):
    """Part 2: validated and swapped whole, without restart; new tenants appear as well."""
    staff = await office.person("staff")
    local = {"name": "A", "hotline": "0812 3456 789"}
    made = await office.ask(staff, "POST", "/api/devices/", local)
    assert (made.json()["hotline"], made.json()["currency"]) == ("+628123456789", "IDR")
    edit(office, 'currency = "IDR"', 'currency = "EUR"')
    edit(office, 'phone_region = "ID"', 'phone_region = "GB"')
    made = await office.ask(staff, "POST", "/api/devices/", {"name": "A", "hotline": "02079460000"})
    assert (made.json()["hotline"], made.json()["currency"]) == ("+442079460000", "EUR")
    edit(office, "[tenants.globex]", '[tenants.initech]\nplugins = ["customers"]\n[tenants.globex]')
    await office.ask(staff, "GET", "/api/devices/")
    newcomer = await office.person("admin", tenant="initech")
    assert (await office.ask(newcomer, "GET", "/api/customers/")).json()["count"] == 0
    assert (await office.ask(newcomer, "GET", "/api/devices/")).status_code == 404


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[plugins]", "[plugin]"),
        ('currency = "IDR"', 'currency = "XXQ"'),
        ('"customers", "dummy"]', '"customers", "dommy"]'),
        ('plugins = ["customers", "dummy"]', 'plugins = ["dummy"]'),
        ("most_decibel = 70", 'most_decibel = "loud"'),
        ("[tenants.globex]", "[tenants.globex"),
    ],
)
async def test_a_wrong_edit_keeps_the_old_configuration(office, old, new):
    """Part 2: the old one stays in force until the file is right again."""
    admin = await office.person("admin")
    edit(office, old, new)
    assert (await office.ask(admin, "GET", SETTINGS)).json() == {"most_decibel": 70}
    apps = await office.ask(admin, "POST", "/api/apps/loyalty/disable/")
    assert (apps.status_code, apps.json()["code"]) == (409, "config_invalid")
    edit(office, new, old)
    edit(office, "most_decibel = 70", "most_decibel = 71")
    assert (await office.ask(admin, "GET", SETTINGS)).json() == {"most_decibel": 71}


async def test_administrators_see_what_is_installed(office):
    admin, staff = await office.person("admin"), await office.person("staff")
    shown = (await office.ask(admin, "GET", "/api/apps/")).json()["apps"]
    assert [app["name"] for app in shown] == ["customers", "dummy", "loyalty"]
    dummy = shown[1]
    assert dummy == {
        "name": "dummy",
        "title": "Dummy",
        "summary": dummy["summary"],
        "version": "0.1.0",
        "requires": ["customers"],
        "enabled": True,
        "has_settings": True,
    }
    other = await office.person("admin", tenant="globex")
    theirs = (await office.ask(other, "GET", "/api/apps/")).json()["apps"]
    assert [app["enabled"] for app in theirs] == [True, True, False]
    for method, path in (("GET", ""), ("POST", "dummy/disable/"), ("POST", "dummy/enable/")):
        assert (await office.ask(staff, method, f"/api/apps/{path}")).status_code == 403
    assert (await office.ask(admin, "POST", "/api/apps/core/disable/")).status_code == 404
    assert (await office.ask(admin, "POST", "/api/apps/nothing/enable/")).status_code == 404


async def test_a_plugin_is_switched_off_and_on_again(office):
    """Part 2: off at once in this worker, its data back when it is on; the change is recorded."""
    admin = await office.person("admin")
    made = await office.ask(admin, "POST", "/api/devices/", {"name": "Kept"})
    held = await office.ask(admin, "POST", "/api/apps/customers/disable/")
    assert (held.status_code, held.json()["code"]) == (409, "required")
    off = await office.ask(admin, "POST", "/api/apps/dummy/disable/")
    assert off.json() == {"changed": ["dummy"], "enabled": ["customers", "loyalty"]}
    assert (await office.ask(admin, "GET", made.headers["location"])).status_code == 404
    assert (await office.ask(admin, "GET", SETTINGS)).status_code == 404
    other = await office.person("admin", tenant="globex")
    assert (await office.ask(other, "GET", "/api/devices/")).status_code == 200
    again = await office.ask(admin, "POST", "/api/apps/dummy/disable/")
    assert again.json()["changed"] == []
    on = await office.ask(admin, "POST", "/api/apps/dummy/enable/")
    assert on.json()["changed"] == ["dummy"]
    assert (await office.ask(admin, "GET", made.headers["location"])).json() == made.json()
    assert "# kept by every edit" in office.file.read_text()
    owner = await office.scratch.connect("crm_owner")
    try:
        events = await owner.fetch(
            "SELECT kind, user_id, detail::text FROM core_security_event"
            " WHERE kind LIKE 'plugin%' ORDER BY created_at"
        )
    finally:
        await owner.close()
    assert [(row["kind"], row["user_id"]) for row in events] == [
        ("plugin_disabled", admin.id),
        ("plugin_enabled", admin.id),
    ]
    assert "dummy" in events[0]["detail"]


async def test_enabling_brings_what_is_required(office):
    other = await office.person("admin", tenant="globex")
    for name in ("dummy", "customers"):
        await office.ask(other, "POST", f"/api/apps/{name}/disable/")
    on = await office.ask(other, "POST", "/api/apps/loyalty/enable/")
    assert on.json() == {"changed": ["customers", "loyalty"], "enabled": ["customers", "loyalty"]}
    assert (await office.ask(other, "GET", "/api/customers/")).status_code == 200


async def test_parallel_switches_all_apply(office):
    """Ruling 14: under the file's lock no edit is lost."""
    admin = await office.person("admin")
    other = await office.person("admin", tenant="globex")
    for _ in range(3):
        await asyncio.gather(
            office.ask(admin, "POST", "/api/apps/dummy/disable/"),
            office.ask(admin, "POST", "/api/apps/loyalty/disable/"),
            office.ask(other, "POST", "/api/apps/loyalty/enable/"),
        )
        found = [
            (await office.ask(who, "GET", "/api/apps/")).json()["apps"] for who in (admin, other)
        ]
        assert [[app["enabled"] for app in apps] for apps in found] == [
            [True, False, False],
            [True, True, True],
        ]
        await asyncio.gather(
            office.ask(admin, "POST", "/api/apps/dummy/enable/"),
            office.ask(admin, "POST", "/api/apps/loyalty/enable/"),
            office.ask(other, "POST", "/api/apps/loyalty/disable/"),
        )


async def test_a_read_only_file_is_reported_clearly(office):
    """Ruling 14: 409 with the reason, and nothing changes."""
    admin = await office.person("admin")
    office.file.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
    answer = await office.ask(admin, "POST", "/api/apps/dummy/disable/")
    assert (answer.status_code, answer.json()["code"]) == (409, "config_read_only")
    assert "read-only" in answer.json()["detail"]
    assert (await office.ask(admin, "GET", "/api/devices/")).status_code == 200
    assert os.access(office.file, os.R_OK)
