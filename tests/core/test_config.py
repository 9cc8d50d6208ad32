"""What a configuration may say, and how exactly a wrong one is refused."""

from pathlib import Path

import pytest

from core.config import ChoiceConfig, load
from core.config.lines import key_lines
from tests.core.config_files import BASE, Write, refused

SHIPPED = Path(__file__).parents[2] / "crm.toml"


def test_shipped_file_holds_the_demo_tenants() -> None:  # ruling 16
    config = load(SHIPPED, environ={})
    acme, globex = config.tenants["acme"], config.tenants["globex"]
    assert (acme.name, acme.phone_region, acme.currency) == ("Acme", "ID", "IDR")
    assert (acme.timezone, acme.hosts) == ("Asia/Jakarta", ("acme.localhost",))
    assert acme.plugins == ("customers", "loyalty")
    assert (globex.name, globex.phone_region, globex.currency) == ("Globex", "US", "USD")
    assert (globex.timezone, globex.hosts) == ("America/New_York", ("globex.localhost",))
    assert globex.plugins == ("customers",)
    assert config.server.aliases == {
        "/api/crm": "/api",
        "/admin-panel/api": "/api",
        "/api/accounts": "/api/auth",
    }


REFUSALS = {
    "unknown section": (
        "[sever]\nport = 1\n",
        'crm.toml:8: sever: unknown key "sever"; allowed: database, plugins, server, tenants; '
        'did you mean "server"?',
    ),
    "unknown key": (
        'locle = "id"\n',
        'crm.toml:8: tenants.acme.locle: unknown key "locle"; allowed: aliases, currency, '
        "dictionaries, hosts, locale, name, phone_region, plugins, require_if_match, roles, "
        'settings, theme, timezone; did you mean "locale"?',
    ),
    "slug is the table's name, not a key": (
        'slug = "acme"\n',
        'crm.toml:8: tenants.acme.slug: unknown key "slug"; allowed: aliases, currency, '
        "dictionaries, hosts, locale, name, phone_region, plugins, require_if_match, roles, "
        "settings, theme, timezone",
    ),
    "wrong type": (
        '[server]\nport = "80"\n',
        'crm.toml:9: server.port: expected int, got str (here "80")',
    ),
    "out of range": (
        "[server]\nport = 70000\n",
        "crm.toml:9: server.port: expected int <= 65535 (here 70000)",
    ),
    "a value where a table belongs": (
        "settings = 3\n",
        "crm.toml:8: tenants.acme.settings: expected object, got int (here 3)",
    ),
    "time zone": (
        'timezone = "Asia/Jakata"\n',
        'crm.toml:8: tenants.acme.timezone: unknown time zone "Asia/Jakata"; '
        'did you mean "Asia/Jakarta"?',
    ),
    "currency": (
        'currency = "usd"\n',
        'crm.toml:8: tenants.acme.currency: unknown currency "usd"; did you mean "USD"?',
    ),
    "locale": (
        'locale = "pt_BX"\n',
        'crm.toml:8: tenants.acme.locale: unknown locale "pt_BX"; did you mean "pt_BR"?',
    ),
    "phone region": (
        'phone_region = "Id"\n',
        'crm.toml:8: tenants.acme.phone_region: unknown phone region "Id"; did you mean "ID"?',
    ),
    "slug": (
        "[tenants.Acme_2]\n",
        'crm.toml:8: tenants.Acme_2: "Acme_2" cannot be a tenant\'s slug: a lower-case letter, '
        "then letters, digits and inner hyphens, at most 40",
    ),
    "plugin that is not installed": (
        '[tenants.b]\nplugins = ["loyalti"]\n',
        'crm.toml:9: tenants.b.plugins[0]: unknown plugin "loyalti"; allowed: customers, loyalty; '
        'did you mean "loyalty"?',
    ),
    "plugin listed twice": (
        '[tenants.b]\nplugins = ["customers", "customers"]\n',
        'crm.toml:9: tenants.b.plugins[1]: "customers" is listed twice',
    ),
    "settings of an unknown plugin": (
        "[tenants.acme.settings.loyality]\nx = 1\n",
        'crm.toml:8: tenants.acme.settings.loyality: unknown plugin "loyality"; '
        'allowed: customers, loyalty; did you mean "loyalty"?',
    ),
    "host of two tenants": (
        '[tenants.b]\nhosts = ["ACME.localhost"]\n',
        'crm.toml:9: tenants.b.hosts[0]: "acme.localhost" already belongs to tenant "acme" '
        "(crm.toml:6)",
    ),
    "host with a port": (
        '[tenants.b]\nhosts = ["b.example:8000"]\n',
        'crm.toml:9: tenants.b.hosts[0]: "b.example:8000" is not a host name such as '
        "acme.example.com, without a port",
    ),
    "grant without a scope": (
        '[tenants.acme.roles.clerk]\nlabel = "Clerk"\ngrants = ["customers.customer:list"]\n',
        'crm.toml:10: tenants.acme.roles.clerk.grants[0]: "customers.customer:list" is not a '
        'grant of the form "entity:action,action:scope", such as '
        '"customers.customer:list,view:all"',
    ),
    "role without a label": (
        "[tenants.acme.roles.clerk]\ngrants = []\n",
        'crm.toml:8: tenants.acme.roles.clerk: "label" is missing',
    ),
    "role like itself": (
        '[tenants.acme.roles]\na = {label = "A", like = "b"}\nb = {label = "B", like = "a"}\n',
        'crm.toml:9: tenants.acme.roles.a.like: "a" is like itself over "b"',
    ),
    "choice twice": (
        '[[tenants.acme.dictionaries."loyalty.tiers"]]\ncode = "gold"\nlabel = "Gold"\n'
        '[[tenants.acme.dictionaries."loyalty.tiers"]]\ncode = "gold"\nlabel = "Or"\n',
        'crm.toml:12: tenants.acme.dictionaries."loyalty.tiers"[1].code: "gold" is listed twice',
    ),
    "alias under itself": (
        '[server.aliases]\n"/api" = "/api/v1"\n',
        'crm.toml:9: server.aliases."/api": "/api/v1" lies under its own alias, '
        "so it would never resolve",
    ),
    "cors origin": (
        '[server]\ncors = ["http://localhost:5173/app"]\n',
        'crm.toml:9: server.cors[0]: "http://localhost:5173/app" is not an origin such as '
        "http://localhost:5173",
    ),
    "proxy": (
        '[server]\ntrusted_proxies = ["proxy"]\n',
        'crm.toml:9: server.trusted_proxies[0]: "proxy" is not an IP address or network',
    ),
    "not TOML": (
        "locale = id\n",
        "crm.toml:8: not valid TOML: Invalid value",
    ),
    "cut off": (
        'locale = "id',
        "crm.toml:8: not valid TOML: Unterminated string, the file ends too early",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_wrong_key_is_refused_with_file_line_and_nearest_name(write: Write, case: str) -> None:
    text, message = REFUSALS[case]
    assert refused(write(BASE + text))[0] == message


def test_every_problem_is_reported_in_the_order_of_the_file(write: Write) -> None:
    text = BASE + 'timezone = "Mars"\nlocle = "id"\n[server]\nport = true\nwrkers = 2\n'
    found = [line.split(": ")[:2] for line in refused(write(text))]
    assert found == [
        ["crm.toml:9", "tenants.acme.locle"],
        ["crm.toml:11", "server.port"],
        ["crm.toml:12", "server.wrkers"],
    ]


def test_missing_file_names_the_variable(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    assert refused(path) == [
        "none.toml:1: no such file or directory; CRM_CONFIG names the config file"
    ]


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "crm.toml"
    path.write_bytes(b"# \xff\n")
    assert refused(path) == ["crm.toml:1: not UTF-8 text at byte 2"]


def test_lines_are_located_in_every_form_of_toml() -> None:
    text = """\
# [a]
a.b = 1
text = \"\"\"
[not.a.table]
x = 1 \\\"\"\" still inside
\"\"\"
raw = '''
y = ''z''
'''
list = [ # comment with ]
  "]", '[',
  {k = 1},
]
["quoted \\u0041.name"]
'k' = {in = 1} # end
[[rows]]
n = 1
[[rows]]
n = 2
[rows.sub]
m = 3
"""
    lines = dict(reversed(list(key_lines(text))))
    assert lines[("a", "b")] == 2
    assert lines[("raw",)] == 7
    assert lines[("list",)] == 10
    assert lines[("quoted A.name", "k")] == 15
    assert lines[("rows", "[0]", "n")] == 17
    assert lines[("rows", "[1]", "n")] == 19
    assert lines[("rows", "[1]", "sub", "m")] == 21
    assert {path[0] for path in lines} == {"a", "text", "raw", "list", "quoted A.name", "rows"}
    assert ("quoted A.name", "k", "in") not in lines  # stands on the line of its key


def test_choices_roles_and_settings_are_read(write: Write) -> None:
    text = """
[tenants.acme.settings.loyalty]
points_per_unit = 2
[[tenants.acme.dictionaries."loyalty.tiers"]]
code = "gold"
label = "Gold"
order = 3
[tenants.acme.roles.clerk]
label = "Clerk"
like = "staff"
grants = ["customers.customer:list,view:all"]
"""
    acme = load(write(BASE + text), environ={}).tenants["acme"]
    assert acme.settings == {"loyalty": {"points_per_unit": 2}}
    assert acme.dictionaries["loyalty.tiers"] == (ChoiceConfig(code="gold", label="Gold", order=3),)
    assert acme.roles["clerk"].like == "staff"
    assert acme.roles["clerk"].grants == ("customers.customer:list,view:all",)


# -- tenants.d ---------------------------------------------------------------


def test_tenants_may_live_in_files_of_their_own(write: Write) -> None:
    path = write(BASE)
    write('[tenants.globex]\nplugins = ["customers"]\n[tenants.third]\n', "tenants.d/more.toml")
    assert list(load(path, environ={}).tenants) == ["acme", "globex", "third"]


def test_tenant_in_two_files_is_refused_naming_both(write: Write) -> None:
    path = write(BASE)
    write("\n[tenants.acme]\n", "tenants.d/a.toml")
    assert refused(path) == [
        "tenants.d/a.toml:2: tenants.acme: this tenant is already defined in crm.toml:4"
    ]


def test_tenants_file_holds_tenants_only_and_its_lines_are_named(write: Write) -> None:
    path = write(BASE)
    write('[server]\nport = 1\n[tenants.b]\ncurrency = "XXB"\n', "tenants.d/b.toml")
    assert [line.split("; ")[0] for line in refused(path)] == [
        "tenants.d/b.toml:1: server: only [tenants.<slug>] tables may stand here",
        'tenants.d/b.toml:4: tenants.b.currency: unknown currency "XXB"',
    ]


def test_hidden_files_of_editors_are_not_tenants(write: Write) -> None:
    path = write(BASE)
    write("not TOML", "tenants.d/.#third.toml")
    assert list(load(path, environ={}).tenants) == ["acme"]
